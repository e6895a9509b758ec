"""Data sets opened for reading."""

from __future__ import annotations

import os
from dataclasses import dataclass

from . import _core
from .errors import InvalidArgumentError

CONNECTION_KEYWORDS = frozenset((
    "username", "password", "local_dc", "tls", "tls_ca", "tls_cert", "tls_key", "tls_server_names", "tls_insecure",
    "read_consistency", "write_consistency", "connect_timeout_ms", "request_timeout_ms", "connections_per_host", "lz4",
    "contact_points_only", "index"))


@dataclass(frozen=True)
class Column:
    """What a sample has under one name.

    Attributes:
        name: as in the data set.
        kind: "tensor" (the same shape in each sample), "list" (one dimension of varying length), "binary" or "string".
        dtype: of the elements, as NumPy and torch name it ("float32"); "uint8" for binary and string.
        shape: of one sample; () for a scalar and for what is no tensor.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]


class Dataset:
    """One split of one version of a data set; `ringfeed.open()` makes it. It never changes once it is open."""

    def __init__(self, core: _core.Dataset) -> None:
        self._core = core

    @property
    def url(self) -> str:
        """Its address, as it was given."""
        return self._core.url

    @property
    def split(self) -> str:
        """The name of the split."""
        return self._core.split

    @property
    def splits(self) -> dict[str, int]:
        """Samples in each split of this version."""
        return self._core.splits

    @property
    def version(self) -> int:
        """From 1."""
        return self._core.version

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns of a sample."""
        return tuple(Column(*parts) for parts in self._core.columns)

    def __len__(self) -> int:
        """Samples in this split."""
        return self._core.size

    def __repr__(self) -> str:
        return f"<ringfeed.Dataset {self.url} version {self.version}, split {self.split}: {len(self)} samples>"


def open(url: str | os.PathLike[str], *, split: str | None = None, **connection: object) -> Dataset:  # noqa: A001
    """Opens a data set for reading.

    Args:
        url: a path, file:///..., or cassandra://[user@]host[:port][,host...]/keyspace/name; `?split=` and `?version=` choose what is
            read, without them it is split train (or the only one there is) of the newest version.
        split: as `?split=`.
        **connection: for cassandra:// alone; what is not given comes from the environment and cqlsh's files (docs/cassandra.md):
            username, password, local_dc, tls, tls_ca, tls_cert, tls_key, tls_server_names (a list), tls_insecure, read_consistency,
            write_consistency, connect_timeout_ms, request_timeout_ms, connections_per_host, lz4, contact_points_only, index (the folder
            of the indexes of row tables).

    Raises:
        NotFoundError: no such data set, version or split; it names those there are.
        InvalidArgumentError: the address or a keyword.
        BadDataError: a damaged manifest.
        UnavailableError, DeadlineError, PermissionDeniedError: of the server.
    """
    unknown = sorted(connection.keys() - CONNECTION_KEYWORDS)
    if unknown:
        raise InvalidArgumentError(f"open() has no keyword {unknown[0]!r}; there are {', '.join(sorted(CONNECTION_KEYWORDS))}")
    core = _core.Dataset.open(os.fspath(url), {name: value for name, value in connection.items() if value is not None})
    return Dataset(core if split is None else core.with_split(split))
