"""Samples that are there several times, and what one data set has otherwise than another (docs/compare.md)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from . import _core
from .arguments import address, bounded, optional, text, texts, truth
from .arguments import connection as checked
from .errors import InvalidArgumentError
from .progress import Report, Reporting

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .connection import Connection

Url = str | os.PathLike[str]


class SampleName(NamedTuple):
    """A sample of a data set.

    Attributes:
        url: of the data set, as it was given.
        split: that the sample is in.
        number: within the split, from 0, in storage order.
    """

    url: str
    split: str
    number: int


@dataclass(frozen=True)
class Duplicates:
    """What `check()` found.

    Attributes:
        samples: that were looked at.
        distinct: of them.
        groups: of the same sample several times.
        repeated: samples of these groups, less one of each.
        overlaps: how many samples two splits share, by (URL, split) of both; of a split with itself how many of its
            samples repeat another.
        shown: the first 10 groups, of each the first 8 samples.
    """

    samples: int
    distinct: int
    groups: int
    repeated: int
    overlaps: dict[tuple[tuple[str, str], tuple[str, str]], int]
    shown: list[list[SampleName]]

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return self.groups > 0


@dataclass(frozen=True)
class Differences:
    """What `diff()` found.

    Attributes:
        columns: that differ: the name, and the type in A and in B; empty where it is not there.
        compared: the columns that both have with one type.
        samples_a: that A has.
        samples_b: that B has.
        removed: samples that are in A and not in B.
        added: samples that are in B and not in A.
        changed: samples with the same key and other values.
        moved: samples of both in splits of different names; counted where neither URL says `?split=`.
        first_removed: the first 10 of them.
        first_added: the first 10 of them.
        first_changed: the first 10 of them, as they are named in A and in B.
    """

    columns: list[tuple[str, str, str]]
    compared: list[str]
    samples_a: int
    samples_b: int
    removed: int
    added: int
    changed: int
    moved: int
    first_removed: list[SampleName]
    first_added: list[SampleName]
    first_changed: list[tuple[SampleName, SampleName]]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.columns or self.removed or self.added or self.changed or self.moved)


def check(urls: Url | Sequence[Url], *, across_splits: bool = False, columns: Sequence[str] | None = None, memory_bytes: int = 256 << 20,
          progress: bool | Report | None = None, **connection: Unpack[Connection]) -> Duplicates:
    """Finds samples that are there several times, within a split, between splits and between data sets, in one pass.

    Two samples are the same when their values are, byte for byte; of a column of classes the names count, not the
    numbers.

    Args:
        urls: one data set, or several; of an address without `?split=` all splits are looked at.
        across_splits: only samples that are in several splits, or data sets.
        columns: that are compared; None: all, which the data sets must have alike.
        memory_bytes: bound of the memory of the sort (1 MiB to 64 GiB); what is more is spilled to TMPDIR.
        progress: as for `write()`.
        **connection: `Connection`, of whichever are in Cassandra.

    Raises:
        NotFoundError: a data set, version or split. InvalidArgumentError: columns that cannot be compared, a split
        that is named twice.
        BadDataError: damage. NoSpaceError: for the spill.
        UnavailableError, DeadlineError, PermissionDeniedError.
    """
    of = [address(urls)] if isinstance(urls, str | os.PathLike) else [address(url) for url in urls]
    if not of:
        raise InvalidArgumentError("urls has no address; give at least one")
    with Reporting(progress) as report:
        samples, distinct, groups, repeated, overlaps, shown = _core.check(
            of, truth("across_splits", across_splits), optional(texts, "columns", columns) or [],
            bounded("memory_bytes", memory_bytes), report, checked(check, connection))
    return Duplicates(samples, distinct, groups, repeated, {(a, b): count for a, b, count in overlaps}, [named(group) for group in shown])


def diff(a: Url, b: Url, *, key: str | None = None, columns: Sequence[str] | None = None, memory_bytes: int = 256 << 20,
         progress: bool | Report | None = None, a_connection: Connection | None = None, **connection: Unpack[Connection]) -> Differences:
    """Tells which samples were added, removed or changed from one data set, or version, to another.

    Args:
        a: the data set before; of an address without `?split=` all splits.
        b: the data set after.
        key: a column whose values are unique: samples with one value are one sample, which may have changed. None:
            both are multisets.
        columns: that are compared; None: those that both have with one type.
        memory_bytes: bound of the memory of the sort (1 MiB to 64 GiB); what is more is spilled to TMPDIR.
        progress: as for `write()`.
        a_connection: for `a`, where it differs from that of `b`.
        **connection: `Connection`, of whichever of the two is in Cassandra.

    Raises:
        NotFoundError: a data set, version or split. InvalidArgumentError: columns that cannot be compared, a key that
        stands twice.
        BadDataError: damage. NoSpaceError: for the spill.
        UnavailableError, DeadlineError, PermissionDeniedError.
    """
    connection = checked(diff, connection)
    of_a = connection if a_connection is None else checked(diff, a_connection)
    with Reporting(progress) as report:
        *counts, removed, added, changed = _core.diff(
            address(a), address(b), optional(text, "key", key) or "", optional(texts, "columns", columns) or [],
            bounded("memory_bytes", memory_bytes), report, of_a, connection)
    return Differences(*counts, named(removed), named(added), [(SampleName(*before), SampleName(*after)) for before, after in changed])


def named(samples: list[tuple[str, str, int]]) -> list[SampleName]:
    """The samples by their names."""
    return [SampleName(*sample) for sample in samples]
