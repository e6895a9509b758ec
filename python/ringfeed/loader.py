"""The Loader: epochs of batches, as torch's DataLoader gives them."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from .arguments import INT32_MAX, THREADS_MAX, UINT32_MAX, columns_of, one_of, path, truth, whole
from .dataset import Dataset, values_of
from .errors import Error, InvalidArgumentError
from .tensors import moved, tensor_maker, tensors_of

if TYPE_CHECKING:
    import torch

STATE_FORMAT = 1
LOADERS: Counter[str] = Counter()
"""Of this process that had their first iteration, by data set: ranks count alike."""
SHUFFLES = {True: "block", False: "none"}
BATCH_MAX = 2**32
"""Samples per step of a rank at most."""


class Batch(dict):
    """The columns of a batch by name.

    Attributes:
        epoch: from 0.
        step: within the epoch, from 0.
        size: samples in this batch.
        weight: size * world_size / samples of this step over all ranks. Multiply a mean loss by it: then the mean over the ranks, which
            data parallelism takes, is the mean over the whole step, also where ranks have different numbers of samples.
    """

    epoch: int
    step: int
    size: int
    weight: float

    def to(self, device: torch.device | str | int, non_blocking: bool = False) -> Batch:
        """A batch of the same values on a device, attributes included; as_numpy, text and bytes stay where they are."""
        return _with_attributes(Batch((name, moved(values, device, non_blocking)) for name, values in self.items()), self)


class TupleBatch(tuple):
    """The columns of a batch in their order; attributes as those of `Batch`."""

    epoch: int
    step: int
    size: int
    weight: float

    def to(self, device: torch.device | str | int, non_blocking: bool = False) -> TupleBatch:
        """As of `Batch`."""
        return _with_attributes(TupleBatch(moved(values, device, non_blocking) for values in self), self)


def _with_attributes(batch: Any, of: Any) -> Any:  # noqa: ANN401
    batch.epoch, batch.step, batch.size, batch.weight = of.epoch, of.step, of.size, of.weight
    return batch


class Loader:
    """Iterates over a data set in batches, one epoch per iteration, each an exact permutation of it.

    Each rank of a distributed run makes one, over the same data set with the same arguments; what they get of one step is disjoint, and
    together it is the whole step. The order is a function of the data set's version, of split, seed, epoch, shuffle, lanes and window
    alone: never of the number of ranks.
    Each iteration is about the next epoch, also after one that was left in the middle, unless `set_epoch()` or `load_state_dict()` said
    which. Reading ahead goes on across epochs.

    Args:
        dataset: from `ringfeed.open()`.
        batch_size: samples per step of this rank, as in DataLoader (None: 1); all ranks together take batch_size * world_size.
        global_batch_size: samples per step of all ranks together, instead of batch_size.
        shuffle: "block" or True (blocks, and samples in windows of blocks: reads each block once), "full" (one permutation of all samples:
            needs the data set in memory), "none" or False (as it is stored).
        seed: of the order.
        columns: the names to load, in this order; None: all.
        drop_last: leave out the last step of an epoch when it is not full.
        as_numpy: NumPy arrays instead of torch tensors.
        as_tuple: yield `TupleBatch`, in the order of the columns, instead of `Batch`.
        rank, world_size: None: of torch.distributed where it is initialized, else RANK and WORLD_SIZE, else 0 and 1.
        lanes, window: of the order (docs/ordering.md). All ranks get equal batches when world_size divides both the lanes and the global
            batch size, except in the last step.
        prefetch_bytes: bound of what is held in memory, blocks and batches; 0: 256 MiB, or what the order needs and 128 MiB.
        read_threads: that check and decode what is read, 1 to 256.
        assemble_threads: that copy samples into batches, 1 to 256; the thread that iterates does so, too, where it would wait.
        ledger: a folder for a log of the samples that each rank is given, for `audit()` (docs/ledger.md); None: none. Several ranks need
            torch.distributed initialized: they agree on the number of a start. `state_dict()` makes it durable up to there.

    A tensor column is a torch.Tensor [size, *shape] (a NumPy array with as_numpy) over memory of its own, a list column a list of
    1-D tensors, a binary column a list of bytes, a string column a list of str.

    Raises:
        InvalidArgumentError: an argument that does not fit the data set; it names the remedy. At the first iteration also when ranks of
            torch.distributed ask for different orders, positions or versions; it names rank and difference.
    While iterating, those of the store: BadDataError, UnavailableError, DeadlineError, ...; a Loader that raised starts its next
    iteration where it was.
    """

    def __init__(self, dataset: Dataset, batch_size: int | None = None, *, global_batch_size: int | None = None,
                 shuffle: str | bool = "block", seed: int = 0, columns: Sequence[str] | None = None, drop_last: bool = False,
                 as_numpy: bool = False, as_tuple: bool = False, rank: int | None = None, world_size: int | None = None,
                 lanes: int = 64, window: int = 2, prefetch_bytes: int = 0, read_threads: int = 1, assemble_threads: int = 1,
                 ledger: str | os.PathLike[str] | None = None) -> None:
        if (rank is None) != (world_size is None):
            raise InvalidArgumentError("give both rank and world_size, or neither")
        if batch_size is not None and global_batch_size is not None:
            raise InvalidArgumentError("batch_size and global_batch_size are both given; give one of them")
        if not isinstance(dataset, Dataset):
            raise InvalidArgumentError(f"dataset is {type(dataset).__name__}; give what ringfeed.open(url) returns")
        if rank is not None:
            world_size = whole("world_size", world_size, 1, INT32_MAX)
            rank = whole("rank", rank, 0, world_size - 1)
        self.dataset = dataset
        self._found = rank is None
        self.rank, self.world_size = (rank, world_size) if rank is not None else find_rank()
        self.drop_last = truth("drop_last", drop_last)
        self.as_numpy = truth("as_numpy", as_numpy)
        self.as_tuple = truth("as_tuple", as_tuple)
        if global_batch_size is None:
            global_batch_size = whole("batch_size", 1 if batch_size is None else batch_size, 1, BATCH_MAX) * self.world_size
        self.global_batch_size = whole("global_batch_size", global_batch_size, 1, BATCH_MAX * self.world_size)
        self._columns = columns_of(columns, [column.name for column in dataset.schema])
        one_of("shuffle", shuffle, (*SHUFFLES, "block", "full", "none"))
        self._order = {"seed": whole("seed", seed), "shuffle": SHUFFLES[shuffle] if isinstance(shuffle, bool) else shuffle,
                       "lanes": whole("lanes", lanes, 1, UINT32_MAX), "window": whole("window", window, 1, UINT32_MAX)}
        self._options = {"prefetch_bytes": whole("prefetch_bytes", prefetch_bytes),
                         "read_threads": whole("read_threads", read_threads, 1, THREADS_MAX),
                         "assemble_threads": whole("assemble_threads", assemble_threads, 1, THREADS_MAX),
                         "track_samples": ledger is not None}
        self._ledger = None if ledger is None else path("ledger", ledger)
        if ledger is not None and drop_last:
            raise InvalidArgumentError("a ledger proves that no sample is left out, and drop_last leaves some out; choose one of the two")
        self._steps, last = _core.step_sizes(len(dataset), self._order["lanes"], self.global_batch_size)
        if drop_last and self._steps > 0 and last < self.global_batch_size:
            self._steps -= 1
        self._iteration = 0
        self._compared = False
        self._next = self._position = (0, 0)  # epoch and samples: where the next iteration begins, what was handed out
        self._feed = self._make_feed(self._next)  # so that what does not fit is found here
        kinds = {column.name: column.kind for column in dataset.schema}
        self._varying = {name: kinds[name] for name in self._columns if kinds[name] != "tensor"}
        self._from_dlpack = None if as_numpy else tensor_maker()  # torch is imported while the first blocks are being read

    def __len__(self) -> int:
        """Steps of an epoch."""
        return self._steps

    def __iter__(self) -> Iterator[Any]:
        """The batches of one epoch, `Batch` or `TupleBatch`. Its first batch ends an iteration over this Loader that is under way; before
        that nothing has begun, so that a framework may try iter(), and say afterwards which epoch it is."""
        return self._batches()

    def __reduce__(self) -> Any:  # noqa: ANN401
        raise TypeError("a Loader cannot be pickled, for it has threads that read ahead; make one in each process, of a Dataset, which can "
                        "be")

    @property
    def sampler(self) -> Loader:
        """Itself: where Lightning looks for `set_epoch()`."""
        return self

    @property
    def batch_sampler(self) -> None:
        """None: what has a sampler has this, too."""
        return None

    def set_epoch(self, epoch: int) -> None:
        """The next iteration is about this epoch (from 0). One that `load_state_dict()` put into the middle of it goes on there."""
        epoch = whole("epoch", epoch)
        if epoch != self._next[0]:
            self._next = self._position = (epoch, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where training is: what was handed out, never what was read ahead. Small, and the same on all ranks between two steps."""
        if self._feed is not None:
            self._feed.flush_ledger()
        return {"format": STATE_FORMAT, "epoch": self._position[0], "samples": self._position[1], **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next iteration goes on where the state was taken, on any number of ranks.

        Raises:
            InvalidArgumentError: it is of another data set, version or order; the difference is named.
        """
        if not isinstance(state, Mapping):
            raise InvalidArgumentError(f"the state is {type(state).__name__}; give what state_dict() returned")
        if state.get("format") != STATE_FORMAT:
            raise InvalidArgumentError(f"the state has format {state.get('format')!r}, this version reads format {STATE_FORMAT}")
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise InvalidArgumentError(
                    f"{self.dataset.url}: the state is of {name} {state.get(name)!r}, this Loader has {value!r}; its order is another one")
        epoch, samples = whole("the state's epoch", state.get("epoch")), whole("the state's samples", state.get("samples"))
        self.close()
        self._feed = self._make_feed((epoch, samples))  # a position that cannot be is found here
        self._next = self._position = (epoch, samples)

    def close(self) -> None:
        """Ends reading ahead and frees its memory; the next iteration starts it again."""
        self._iteration += 1
        if self._feed is not None:
            self._feed.end_ledger()
            self._feed.close()
            self._feed = None

    def stats(self) -> dict[str, float]:
        """Where the time went since reading began: samples and batches handed out, blocks_read, wait_seconds that iterating did not have a
        batch at once, assemble_seconds of all threads that copy samples, and in bytes held_bytes_max, prefetch_bytes and floor_bytes."""
        return self._feed.stats if self._feed is not None else {}

    def _identity(self) -> dict[str, Any]:
        return {"version": self.dataset.version, "split": self.dataset.split, "size": len(self.dataset), **self._order,
                "global_batch_size": self.global_batch_size, "order_version": _core.ORDER_VERSION}

    def _make_feed(self, start: tuple[int, int]) -> _core.Feed:
        return _core.Feed.make(self.dataset._core, **self._order, **self._options, global_batch=self.global_batch_size, rank=self.rank,
                               world_size=self.world_size, start=start, columns=self._columns)

    def _compare_with_ranks(self, start: tuple[int, int]) -> None:
        """That all ranks ask for the same order. The first one writes what it asks for into their store, the others compare: none waits."""
        self._compared = True
        if initialized_rank() is None:
            return
        import torch.distributed

        data = f"{self.dataset.url.partition('?')[0]} {self.dataset.split}"
        LOADERS[data] += 1
        asked = {**self._identity(), "epoch": start[0], "samples": start[1]}
        store = torch.distributed.distributed_c10d._get_default_store()
        told = json.loads(store.compare_set(f"ringfeed/{LOADERS[data]}/{data}", "", json.dumps({"rank": self.rank, **asked})))
        for name, value in asked.items():
            if told[name] != value:
                raise InvalidArgumentError(f"rank {self.rank} asks for {name} {value!r}, rank {told['rank']} for {told[name]!r}; all ranks "
                                           "must make their Loaders alike, of the same version of the data set")

    def _ledger_start(self, folder: str) -> int:
        """The number of this start, on which all ranks agree."""
        if self.world_size == 1:
            return _core.next_ledger_start(folder)
        if initialized_rank() != (self.rank, self.world_size):
            raise InvalidArgumentError("several ranks with a ledger agree on the number of their start over torch.distributed; "
                                       "initialize it first, with these ranks")
        import torch.distributed

        number = [_core.next_ledger_start(folder) if self.rank == 0 else None]
        torch.distributed.broadcast_object_list(number)
        return number[0]

    def _begin(self) -> tuple[int, int]:
        """The number of a new iteration, and its epoch."""
        if self._found and (found := initialized_rank()) not in (None, (self.rank, self.world_size)):
            raise InvalidArgumentError(
                f"this Loader was made for rank {self.rank} of {self.world_size}, but now this process is rank {found[0]} of {found[1]}; "
                "make it after torch.distributed is initialized (in Lightning: in train_dataloader()), or give rank and world_size")
        self._iteration += 1
        start = self._next
        if self._found and self.world_size > 1 and not self._compared:
            self._compare_with_ranks(start)
        if self._feed is None or self._feed.position != start:
            self.close()
            self._feed = self._make_feed(start)
        if self._ledger is not None and not self._feed.has_ledger:
            self._feed.begin_ledger(self._ledger, self._ledger_start(self._ledger))
        self._position = start
        self._next = (start[0] + 1, 0)
        return self._iteration, start[0]

    def _batches(self) -> Iterator[Batch] | Iterator[TupleBatch]:
        iteration, epoch = self._begin()
        try:
            while True:
                if iteration != self._iteration:
                    raise InvalidArgumentError(
                        "another iteration over this Loader has begun, or it was closed; for two at once make two of them")
                parts = self._feed.next(self._from_dlpack)
                if parts is None:
                    break
                if parts[1] == self._steps:  # the one that drop_last leaves out
                    continue
                self._position = parts[0], parts[2]
                yield self._make_batch(parts)
        except Error:
            if iteration == self._iteration:
                self.close()  # a feed that failed is of no use
                self._next = self._position
            raise
        self._position = (epoch + 1, 0)

    def _make_batch(self, parts: tuple) -> Batch | TupleBatch:
        epoch, step, _, size, weight, columns = parts
        for name, kind in self._varying.items():
            values = values_of(kind, columns[name])
            columns[name] = values if self.as_numpy else tensors_of(values)
        batch = TupleBatch([columns[name] for name in self._columns]) if self.as_tuple else Batch(columns)
        batch.epoch, batch.step, batch.size, batch.weight = epoch, step, size, weight
        return batch


def initialized_rank() -> tuple[int, int] | None:
    """Rank and world size that torch.distributed has, once it is initialized."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def find_rank() -> tuple[int, int]:
    """Rank and world size of this process: torch.distributed's, else the environment's, else 0 and 1."""
    if (found := initialized_rank()) is not None:
        return found
    rank, world_size = _environment("RANK"), _environment("WORLD_SIZE")
    if rank is None and world_size not in (None, 1):  # as in the processes that Lightning starts
        raise InvalidArgumentError(f"WORLD_SIZE is {world_size}, but RANK is not set; make the Loader after torch.distributed is "
                                   "initialized, or give rank and world_size")
    rank, world_size = rank or 0, world_size or 1
    if rank >= world_size:
        raise InvalidArgumentError(f"RANK is {rank} and WORLD_SIZE {world_size}; ranks go from 0 to {world_size - 1}: correct these "
                                   "variables, or give rank and world_size")
    if world_size > 1 and "MASTER_ADDR" not in os.environ:  # whatever starts ranks sets it
        warnings.warn(f"ringfeed: RANK={rank} and WORLD_SIZE={world_size} are set, so this Loader gives one of {world_size} shares of the "
                      "data; if they are left over, unset them, else give rank and world_size", stacklevel=3)
    return rank, world_size


def _environment(name: str) -> int | None:
    """The whole number in a variable; None when it is not set."""
    if not (text := os.environ.get(name)):
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgumentError(f"the environment variable {name} is {text!r}; it is a whole number")
    return whole(f"the environment variable {name}", int(text), 0, INT32_MAX)
