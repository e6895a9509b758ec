"""Data sets opened for reading."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from operator import index
from typing import TYPE_CHECKING, Any, overload

import numpy

from . import _core
from .arguments import address, columns_of, optional, text, whole
from .arguments import connection as checked
from .tensors import tensors_of

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import torch
    from typing_extensions import Unpack

    from .connection import Connection

SAMPLES_AT_ONCE = 1024
CACHE_BYTES = 64 << 20

@dataclass(frozen=True)
class Column:
    """What a sample has under one name.

    Attributes:
        name: as in the data set.
        kind: "tensor" (the same shape in each sample), "list" (one dimension of varying length), "binary" or "string".
        dtype: of the elements, as NumPy and torch name it ("float32"); "uint8" for binary and string.
        shape: of one sample; () for a scalar and for what is no tensor.
        classes: the names of the classes whose numbers its values are; () where it has none.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()


class Dataset:
    """One split of one version of a data set; `ringfeed.open()` makes it. It never changes once it is open.

    Samples have numbers, from 0 in storage order (which `write()` and ingest permuted). `ds[i]` is a sample: a dict of
    NumPy arrays (a NumPy scalar for a column without dimensions), bytes and str by column. `ds[i:j]` and `ds[[3, 1,
    4]]` are many: arrays [n, *shape]; a list of arrays, bytes or str where the length varies. torch.from_numpy()
    shares their memory. Blocks that were read last stay in memory (64 MiB): near numbers are cheap, training reads
    with a `Loader`. A fork leaves it behind: a child opens its own (`TorchDataset` does); spawn and pickle carry its
    address and `Connection`, password included, and open it again.
    """

    def __init__(self, core: _core.Dataset, connection: dict[str, Any]) -> None:
        self._core = core
        self._connection = connection
        self._url, self._split, self._version, self._splits = core.url, core.split, core.version, core.splits
        self._schema = tuple(Column(*parts) for parts in core.columns)
        self._samples: dict[tuple[str, ...], _core.Samples] = {}  # by their columns

    @property
    def url(self) -> str:
        """Its address, as it was given."""
        return self._url

    @property
    def split(self) -> str:
        """The name of the split."""
        return self._split

    @property
    def splits(self) -> dict[str, int]:
        """Samples in each split of this version."""
        return dict(self._splits)

    @property
    def version(self) -> int:
        """From 1."""
        return self._version

    @property
    def schema(self) -> tuple[Column, ...]:
        """The columns of a sample."""
        return self._schema

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self._schema)

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes, by their number, of each column that has some."""
        return {column.name: column.classes for column in self._schema if column.classes}

    def __len__(self) -> int:
        """Samples in this split."""
        return self._splits[self._split]

    def __repr__(self) -> str:
        return f"<ringfeed.Dataset {self.url} version {self.version}, split {self.split}: {len(self)} samples>"

    def _repr_html_(self) -> str:
        """A table of the columns, for notebooks."""
        rows = "".join(f"<tr><td>{escape(column.name)}</td><td>{column.kind}</td><td>{column.dtype}</td><td>{[*column.shape]}</td></tr>"
                       for column in self._schema)
        splits = ", ".join(f"{escape(split)}: {samples:,}" for split, samples in self._splits.items())
        return (f"<div><b>{escape(self.url)}</b> version {self.version}, split {escape(self.split)} ({splits} samples)</div>"
                f"<table><tr><th>column</th><th>kind</th><th>dtype</th><th>shape</th></tr>{rows}</table>")

    def reopen(self) -> Dataset:
        """The same split of the same version, opened again: for a process that was forked since this was opened."""
        return _open_version(self.url, self.split, self.version, self._connection)

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_version, (self.url, self.split, self.version, self._connection)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int] | numpy.ndarray | torch.Tensor) -> dict[str, Any]: ...
    def __getitem__(self, key: Any) -> dict[str, Any]:
        """Raises: IndexError; TypeError for another key; BadDataError, UnavailableError, ... of the store."""
        if isinstance(key, slice):
            return self.take(range(*key.indices(len(self))))
        if getattr(key, "ndim", 0) == 1:  # an array or a tensor
            key = key.tolist()
        if not isinstance(key, list | tuple | range):
            return {name: values[0] for name, values in self.take([key]).items()}
        return self.take(key)

    def take(self, numbers: Sequence[int], columns: Sequence[str] | None = None) -> dict[str, Any]:
        """The samples of these numbers, in their order, as `ds[numbers]`; with these columns alone (None: all), the
        others are not copied.

        Raises:
            InvalidArgumentError: an unknown column. IndexError; TypeError for what is no whole number; BadDataError,
                UnavailableError, ... of the store.
        """
        names = self.columns if columns is None else tuple(columns)
        if names not in self._samples:
            self._samples[names] = self._core.samples([*names], CACHE_BYTES)
        kinds = {column.name: column.kind for column in self._schema}
        values = self._samples[names].read([self._place(number) for number in numbers])
        return {name: values_of(kinds[name], values[name]) for name in names}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Samples in storage order."""
        for first in range(0, len(self), SAMPLES_AT_ONCE):
            part = self[first:first + SAMPLES_AT_ONCE]
            for number in range(min(SAMPLES_AT_ONCE, len(self) - first)):
                yield {name: values[number] for name, values in part.items()}

    def head(self, n: int = 5) -> dict[str, Any]:
        """The first `n` samples (all when there are fewer): `ds[:n]`."""
        return self[:n]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All samples in storage order as an Arrow stream
        (arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html): what pyarrow.table(),
        polars.DataFrame(), duckdb and others take. What goes wrong while reading they raise as errors of their own."""
        return self._core.export_stream([])

    def to_arrow(self, columns: Sequence[str] | None = None) -> pyarrow.Table:
        """All samples in storage order. Of a local data set the table's memory is the mapped files. Needs pyarrow."""
        import pyarrow

        stream = self._core.export_stream(columns_of(columns, [*self.columns]))
        return pyarrow.RecordBatchReader._import_from_c_capsule(stream).read_all()

    def to_batches(self, columns: Sequence[str] | None = None, *, part: int = 0, parts: int = 1) -> pyarrow.RecordBatchReader:
        """The samples of a part in storage order, a pyarrow.RecordBatch for each block, read ahead. Needs pyarrow.

        Args:
            columns: the names to take, in this order (default: all).
            part: the number of the part, from 0.
            parts: how many there are, 1 to 2^20, of about as many blocks; together they are the split. More parts than
                blocks leave some empty.

        Raises:
            InvalidArgumentError: an unknown column, a part that is none.
        """
        import pyarrow

        part, parts = whole("part", part), whole("parts", parts, 1, 1 << 20)
        stream = self._core.export_stream(columns_of(columns, [*self.columns]), part, parts)
        return pyarrow.RecordBatchReader._import_from_c_capsule(stream)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """All samples in storage order; what has dimensions is an array per row. Needs pyarrow and pandas."""
        return self.to_arrow(columns).to_pandas()

    def _place(self, number: Any) -> int:  # noqa: ANN401
        try:
            if isinstance(number, bool | numpy.bool_):
                raise TypeError
            number = index(number)
        except TypeError:
            remedy = "; a column is ds.take(range(len(ds)), [name])[name]" if isinstance(number, str) else ""
            if isinstance(number, bool | numpy.bool_):
                remedy = "; of a mask give numpy.flatnonzero(mask)"
            raise TypeError(f"{number!r:.40} is no number of a sample, nor a slice or a list of them{remedy}") from None
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.url}: there is no sample {number}; there are {len(self)}")
        return number % len(self)


def values_of(kind: str, column: Any) -> Any:  # noqa: ANN401
    """A column of a batch as users see it, an array or a list of arrays, bytes or str, of one as the core gives it."""
    if kind == "tensor":
        return column
    values, offsets = column
    ends = pairwise(offsets.tolist())
    if kind == "list":
        return [values[begin:end] for begin, end in ends]
    data = values.tobytes()
    parts = [data[begin:end] for begin, end in ends]
    return parts if kind == "binary" else [part.decode() for part in parts]


def open(url: str | os.PathLike[str], *, split: str | None = None, **connection: Unpack[Connection]) -> Dataset:  # noqa: A001
    """Opens a data set for reading.

    Args:
        url: a path, file:///..., or cassandra://[user@]host[:port][,host...]/keyspace/name; `?split=` and `?version=`
            choose what is read, without them it is split train (or the only one there is) of the newest version.
        split: as `?split=`.
        **connection: `Connection`, for cassandra:// alone.

    Raises:
        NotFoundError: the data set, version or split; it names those there are.
        InvalidArgumentError: the address or a keyword.
        BadDataError: a damaged manifest.
        UnavailableError, DeadlineError, PermissionDeniedError: of the server.
    """
    connection = checked(open, connection)
    split = optional(text, "split", split)
    core = _core.Dataset.open(address(url), connection)
    return Dataset(core if split is None else core.with_split(split), connection)


def load(url: str | os.PathLike[str], n: int, **connection: Unpack[Connection]) -> dict[str, Any]:
    """The first `n` samples in storage order (all when there are fewer) as one batch: torch tensors [n, *shape] by
    column, a list of tensors, bytes or str where the length varies.

    Raises: those of `open()`, and of reading.
    """
    return {name: tensors_of(values) for name, values in open(url, **checked(load, connection)).head(whole("n", n)).items()}


def _open_version(url: str, split: str, version: int, connection: dict[str, Any]) -> Dataset:
    if "version=" not in url.partition("?")[2]:
        url += f"{'&' if '?' in url else '?'}version={version}"
    return open(url, split=split, **connection)
