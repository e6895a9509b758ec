"""A data set for torch's own DataLoader."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch.utils.data

from .arguments import columns_of
from .arguments import connection as checked
from .dataset import Dataset, open
from .tensors import tensors_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .connection import Connection


class TorchDataset(torch.utils.data.Dataset):
    """A map-style Dataset: what torch's DataLoader, its samplers and its workers take.

    A worker process opens the data set again when it reads its first sample, whether it was forked or spawned; the
    version is the one that was opened here. A `Loader` is many times faster, and exact when it is resumed; this is for
    code that cannot do without a DataLoader.

    Args:
        dataset: from `ringfeed.open()`, or an address.
        columns: the names to hand out, in this order; None: all.
        as_tuple: samples are tuples in the order of the columns, instead of dicts.
        transform: called with each sample; its result is the sample.
        **connection: `Connection`, with an address.

    A sample's values are tensors over memory of their own, bytes or str.

    Raises:
        InvalidArgumentError: an unknown column. Those of `ringfeed.open()`; while reading IndexError and those of the
            store.
    """

    def __init__(self, dataset: Dataset | str | os.PathLike[str], *, columns: Sequence[str] | None = None, as_tuple: bool = False,
                 transform: Callable[[Any], Any] | None = None, **connection: Unpack[Connection]) -> None:
        self._dataset = dataset if isinstance(dataset, Dataset) else open(dataset, **checked(TorchDataset, connection))
        self._process = os.getpid()
        self._columns = columns_of(columns, [column.name for column in self._dataset.schema])
        self._as_tuple = as_tuple
        self._transform = transform

    def __len__(self) -> int:
        """Samples."""
        return len(self._dataset)

    def __getitem__(self, number: int) -> Any:  # noqa: ANN401
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Any]:
        """The samples of a batch at once, as torch's DataLoader asks for them."""
        if os.getpid() != self._process:
            self._dataset, self._process = self._dataset.reopen(), os.getpid()
        part = self._dataset.take(numbers, self._columns)
        columns = [tensors_of(part[name]) for name in self._columns]
        return [self._sample(values) for values in zip(*columns, strict=True)]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._process = os.getpid()  # unpickling the Dataset opened it here

    def _sample(self, values: tuple[Any, ...]) -> Any:  # noqa: ANN401
        sample = values if self._as_tuple else dict(zip(self._columns, values, strict=True))
        return sample if self._transform is None else self._transform(sample)
