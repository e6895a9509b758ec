"""What limits a loop over a Loader: each stage measured by itself, the slowest one told, and options that lift it
tried for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

from .arguments import THREADS_MAX
from .dataset import Dataset
from .errors import InvalidArgumentError
from .loader import Loader
from .stages import Pipeline, cores

AFTER_THE_FEED = ("transform", "transform_batches", "transform_threads", "collate", "pin_memory", "device", "ledger")
"""Arguments of a Loader that the feed alone is measured without."""
MEASURE_SECONDS_LEAST = 0.3
TRIES_MOST = 3
NOISE = 0.03
"""A gain below it is none."""
Candidate = tuple[dict[str, int], dict[str, float]]
"""Options, and what each stage does at most with them."""


@dataclass(frozen=True)
class Try:
    """A loop with some options.

    Attributes:
        options: those that differ from the ones that were given.
        limit: the stage that is predicted to be the slowest.
        predicted: samples per second.
        measured: samples per second.
    """

    options: Mapping[str, int]
    limit: str
    predicted: float
    measured: float


@dataclass(frozen=True)
class Tuned:
    """What `tune()` found.

    Attributes:
        stages: samples per second of each stage alone, with the options that were given: "feed" (store and assembly),
            "transform" (with collate and the copy to a device, on transform_threads), "step" (the function that was
            given).
        start: the loop as it is.
        tries: others, the one that promised most first; at most three.
    """

    stages: Mapping[str, float]
    start: Try
    tries: tuple[Try, ...] = field(default=())

    @property
    def limit(self) -> str:
        """The slowest stage of the loop as it is."""
        return self.start.limit

    @property
    def options(self) -> Mapping[str, int]:
        """Arguments for the Loader that were the fastest; empty: none is faster than those that were given."""
        best = max(self.tries, key=lambda tried: tried.measured, default=self.start)
        return best.options if best.measured > self.start.measured * (1 + NOISE) else {}

    def __str__(self) -> str:
        lines = ["each alone, in samples/s: " + ", ".join(f"{name} {rate:.0f}" for name, rate in self.stages.items()), f"limit: {self.limit}",
                 " predicted   measured  limit"]
        for tried in (self.start, *self.tries):
            options = ", ".join(f"{name}={value}" for name, value in tried.options.items()) or "as it is"
            lines.append(f"{tried.predicted:10.0f} {tried.measured:10.0f}  {tried.limit:<10} {options}")
        return "\n".join(lines)


def tune(dataset: Dataset, step: Callable[[Any], Any] | None = None, *, seconds: float = 30.0, **loader: Any) -> Tuned:  # noqa: ANN401
    """Measures what limits `for batch in Loader(dataset, **loader): step(batch)`, and tries what may be faster.

    Each stage is measured alone: the feed without what follows it, transform, collate and copy over a batch that is
    held, on 1, 2, 4, ... threads up to the cores, and `step` over a batch that is held. A loop can be no faster than
    the slowest of them. The three combinations of transform_threads, read_threads and assemble_threads that promise
    most are tried for real. None of them changes the order or what is in a batch. Nothing is written.

    Args:
        dataset: from `ringfeed.open()`.
        step: what is done with each batch, as a step of training; it is really called: give it a model that may be
            changed. None: nothing.
        seconds: that it may take, about.
        **loader: the arguments of the Loader, batch_size and transform among them; a ledger is not written.

    Returns:
        Tuned: print it, and give its `options` to the Loader.

    Raises:
        InvalidArgumentError: there are too few seconds (it says how many are needed), or an argument does not fit.
    What the Loader, transform and step raise.
    """
    loader.pop("ledger", None)
    return _Tuner(dataset, step, seconds, loader).tuned()


class _Tuner:
    """The measurements, which share the time."""

    def __init__(self, dataset: Dataset, step: Callable[[Any], Any] | None, seconds: float, given: dict[str, Any]) -> None:
        self._dataset = dataset
        self._step = step
        self._given = given
        probe = Loader(dataset, **given)  # what does not fit is found here
        self._stages = probe._stages
        # Samples that this rank has of most steps, whatever a transform makes of its batches.
        self._batch_size = max(1, probe.global_batch_size // probe.world_size)
        probe.close()
        self._threads = self._stages.threads if self._stages is not None else 0
        self._feeds = self._feed_choices()
        self._thread_choices = [] if self._stages is None else [self._threads, *(n for n in powers_of_two(cores()) if n != self._threads)]
        count = len(self._feeds) + len(self._thread_choices) + (step is not None) + 1 + TRIES_MOST
        self._each = seconds / count
        if not self._each >= MEASURE_SECONDS_LEAST:
            raise InvalidArgumentError(f"seconds is {seconds!r}; {count} measurements need {count * MEASURE_SECONDS_LEAST:.0f}")

    def _feed_choices(self) -> list[dict[str, int]]:
        """As it is, and with twice the threads of each kind."""
        choices: list[dict[str, int]] = [{}]
        for name in ("read_threads", "assemble_threads"):
            twice = 2 * self._given.get(name, 1)
            if twice <= min(cores(), THREADS_MAX):
                choices.append({name: twice})
        return choices

    def tuned(self) -> Tuned:
        feeds = [self._feed_rate(choice) for choice in self._feeds]
        transforms = {threads: self._transform_rate(threads) for threads in self._thread_choices}
        step = self._step_rate() if self._step is not None else None

        def promised(feed: int, threads: int) -> dict[str, float]:
            lanes = {"feed": feeds[feed]}
            if transforms:
                lanes["transform"] = transforms[threads]
            if step is not None:
                lanes["step"] = step
            return lanes

        as_it_is = promised(0, self._threads)
        candidates = [({**choice, **({"transform_threads": threads} if threads != self._threads else {})}, promised(feed, threads))
                      for threads in self._thread_choices or [0] for feed, choice in enumerate(self._feeds)]
        start = self._tried({}, as_it_is)
        return Tuned(as_it_is, start, tuple(self._tried(*candidate) for candidate in worth_a_try(candidates, as_it_is)))

    def _feed_rate(self, options: Mapping[str, int]) -> float:
        return self._rate(self._epochs({**self._bare(), **options}))

    def _bare(self) -> dict[str, Any]:
        return {name: value for name, value in self._given.items() if name not in AFTER_THE_FEED}

    def _transform_rate(self, threads: int) -> float:
        held = next(self._epochs(self._bare()))
        pipeline = Pipeline(replace(self._stages, threads=threads))
        try:
            return self._rate(pipeline.run(zip(repeat(None), repeat(held))))
        finally:
            pipeline.close()

    def _step_rate(self) -> float:
        return self._rate(self._stepped(repeat(next(self._epochs(self._given)))))

    def _tried(self, options: Mapping[str, int], lanes: Mapping[str, float]) -> Try:
        measured = self._rate(self._stepped(self._epochs({**self._given, **options})))
        limit = min(lanes, key=lambda name: lanes[name])
        return Try(options, limit, lanes[limit], measured)

    def _epochs(self, options: dict[str, Any]) -> Generator[Any, None, None]:
        """Batches without end; the Loader is closed with the iterator."""
        loader = Loader(self._dataset, **options)
        try:
            while True:
                yield from loader
        finally:
            loader.close()

    def _stepped(self, batches: Iterable[Any]) -> Generator[Any, None, None]:
        for batch in batches:
            if self._step is not None:
                self._step(batch)
            yield batch

    def _rate(self, batches: Generator[Any, None, None]) -> float:
        """Samples per second, the first batch left out."""
        with closing(batches):
            next(batches)
            begin = time.perf_counter()
            for count, _ in enumerate(batches, 1):
                passed = time.perf_counter() - begin
                if passed >= self._each:
                    break
        return count * self._batch_size / passed


def worth_a_try(candidates: list[Candidate], as_it_is: Mapping[str, float]) -> list[Candidate]:
    """Those that promise most, at most three; none that changes more than another one and promises no more."""
    worth: list[Candidate] = []
    candidates = sorted(candidates, key=lambda candidate: len(candidate[0]))
    for options, lanes in candidates:
        others = [other for told, other in worth if told.items() <= options.items()]
        if all(min(lanes.values()) > (1 + NOISE) * min(other.values()) for other in (as_it_is, *others)):
            worth.append((options, lanes))
    return sorted(worth, key=lambda candidate: -min(candidate[1].values()))[:TRIES_MOST]


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, ..., at most `most`."""
    return [2**i for i in range(most.bit_length()) if 2**i <= most]
