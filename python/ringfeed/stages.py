"""What becomes of a batch between the feed and the training loop: transform, collate, pinned memory, the copy to a
device; on threads."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy

from .arguments import in_environment
from .tensors import mapped, moved

DEFAULT_THREADS_MAX = 8


@dataclass(frozen=True)
class Stages:
    """What is done with each batch, in this order.

    Attributes:
        split: makes the samples of a batch; None: it is handed on whole.
        transform: of a sample, or of the batch where that is not split.
        collate: makes a batch of samples.
        finish: makes a Batch or TupleBatch of the result, with the attributes of the batch that came.
        pin_memory: into page-locked memory.
        device: copied to it.
        threads: that do this, each a batch at a time.
    """

    split: Callable[[Any], list[Any]] | None
    transform: Callable[[Any], Any] | None
    collate: Callable[[list[Any]], Any] | None
    finish: Callable[[Any, Any], Any]
    pin_memory: bool
    device: Any
    threads: int

    def made_of(self, batch: Any) -> Any:  # noqa: ANN401
        """What becomes of it but for the copy to the device."""
        result = self._transformed(batch)
        return mapped(result, lambda tensor: tensor.pin_memory()) if self.pin_memory else result

    def _transformed(self, batch: Any) -> Any:  # noqa: ANN401
        if self.split is None:
            return batch if self.transform is None else self._apply(batch, batch, None)
        samples = self.split(batch)
        if self.transform is not None:
            samples = [self._apply(sample, batch, number) for number, sample in enumerate(samples)]
        return samples if self.collate is None else self.collate(samples)

    def _apply(self, values: Any, batch: Any, number: int | None) -> Any:  # noqa: ANN401
        try:
            return self.transform(values)
        except Exception as error:
            of = "" if number is None else f"sample {number} of "
            error.add_note(f"in the Loader's transform, {of}step {batch.step} of epoch {batch.epoch} (rank-local numbers, from 0)")
            raise


class Pipeline:
    """Does the work of `stages` on threads, ahead of whoever takes the batches, in their order.

    Attributes:
        wait_seconds: that whoever takes the batches waited for this work, since it was made.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._pool = ThreadPoolExecutor(stages.threads, "ringfeed-transform")
        self._streams = threading.local()  # of CUDA, one for each thread
        self.wait_seconds = 0.0

    def run(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Of each (tag, batch) its tag and what became of it. One batch more than there are threads is under way.
        Where `batches` raises, those before are handed out first."""
        waiting: deque[tuple[Any, Future[Any]]] = deque()
        source = iter(batches)
        failure: Exception | None = None
        over = False
        try:
            while True:
                while not over and len(waiting) <= self._stages.threads:
                    try:
                        tag, batch = next(source)
                    except StopIteration:
                        over = True
                    except Exception as error:  # noqa: BLE001
                        failure, over = error, True
                    else:
                        waiting.append((tag, self._pool.submit(self._work, batch)))
                if not waiting:
                    break
                tag, future = waiting.popleft()
                start = time.perf_counter()
                batch, event = future.result()
                self.wait_seconds += time.perf_counter() - start
                if event is not None:
                    _wait_for(event, batch)
                yield tag, batch
        finally:
            for _, future in waiting:
                future.cancel()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Ends the threads, without waiting for what they are at."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, batch: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """What becomes of the batch, and the event after which its copy is there (None: at once). On one of the
        threads."""
        result, event = self._stages.made_of(batch), None
        device = self._stages.device
        if device is not None and device.type == "cuda":
            result, event = self._copied(result, device)
        elif device is not None:
            result = moved(result, device, non_blocking=False)
        return self._stages.finish(result, batch), event

    def _copied(self, batch: Any, device: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """By a stream of this thread's own: the copy overlaps with what is computed on the device."""
        import torch

        if not hasattr(self._streams, "own"):
            self._streams.own = torch.cuda.Stream(device)
        with torch.cuda.stream(self._streams.own):
            return moved(batch, device, non_blocking=True), self._streams.own.record_event()


def cores() -> int:
    """Of this process, shared among the ranks of its host."""
    return max(1, len(os.sched_getaffinity(0)) // (in_environment("LOCAL_WORLD_SIZE") or 1))


def default_threads() -> int:
    """The cores, at most 8."""
    return min(cores(), DEFAULT_THREADS_MAX)


def collated(samples: list[Any]) -> Any:  # noqa: ANN401
    """As torch's default_collate, but of tuples a tuple."""
    from torch.utils.data import default_collate

    batch = default_collate(samples)
    return tuple(batch) if isinstance(samples[0], tuple) else batch


def stack(samples: list[Any]) -> Any:  # noqa: ANN401
    """Samples of NumPy arrays and numbers as one batch of arrays, as torch's default_collate is for tensors: dicts and
    tuples by their parts; all else is a list."""
    first = samples[0]
    if isinstance(first, dict):
        return {name: stack([sample[name] for sample in samples]) for name in first}
    if isinstance(first, tuple):
        return tuple(stack([*part]) for part in zip(*samples, strict=True))
    if isinstance(first, (numpy.ndarray, numpy.generic, int, float, bool)):
        return numpy.stack(samples)
    return samples


def _wait_for(event: Any, batch: Any) -> None:  # noqa: ANN401
    """Lets the stream of the caller go on after the copy, and tells the allocator that it uses these tensors."""
    import torch

    stream = torch.cuda.current_stream()
    stream.wait_event(event)
    mapped(batch, lambda tensor: tensor.record_stream(stream))
