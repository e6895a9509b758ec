"""The Loader: epochs of batches, as torch's DataLoader gives them."""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from .arguments import INT32_MAX, THREADS_MAX, bounded, columns_of, nearest, one_of, path, truth, whole
from .dataset import Dataset, values_of
from .errors import InvalidArgumentError
from .image import Steps, steps_of
from .ranks import find_rank, initialized_rank
from .stages import Pipeline, Stages, collated, cores, default_threads, stack
from .tensors import moved, tensor_maker, tensors_of

if TYPE_CHECKING:
    import torch
    from typing_extensions import Never

LOADERS: Counter[str] = Counter()
"""Of this process that had their first iteration, by data set: ranks count alike."""
SHUFFLES = {True: "block", False: "none"}
TAILS = ("share", "drop", "join")
FOREIGN = {
    "num_workers": "it reads ahead on threads of its own (read_threads, assemble_threads), and calls a transform= on transform_threads",
    "prefetch_factor": "prefetch_bytes bounds what is read ahead",
    "collate_fn": "it is collate=",
    "sampler": "the order is its own: shuffle, seed, lanes; a part of the samples is a split",
    "batch_sampler": "the order is its own: shuffle, seed, lanes; a part of the samples is a split",
    "persistent_workers": "its threads stay until close()",
    "worker_init_fn": "it has threads and no worker processes",
    "generator": "seed= chooses the order",
    "timeout": "the store has its own (ringfeed.Connection)",
    "pin_memory_device": "device= copies the batches to it",
}
"""Arguments of torch's DataLoader, and what is there instead."""
BATCH_MAX = 2**32
"""Samples per step of a rank at most."""


class Batch(dict):
    """The columns of a batch by name.

    Attributes:
        epoch: from 0.
        step: within the epoch, from 0.
        size: samples in this batch.
        weight: size * world_size / samples of this step over all ranks. Multiply a mean loss by it: then the mean over
            the ranks, which data parallelism takes, is the mean over the whole step, also where ranks have different
            numbers of samples.
    """

    epoch: int
    step: int
    size: int
    weight: float

    def to(self, device: torch.device | str | int, non_blocking: bool = False) -> Batch:
        """A batch of the same values on a device, attributes included; as_numpy, text and bytes stay where they
        are."""
        return _with_attributes(Batch((name, moved(values, device, non_blocking)) for name, values in self.items()), self)

    def __repr__(self) -> str:
        return _repr_of(self, [f"{name}={kind_of(values)}" for name, values in self.items()])


class TupleBatch(tuple):
    """The columns of a batch in their order; attributes as those of `Batch`."""

    epoch: int
    step: int
    size: int
    weight: float

    def to(self, device: torch.device | str | int, non_blocking: bool = False) -> TupleBatch:
        """The same as `Batch.to()`."""
        return _with_attributes(TupleBatch(moved(values, device, non_blocking) for values in self), self)

    def __repr__(self) -> str:
        return _repr_of(self, [kind_of(values) for values in self])


def _with_attributes(batch: Any, of: Any) -> Any:  # noqa: ANN401
    batch.epoch, batch.step, batch.size, batch.weight = of.epoch, of.step, of.size, of.weight
    return batch


def kind_of(values: Any) -> str:  # noqa: ANN401
    """Dtype and shape of values, not the values: "float32 [10, 28, 28]", "list of 10"."""
    dtype, shape = getattr(values, "dtype", None), getattr(values, "shape", None)
    if dtype is None or shape is None:
        return f"{type(values).__name__} of {len(values)}" if hasattr(values, "__len__") else repr(values)
    return f"{str(dtype).removeprefix('torch.')} {[*shape]}"


def _repr_of(batch: Any, parts: list[str]) -> str:  # noqa: ANN401
    parts += [f"{name} {value}" for name, value in vars(batch).items()]
    return f"<ringfeed.{type(batch).__name__} {', '.join(parts)}>"


class Loader:
    """Iterates over a data set in batches, one epoch per iteration, each an exact permutation of it.

    Each rank of a distributed run makes one, over the same data set with the same arguments; what they get of one step
    is disjoint, and together it is the whole step. The order is a function of the data set's version, of split, seed,
    epoch, shuffle, lanes and window alone: never of the number of ranks. Each iteration is about the next epoch, also
    after one that was left in the middle, unless `set_epoch()` or `load_state_dict()` said which. Reading ahead goes
    on across epochs.

    Args:
        dataset: from `ringfeed.open()`.
        batch_size: samples per step of this rank, from 1, as in DataLoader (None: 1); all ranks together take
            batch_size * world_size.
        global_batch_size: samples per step of all ranks together, instead of batch_size.
        shuffle: "block" or True (blocks, and samples in windows of blocks: reads each block once), "full" (one
            permutation of all samples: needs the data set in memory), "none" or False (as it is stored).
        seed: of the order, 0 to 2^64 - 1.
        columns: the names to load, in this order; None: all.
        drop_last: as tail="drop".
        tail: what becomes of the samples of an epoch that fill no step. "share" (as None): no step is larger than
            asked for, the last two may be smaller. "drop": they are left out, in each epoch others. "join": the last
            step may be larger (docs/ordering.md).
        as_numpy: NumPy arrays instead of torch tensors.
        as_tuple: yield `TupleBatch`, in the order of the columns, instead of `Batch`.
        rank, world_size: None: of torch.distributed where it is initialized, else RANK and WORLD_SIZE, else 0 and 1.
        lanes, window: of the order (docs/ordering.md): lanes 1 to 65,536, the window 1 to 1,024 blocks. All ranks get
            equal batches when world_size divides both the lanes and the global batch size, except in the last two
            steps.
        decode: by column of pictures (bytes) the steps that make tensors of them on the way into a batch:
            `ringfeed.image.Train(224)`, a list of steps or a text of them (docs/images.md). What is random in them
            depends on seed, epoch and sample alone.
        decode_threads: threads that do it, 0 to 256, each a batch at a time; 0: the cores of this process, shared
            among the ranks of its host.
        prefetch_bytes: bound of what is held in memory, blocks and batches; 0: 256 MiB, or what the order needs and
            128 MiB.
        read_threads: threads that check and decode what is read, 1 to 256.
        assemble_threads: threads that copy samples into batches, 1 to 256; the thread that iterates does it, too,
            where it would wait.
        transform: called with each sample (a dict of its values by column, or a tuple with as_tuple), on threads of
            the Loader ahead of the loop; its result is the sample. Order, resume and ledger are what they are without
            it.
        transform_batches: call it with each whole `Batch` instead; its result is the batch.
        transform_threads: threads that do it, and what follows, each a batch at a time; None: the cores of this
            process, shared among the ranks of its host, at most 8. One batch more than these is under way, beside
            prefetch_bytes. Python code runs on one at a time; decoders and torch let the others go on.
        collate: makes a batch of a list of samples; None: torch's default_collate (with as_numpy arrays are stacked).
        pin_memory: put tensors into page-locked memory, on the same threads; without CUDA there is a warning and
            nothing else.
        device: where tensors are copied ahead of the loop, on the same threads; CUDA: by streams of their own, from
            pinned memory.
        ledger: a folder for a log of the samples that each rank is given, for `audit()` (docs/ledger.md); None: none.
            Several ranks need torch.distributed initialized: they agree on the number of a start. `state_dict()` makes
            this rank's durable up to there, `flush_ledgers()` those of all ranks.
        **unknown: refused: TypeError, which names the argument that may be meant.

    What a transform or collate makes is handed out as a `Batch` where it is a dict, as a `TupleBatch` where it is a
    tuple, with the attributes of the batch it was made of; anything else as it is.

    A tensor column is a torch.Tensor [size, *shape] (a NumPy array with as_numpy) over memory of its own, a list
    column a list of 1-D tensors, a binary column a list of bytes, a string column a list of str.

    Raises:
        InvalidArgumentError: an argument that does not fit the data set; it names the remedy. At the first iteration
            also when ranks of torch.distributed ask for different orders, positions or versions; it names rank and
            difference.
        TypeError: an unknown argument; of those of torch's DataLoader it says what is there instead.
    While iterating, those of the store: BadDataError, UnavailableError, DeadlineError, ..., and what transform and
    collate raise; a Loader that raised starts its next iteration where it was.

    It is a torch.utils.data.IterableDataset to code that asks: `DataLoader(loader, batch_size=None)`, and torchdata's
    StatefulDataLoader alike, hand out its batches.
    """

    def __init__(self, dataset: Dataset, batch_size: int | None = None, *, global_batch_size: int | None = None,
                 shuffle: str | bool = "block", seed: int = 0, columns: Sequence[str] | None = None, drop_last: bool = False,
                 tail: str | None = None, as_numpy: bool = False, as_tuple: bool = False, rank: int | None = None,
                 world_size: int | None = None, lanes: int = 64, window: int = 2, transform: Callable[[Any], Any] | None = None,
                 transform_batches: bool = False, transform_threads: int | None = None,
                 collate: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False, device: torch.device | str | int | None = None,
                 decode: Mapping[str, Steps | str | Sequence[str]] | None = None, decode_threads: int = 0,
                 prefetch_bytes: int = 0, read_threads: int = 1, assemble_threads: int = 1,
                 ledger: str | os.PathLike[str] | None = None, **unknown: Never) -> None:
        for name in unknown:
            raise TypeError(f"Loader has no argument {name!r}" + (f": {FOREIGN[name]}" if name in FOREIGN else nearest(name, ARGUMENTS)))
        if (rank is None) != (world_size is None):
            raise InvalidArgumentError("give both rank and world_size, or neither")
        if batch_size is not None and global_batch_size is not None:
            raise InvalidArgumentError("batch_size and global_batch_size are both given; give one of them")
        if not isinstance(dataset, Dataset):
            raise InvalidArgumentError(f"dataset is {type(dataset).__name__}; give what ringfeed.open(url) returns")
        if rank is not None:
            world_size = whole("world_size", world_size, 1, INT32_MAX)
            rank = whole("rank", rank, 0, world_size - 1)
        if truth("drop_last", drop_last) and tail not in (None, "drop"):
            raise InvalidArgumentError(f"drop_last leaves out what fills no step, and tail={tail!r} keeps it; choose one of the two")
        self.dataset = dataset
        self._found = rank is None
        self.rank, self.world_size = (rank, world_size) if rank is not None else find_rank()
        self.tail = "drop" if drop_last else one_of("tail", "share" if tail is None else tail, TAILS)
        self.drop_last = self.tail == "drop"
        self.as_numpy = truth("as_numpy", as_numpy)
        self.as_tuple = truth("as_tuple", as_tuple)
        if global_batch_size is None:
            global_batch_size = whole("batch_size", 1 if batch_size is None else batch_size, 1, BATCH_MAX) * self.world_size
        self.global_batch_size = whole("global_batch_size", global_batch_size, 1, BATCH_MAX * self.world_size)
        self._columns = columns_of(columns, [*dataset.columns])
        one_of("shuffle", shuffle, (*SHUFFLES, "block", "full", "none"))
        self._order = {"seed": bounded("seed", seed), "shuffle": SHUFFLES[shuffle] if isinstance(shuffle, bool) else shuffle,
                       "lanes": bounded("lanes", lanes), "window": bounded("window", window),
                       "global_batch": self.global_batch_size, "tail": self.tail}
        decoded = steps_of(decode)
        threads = bounded("decode_threads", decode_threads) or min(cores(), THREADS_MAX)
        self._options = {"decode": decoded, "decode_threads": threads, "prefetch_bytes": whole("prefetch_bytes", prefetch_bytes),
                         "read_threads": bounded("read_threads", read_threads),
                         "assemble_threads": bounded("assemble_threads", assemble_threads),
                         "track_samples": ledger is not None}
        self._ledger = None if ledger is None else path("ledger", ledger)
        self._steps = _core.step_count(len(dataset), self._order["lanes"], self.global_batch_size, self.tail)
        self._iteration = 0
        self._compared = False
        self._next = self._position = (0, 0)  # epoch and samples: where the next iteration begins, what was handed out
        self._feed = self._make_feed(self._next)  # what does not fit is found here
        kinds = {column.name: column.kind for column in dataset.schema}
        self._varying = {name: kinds[name] for name in self._columns if kinds[name] != "tensor" and name not in decoded}
        self._from_dlpack = None if as_numpy else tensor_maker()  # torch is imported while the first blocks are being read
        if not as_numpy:
            sys.modules["torch"].utils.data.IterableDataset.register(Loader)
        self._stages = self._make_stages(transform, transform_batches, transform_threads, collate, pin_memory, device)
        self._pipeline: Pipeline | None = None

    def __len__(self) -> int:
        """Steps of an epoch."""
        return self._steps

    def __iter__(self) -> Iterator[Any]:
        """The batches of one epoch, `Batch` or `TupleBatch`. Its first batch ends an iteration over this Loader that
        is under way; before that nothing has begun: a framework may try iter(), and say afterwards which epoch it
        is."""
        return self._batches()

    def __repr__(self) -> str:
        rank = f", rank {self.rank} of {self.world_size}" if self.world_size > 1 else ""
        return (f"<ringfeed.Loader of {self.dataset.url}, split {self.dataset.split}: {len(self)} steps of {self.global_batch_size}, "
                f"shuffle {self._order['shuffle']}, seed {self._order['seed']}{rank}; at epoch {self._position[0]}, "
                f"sample {self._position[1]}>")

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

    @property
    def multiprocessing_context(self) -> Never:
        """Refused: what asks for it makes a DataLoader of the attributes of another one, as accelerate's
        skip_first_batches() does."""
        raise InvalidArgumentError("a Loader cannot be made into a DataLoader, as skip_first_batches() tries; load_state_dict() goes on in "
                                   "the middle of an epoch (in the Trainer of transformers ringfeed.huggingface.LoaderState calls it)")

    def set_epoch(self, epoch: int) -> None:
        """The next iteration is about this epoch (from 0). One that `load_state_dict()` put into the middle of it goes
        on there."""
        epoch = whole("epoch", epoch)
        if epoch != self._next[0]:
            self._next = self._position = (epoch, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where training is: what was handed out, never what was read ahead. Small, and the same on all ranks between
        two steps."""
        if self._feed is not None:
            self._feed.flush_ledger()
        return self._position_document(self._position)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The next iteration goes on where the state was taken, on any number of ranks; also from the position in a
        checkpoint.json that the program wrote of the same data set and order.

        Raises:
            InvalidArgumentError: it is of another data set, version or order; the difference is named.
        """
        if not isinstance(state, Mapping):
            raise InvalidArgumentError(f"the state is {type(state).__name__}; give what state_dict() returned")
        if "ringfeed_position" not in state:
            raise InvalidArgumentError("not the state of a Loader, or that of an older ringfeed, which ended epochs with other steps")
        position = _core.decode_position(self.dataset._core, json.dumps(dict(state)), **self._order)
        self.close()
        self._feed = self._make_feed(position)
        self._next = self._position = position

    def flush_ledgers(self) -> None:
        """Makes the ledgers of all ranks durable up to here, and waits until all are. Each rank calls it before one of
        them saves a checkpoint; the callbacks for Lightning and transformers do. Without a ledger nothing happens."""
        if self._feed is None or not self._feed.has_ledger:
            return
        self._feed.flush_ledger()
        if self.world_size > 1:
            import torch.distributed

            torch.distributed.barrier()

    def close(self) -> None:
        """Ends reading ahead and frees its memory; the next iteration starts it again."""
        self._iteration += 1
        if self._feed is not None:
            self._feed.end_ledger()
            self._feed.close()
            self._feed = None
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None

    def stats(self) -> dict[str, float]:
        """Where the time went since reading began: samples and batches handed out, blocks_read, wait_seconds that
        iterating did not have a batch at once, transform_seconds of these that it waited for transform and what
        comes after it, assemble_seconds of all threads that copy samples, and in bytes held_bytes_max, prefetch_bytes
        and floor_bytes."""
        if self._feed is None:
            return {}
        stats = {**self._feed.stats, "transform_seconds": 0.0}
        if self._pipeline is not None:  # it is ahead of what is handed out
            stats.update(self._handed_out, transform_seconds=self._pipeline.wait_seconds)
            stats["wait_seconds"] += self._pipeline.wait_seconds
        return stats

    def metrics(self) -> dict[str, float]:
        """All that the Loader and its store measure since reading began, by the names of docs/meters.md.

        Of a histogram of durations (in seconds) there are `NAME_sum`, `NAME_count`, `NAME_p50` and `NAME_p99`, the
        last two rounded up to a power of two of nanoseconds. Empty while nothing is read.
        """
        return self._feed.metrics if self._feed is not None else {}

    def metrics_text(self) -> str:
        """The same for Prometheus, in its text format and with the rank as a label: for a file of its textfile
        collector, or an endpoint. Empty while nothing is read."""
        return self._feed.metrics_text(self.rank) if self._feed is not None else ""

    def _position_document(self, position: tuple[int, int]) -> dict[str, Any]:
        """The position, and the data set and the order that it is in (docs/ordering.md)."""
        return json.loads(_core.encode_position(self.dataset._core, position, **self._order))

    def _make_feed(self, start: tuple[int, int]) -> _core.Feed:
        return _core.Feed.make(self.dataset._core, **self._order, **self._options, rank=self.rank, world_size=self.world_size, start=start,
                               columns=self._columns)

    def _compare_with_ranks(self, start: tuple[int, int]) -> None:
        """That all ranks ask for the same order. The first one writes what it asks for into their store, the others
        compare: none waits."""
        self._compared = True
        if initialized_rank() is None:
            return
        import torch.distributed

        data = f"{self.dataset.url.partition('?')[0]} {self.dataset.split}"
        LOADERS[data] += 1
        document = self._position_document(start)
        order = document.pop("order")
        asked = {"order_version": order.pop("version"), **order, **document.pop("dataset"), **document}
        store = torch.distributed.distributed_c10d._get_default_store()
        told = json.loads(store.compare_set(f"ringfeed/{LOADERS[data]}/{data}", "", json.dumps({"rank": self.rank, "asked": asked})))
        for name, value in asked.items():
            if told["asked"].get(name) != value:
                raise InvalidArgumentError(f"rank {self.rank} asks for {name} {value!r}, rank {told['rank']} for {told['asked'].get(name)!r}; "
                                           "all ranks must make their Loaders alike, of the same version of the data set")

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

    def _batches(self) -> Iterator[Any]:
        iteration, epoch = self._begin()
        batches = self._assembled(iteration)
        if self._stages is not None:
            if self._pipeline is None:
                self._pipeline = Pipeline(self._stages)
                self._handed_out = {"samples": 0, "batches": 0}
            batches = self._pipeline.run(batches)
        try:
            for (samples, size), batch in batches:
                self._check_current(iteration)
                if self._stages is not None and self._feed is not None:
                    self._feed.hand_out()
                    self._handed_out["samples"] += size
                    self._handed_out["batches"] += 1
                self._position = epoch, samples
                yield batch
        except Exception:
            self._check_current(iteration)  # what ended it is told instead of what follows from that
            self.close()  # a feed that failed is of no use
            self._next = self._position
            raise
        self._position = (epoch + 1, 0)

    def _assembled(self, iteration: int) -> Iterator[tuple[tuple[int, int], Any]]:
        """The batches of the epoch as the feed gives them, each with the samples of the position after it and its
        size."""
        while True:
            self._check_current(iteration)
            parts = self._feed.next(self._from_dlpack, self._stages is not None)
            if parts is None:
                return
            yield (parts[2], parts[3]), self._make_batch(parts)

    def _check_current(self, iteration: int) -> None:
        if iteration != self._iteration:
            raise InvalidArgumentError(
                "another iteration over this Loader has begun, or it was closed; for two at once make two of them")

    def _make_stages(self, transform: Callable[[Any], Any] | None, of_batches: bool, threads: int | None, collate: Callable[[list[Any]], Any] | None,
                     pin_memory: bool, device: Any) -> Stages | None:  # noqa: ANN401
        for name, value in (("transform", transform), ("collate", collate)):
            if value is not None and not callable(value):
                raise InvalidArgumentError(f"{name} is {value!r}; it is a function")
        if threads is not None:
            whole("transform_threads", threads, 1, THREADS_MAX)
        if truth("transform_batches", of_batches) and (transform is None or collate is not None):
            raise InvalidArgumentError("transform_batches calls transform with whole batches; give a transform, and no collate")
        truth("pin_memory", pin_memory)
        if self.as_numpy and (pin_memory or device is not None):
            raise InvalidArgumentError("as_numpy makes NumPy arrays, which are in plain memory; leave out pin_memory and device")
        if device is not None or pin_memory:
            import torch

            try:
                device = None if device is None else torch.device(device)
            except (RuntimeError, TypeError):
                raise InvalidArgumentError(f"device is {device!r}; it is one of torch, as 'cpu' or 'cuda:0'") from None
            if device is not None and device.type == "cuda" and not torch.cuda.is_available():
                raise InvalidArgumentError(f"device {str(device)!r}: torch finds no CUDA device here")
            pin_memory = pin_memory or (device is not None and device.type == "cuda")
            if pin_memory and not torch.cuda.is_available():
                warnings.warn("pin_memory: there is no CUDA device, so nothing is pinned", stacklevel=3)
                pin_memory = False
        if transform is None and collate is None and not pin_memory and device is None:
            return None
        split = (transform is not None and not of_batches) or collate is not None
        if split and collate is None:
            collate = stack if self.as_numpy else collated
        return Stages(split=samples_of if split else None, transform=transform, collate=collate, finish=finished, pin_memory=pin_memory,
                      device=device, threads=threads or default_threads())

    def _make_batch(self, parts: tuple) -> Batch | TupleBatch:
        epoch, step, _, size, weight, columns = parts
        for name, kind in self._varying.items():
            values = values_of(kind, columns[name])
            columns[name] = values if self.as_numpy else tensors_of(values)
        batch = TupleBatch([columns[name] for name in self._columns]) if self.as_tuple else Batch(columns)
        batch.epoch, batch.step, batch.size, batch.weight = epoch, step, size, weight
        return batch


def samples_of(batch: Batch | TupleBatch) -> list[Any]:
    """The samples of a batch: dicts or tuples of their values."""
    if isinstance(batch, tuple):
        return [*zip(*batch, strict=True)]
    return [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]


def finished(result: Any, of: Batch | TupleBatch) -> Any:  # noqa: ANN401
    """A batch of ours with the attributes of the one it was made of, where it is one of columns."""
    if type(result) in (dict, Batch):
        return _with_attributes(Batch(result), of)
    if type(result) in (tuple, TupleBatch):
        return _with_attributes(TupleBatch(result), of)
    return result


ARGUMENTS = [*inspect.signature(Loader.__init__).parameters][1:-1]
