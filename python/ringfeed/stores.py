"""Making, copying, checking, exporting, listing and deleting data sets, and auditing what was read of them."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core
from .arguments import address, bounded, classes_of, groups_of, one_of, optional, path, text, texts, truth, whole
from .arguments import connection as checked
from .columns import Chosen, source_of
from .errors import InvalidArgumentError
from .progress import Report, Reporting

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .connection import Connection

Url = str | os.PathLike[str]
LAYOUTS = ("packed", "rows")


@dataclass(frozen=True)
class Written:
    """What `write()`, `attach()` and `copy()` made.

    Attributes:
        url: as it was given.
        version: of the data set, from 1.
        splits: samples in each; empty after `copy()`.
        unchanged: this very version was there already, and nothing was written.
        rejected: bad samples that were left out (`write(on_bad="skip")`).
    """

    url: str
    version: int
    splits: dict[str, int]
    unchanged: bool = False
    rejected: int = 0


def write(url: Url, data: Any, *, columns: Sequence[str] | None = None, drop: Sequence[str] | None = None,  # noqa: ANN401
          schema: Mapping[str, Any] | None = None, classes: Sequence[str] | Mapping[str, Sequence[str]] = (),
          splits: Mapping[str, float] | None = None, stratify: str | None = None, seed: int = 0, permute: bool = True,
          row_number: str | None = None, append: bool = False, overwrite: bool = False, allow_nan: bool = False,
          on_bad: str = "error", rejects: str | os.PathLike[str] | None = None,
          layout: str = "packed", create_keyspace: str | None = None, tensors: Sequence[str] = (),
          column_groups: Sequence[Sequence[str]] | None = None, chunk_bytes: int = 512 << 10, spill_bytes: int = 64 << 30,
          max_bytes_per_second: int = 0, progress: bool | Report | None = None,
          **connection: Unpack[Connection]) -> Written:
    """Writes samples as a new version of a data set: permuted by `seed`, cut into splits and chunks.

    All or nothing: readers see the version from the moment it is whole. Data in memory that were written before with
    the same arguments are recognised, and a killed write of them goes on where it was; of a stream each write is a new
    one.

    Args:
        url: a path, file:///..., or cassandra://[user@]host[:port][,host...]/keyspace/name.
        data: a dict of arrays, tensors or lists, one value per sample in the first dimension; an Arrow table, reader
            or dataset (of pyarrow, polars or any other library with `__arrow_c_stream__`); a Dataset of Hugging Face's
            datasets; a pandas DataFrame (without its index); a torch Dataset; or an iterable of samples. A sample is a
            dict, a tuple, or one value. Values are numbers, arrays, tensors, text or bytes; arrays have the same shape
            in all samples, or one dimension of varying length. Nothing may be missing or masked; NaN and infinity:
            `allow_nan`. A list of text is refused: make it one text.
        columns: the names to take, in this order; for tuples and plain arrays the names of their parts (default: data,
            target).
        drop: the names to leave out; not with columns.
        schema: what columns are, where the data do not show it: {"ids": "list<int64>", "x": ("float32", (28, 28)),
            "y": "int64", "text": "string", "raw": "binary"}; a dtype may be one of NumPy or torch. Numbers that come
            as another dtype are cast; one that this changes is an error, but rounding to a float is none. Lists in
            Arrow data take a shape of as many elements.
        classes: columns of text or whole numbers that become class numbers, int64 from 0: a list of names of columns,
            whose classes are then those that are there, text in the order of its bytes, whole numbers in theirs; or a
            dict with the names of each one's classes, {"species": ["cat", "dog"]}, which data that are read only once
            need. The data set keeps the names (`Dataset.classes`); with append they are those it has.
        splits: shares, {"train": 0.8, "val": 0.2}; without it all is train.
        stratify: a column of whole numbers, booleans or text whose values each split gets in proportion.
        seed: of the permutation, 0 to 2^64 - 1.
        permute: False stores samples as they come, within each split; a split has its share of them in a row, the
            first split the first.
        row_number: the name of one more int64 column: the number of the sample in `data`, from 0.
        append: a new version: the newest one's samples, then these.
        overwrite: a new version of these samples alone, with any columns, whatever the data set holds. The versions
            before it stay until they are deleted: whoever reads one goes on.
        allow_nan: NaN and infinity are values of float columns like others.
        on_bad: "error": a bad sample is a BadDataError that names it. "skip": it is left out and counted
            (`Written.rejected`): something is missing, NaN or infinite, of another kind, over 8 MiB, or none of the
            classes.
        rejects: with on_bad="skip" a file for a line for each bad sample, "data:NUMBER: what is wrong", with numbers
            from 1.
        layout: "packed", or in Cassandra also "rows": a table with one row per sample.
        create_keyspace: make the keyspace unless it is there, with this replication: "3" (copies in each data centre),
            "dc1:3,dc2:2" or "simple:3". One that is there keeps its own; a warning tells where that is another.
        tensors: each "NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE" packs columns into one tensor, which comes first;
            others stay as they are. "COL:SHAPE" makes one of a column of lists.
        column_groups: columns that are stored apart, to be read alone: [["image"], ["mask", "box"]]. The others are
            one group more, [] is one of all. None: one for each column of bytes or of more than 4 KiB a sample, one
            for all others. An append takes those of the data set.
        chunk_bytes: size of a chunk to aim for, 4 KiB to 8 MiB.
        spill_bytes: bound of the temporary copy of a stream, in TMPDIR, from 1 MiB; a longer one is permuted in pieces
            of this size.
        max_bytes_per_second: write no faster, for a server that others use as well; 0: as fast as it goes.
        progress: True or False: whether to show it on stderr; a function of (stage, done, total); None: when stderr is
            a terminal.
        **connection: `Connection`, for cassandra:// alone.

    Raises:
        InvalidArgumentError: an argument, or data that make no columns.
        BadDataError: a sample that is unlike the others, has something missing, or is over 8 MiB; too few samples for
            a split.
        ConflictError: the data set holds something else (append, overwrite, or choose another name), or is being
            written.
        NotFoundError: the keyspace; it names the remedy.
        UnavailableError, DeadlineError, PermissionDeniedError, NoSpaceError: of the store.
        Whatever the data raise while they are read.
    """
    to, connection = address(url), checked(write, connection)
    if splits is not None and not (isinstance(splits, Mapping) and all(isinstance(share, int | float) for share in splits.values())):
        raise InvalidArgumentError(f"splits is {splits!r:.40}; it is a dict of shares: {{'train': 0.8, 'val': 0.2}}")
    if isinstance(create_keyspace, bool):
        raise InvalidArgumentError(f"create_keyspace is {create_keyspace}; it is the replication of the keyspace: '3' (copies in each data "
                                   "centre), 'dc1:3,dc2:2' or 'simple:1'")
    options = {"splits": [(text("splits", name), share) for name, share in splits.items()] if splits is not None else None,
               "stratify": optional(text, "stratify", stratify), "seed": bounded("seed", seed), "permute": truth("permute", permute),
               "row_number": optional(text, "row_number", row_number), "append": truth("append", append),
               "overwrite": truth("overwrite", overwrite), "allow_nan": truth("allow_nan", allow_nan),
               "skip": one_of("on_bad", on_bad, ("error", "skip")) == "skip",
               "rejects": optional(path, "rejects", rejects), "classes": classes_of(classes),
               "layout": one_of("layout", layout, LAYOUTS), "create_keyspace": optional(text, "create_keyspace", create_keyspace),
               "tensors": texts("tensors", tensors), "column_groups": optional(groups_of, "column_groups", column_groups),
               "chunk_bytes": bounded("chunk_bytes", chunk_bytes), "spill_bytes": bounded("spill_bytes", spill_bytes),
               "max_bytes_per_second": whole("max_bytes_per_second", max_bytes_per_second)}
    read = source_of(data, Chosen.checked(columns, drop), schema, on_bad == "skip")
    options |= {"columns": [*read.chosen.columns] if read.chosen.columns is not None else None, "drop": [*read.chosen.drop],
                "types": [*read.types]}
    with Reporting(progress) as report:
        version, unchanged, made, rejected = _core.write(to, read.source, read.in_memory, options, report, connection)
    return Written(to, version, made, unchanged, rejected)


def attach(url: Url, *, columns: Sequence[str] | None = None, drop: Sequence[str] = (), tensors: Sequence[str] = (),
           split_column: str | None = None, digest: str = "keys", block_bytes: int = 2 << 20, allow_nan: bool = False,
           progress: bool | Report | None = None, **connection: Unpack[Connection]) -> Written:
    """Makes a table of Cassandra with one row per sample usable as it is, by an index of its keys in a folder of this
    machine.

    Nothing is copied, and SELECT on the table is all it needs. Rows added or removed since are noticed and named when
    they are read.

    Args:
        url: cassandra://[user@]host[:port][,host...]/keyspace/table.
        columns: of a sample, in this order; None: all but the key's.
        drop: columns that are left out, in the place of `columns`.
        tensors: each "NAME=COL:SHAPE:DTYPE" makes a tensor of a blob (little-endian, row-major), a vector or a list.
        split_column: a text column that names the split of each row; None: all is train.
        digest: "keys"; or "values": reads them all now, and notices values that are changed in place later.
        block_bytes: size of a block to aim for, 4 KiB to 64 MiB.
        allow_nan: NaN and infinity are values like others; without it a row that has one is an error when it is read.
        progress: as for `write()`.
        **connection: `Connection`.

    Raises:
        NotFoundError: keyspace or table.
        InvalidArgumentError: an argument, or a column whose type a sample cannot hold.
        UnavailableError, DeadlineError, PermissionDeniedError, NoSpaceError.
    """
    of, connection = address(url), checked(attach, connection)
    options = {"columns": optional(texts, "columns", columns), "drop": texts("drop", drop), "tensors": texts("tensors", tensors),
               "split_column": optional(text, "split_column", split_column),
               "digest_values": one_of("digest", digest, ("keys", "values")) == "values",
               "block_bytes": bounded("block_bytes", block_bytes), "allow_nan": truth("allow_nan", allow_nan)}
    with Reporting(progress) as report:
        version, splits, _ = _core.attach(of, options, report, connection)
    return Written(of, version, splits)


def copy(source: Url, target: Url, *, progress: bool | Report | None = None, source_connection: Connection | None = None,
         **connection: Unpack[Connection]) -> Written:
    """Copies a version of a data set to another store, and verifies the copy: the same chunks in the same order.

    Killed at any time and called again, it goes on where it was. Of a table with one row per sample it makes a packed
    data set.

    Args:
        source: the data set; `?version=` chooses the version, without it the newest.
        target: where to; it must not be there yet.
        progress: as for `write()`.
        source_connection: for the source, where it differs from that of the target.
        **connection: `Connection`, of whichever of the two is in Cassandra.

    Raises:
        NotFoundError: the source. ConflictError: the target holds something else, or is being written. BadDataError:
            damage.
        UnavailableError, DeadlineError, PermissionDeniedError, NoSpaceError.
    """
    of, to, connection = address(source), address(target), checked(copy, connection)
    of_connection = connection if source_connection is None else checked(copy, source_connection)
    with Reporting(progress) as report:
        version, unchanged = _core.copy(of, to, report, of_connection, connection)
    return Written(to, version, {}, unchanged)


@dataclass(frozen=True)
class Verified:
    """What `verify()` found sound.

    Attributes:
        versions: of the data set that were checked.
        bytes: that were read.
        not_finite: values that are NaN or infinite in the versions that admit them; None: none of them does.
    """

    versions: builtins.list[int]
    bytes: int
    not_finite: int | None


def verify(url: Url, *, repair: bool = False, progress: bool | Report | None = None, **connection: Unpack[Connection]) -> Verified:
    """Checks every byte of all versions (of `?version=` alone, when given) against its checksums; the rows of a table
    against its index.

    Args:
        url: the data set.
        repair: of a packed data set in Cassandra: write a sound copy over those that are damaged or gone. A chunk
            without a sound copy is removed, and the same `write()` or `ringfeed ingest` puts it back.
        progress: as for `write()`.
        **connection: `Connection`, for cassandra:// alone.

    Raises:
        BadDataError: it names place and remedy of the first damage, or says how many chunks a repair has removed.
        InvalidArgumentError: `repair` of a local folder or a row table, where there is one copy.
        NotFoundError, UnavailableError, DeadlineError, PermissionDeniedError.
    """
    with Reporting(progress) as report:
        return Verified(*_core.verify(address(url), truth("repair", repair), report, checked(verify, connection)))


@dataclass(frozen=True)
class Audit:
    """What `audit()` found.

    Attributes:
        epochs: gone through from their first to their last step.
        samples: handed out, over all ranks and epochs.
        left_out: samples that epochs do not have by their order (`Loader(drop_last=True)`).
        lost: samples that an epoch did not have, and should have had.
        repeated: samples that an epoch had before.
        wrong: samples with other bytes than are stored.
        offences: these, and lines and files that are missing or out of place.
        offenders: the first offences in words.
        notes: what is right, and worth knowing: an epoch that is not finished, a start that does not count because a
            later one began anew.
    """

    epochs: int
    samples: int
    left_out: int
    lost: int
    repeated: int
    wrong: int
    offences: int
    offenders: builtins.list[str]
    notes: builtins.list[str]

    @property
    def exact(self) -> bool:
        """Whether there was no offence."""
        return self.offences == 0


def audit(folder: str | os.PathLike[str], url: Url, *, progress: bool | Report | None = None, **connection: Unpack[Connection]) -> Audit:
    """Holds the ledger of a run, of all its starts and ranks, against its data set (docs/ledger.md).

    Args:
        folder: that `Loader(ledger=...)` or the program's --ledger named.
        url: the data set; without `?version=` and `?split=` those of the ledger.
        progress: as for `write()`.
        **connection: `Connection`, for cassandra:// alone.

    Raises:
        NotFoundError: the ledger or the data set. InvalidArgumentError: the ledger is of another version or split.
        BadDataError: it is not a ledger, was changed after it was written, or is of several orders; the data set is
            damaged.
        UnavailableError, DeadlineError, PermissionDeniedError.
    """
    with Reporting(progress) as report:
        return Audit(*_core.audit(path("folder", folder), address(url), report, checked(audit, connection)))


@dataclass(frozen=True)
class Exported:
    """What `export()` wrote.

    Attributes:
        version: of the data set.
        splits: samples in each.
        bytes: of the files.
    """

    version: int
    splits: dict[str, int]
    bytes: int


def export(url: Url, folder: str | os.PathLike[str], *, format: str, columns: Sequence[str] | None = None,  # noqa: A002
           progress: bool | Report | None = None, **connection: Unpack[Connection]) -> Exported:
    """Writes a data set as files that others read, in storage order (docs/export.md).

    Args:
        url: the data set; of an address without `?split=` all splits.
        folder: that is made; it appears whole or not at all.
        format: "parquet", a file for each split, or "mds", a folder for each split with the shards of MosaicML
            Streaming.
        columns: that are written, in this order; None: all.
        progress: as for `write()`.
        **connection: `Connection`, for cassandra:// alone.

    Raises:
        ConflictError: the folder is there. NotFoundError: the data set, or a folder to make it in.
        InvalidArgumentError: format, column.
        BadDataError: damage. NoSpaceError, UnavailableError, DeadlineError, PermissionDeniedError.
    """
    with Reporting(progress) as report:
        return Exported(*_core.export(address(url), path("folder", folder), one_of("format", format, ("parquet", "mds")),
                                      optional(texts, "columns", columns) or [], report, checked(export, connection)))


def list(url: Url = ".", **connection: Unpack[Connection]) -> builtins.list[str]:  # noqa: A001
    """The addresses of the data sets right under a folder (this one, if none is given) or in a keyspace (the address
    itself, if it is one), sorted.

    Raises:
        NotFoundError, UnavailableError, DeadlineError, PermissionDeniedError.
    """
    return _core.list(address(url), checked(list, connection))


def delete(url: Url, **connection: Unpack[Connection]) -> builtins.list[int]:
    """Deletes all versions of a data set (`?version=` alone, when given), and the chunks that no other version needs.
    It does not ask. Of a local folder it deletes damaged versions as well.

    Returns:
        The versions that were deleted.

    Raises:
        NotFoundError: the data set or version. ConflictError: it is being written.
        UnavailableError, DeadlineError, PermissionDeniedError.
    """
    return _core.delete(address(url), checked(delete, connection))
