"""The order of an epoch, computed from docs/ordering.md alone (order version 1, cut 2).

This is a second implementation, written without the one of the program, to check it against. It
favours likeness to the page over speed: whole epochs are lists in memory. Names of sections in the
docstrings are those of the page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import gcd
from typing import TypeVar

import xxhash

Item = TypeVar("Item")
Sample = tuple[int, int]  # block, row

ORDER_VERSION = 1
MASK = 2**64 - 1

# Purposes of keys ("Random choices").
BLOCKS = 1
ROWS = 2
WINDOW = 3
ALL_SAMPLES = 4


def splitmix64(state: int) -> Iterator[int]:
    """The stream of 64-bit numbers that a key starts ("Random choices")."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def draw_below(bound: int, stream: Iterator[int]) -> int:
    """A number below `bound` by Lemire's method ("Random choices")."""
    m = next(stream) * bound
    if m & MASK < bound:
        t = 2**64 % bound
        while m & MASK < t:
            m = next(stream) * bound
    return m >> 64


@dataclass(frozen=True)
class Choices:
    """All random choices of one epoch, each with a key of its own ("Random choices")."""

    seed: int
    epoch: int

    def key(self, purpose: int, number: int) -> int:
        words = struct.pack("<5Q", ORDER_VERSION, self.seed, self.epoch, purpose, number)
        return xxhash.xxh3_64_intdigest(words)

    def shuffled(self, items: Sequence[Item], purpose: int, number: int) -> list[Item]:
        """Fisher-Yates from the last place down, with key(purpose, number)."""
        result = list(items)
        stream = splitmix64(self.key(purpose, number))
        for i in range(len(result), 1, -1):
            j = draw_below(i, stream)
            result[i - 1], result[j] = result[j], result[i - 1]
        return result


def lane_count(n: int, global_batch: int, lanes: int) -> int:
    """C ("Lanes, steps"); 0 for an epoch without samples."""
    return min(lanes, global_batch, n)


def steps(n: int, global_batch: int, lanes: int, tail: str = "share") -> list[tuple[int, int]]:
    """Begin and end of each step ("Lanes, steps")."""
    full = n // global_batch
    t = n % global_batch
    result = [(k * global_batch, (k + 1) * global_batch) for k in range(full)]
    if t == 0:
        return result
    if tail == "drop":
        if full == 0:
            raise ValueError(f"{n} samples are all left out of batches of {global_batch}")
        return result
    if full == 0 or t >= lane_count(n, global_batch, lanes):
        return [*result, (full * global_batch, n)]
    begin = result.pop()[0]
    if tail == "join":
        return [*result, (begin, n)]
    middle = begin + (global_batch + t + 1) // 2
    return [*result, (begin, middle), (middle, n)]


def shared_by_slices(n: int, global_batch: int, lanes: int, tail: str) -> set[int]:
    """The numbers of the steps that `share` made too small to be shared by lanes (block, 10)."""
    all_steps = steps(n, global_batch, lanes, tail)
    if not all_steps or all_steps[-1][1] - all_steps[-1][0] >= lane_count(n, global_batch, lanes):
        return set()
    return {len(all_steps) - 2, len(all_steps) - 1}


def stride(c: int) -> int:
    """s (block, 4): the number coprime to C that is nearest to 0.618 C, the smaller of two."""
    coprime = (s for s in range(1, c + 1) if gcd(s, c) == 1)
    return min(coprime, key=lambda s: (abs(1000 * s - 618 * c), s))


def lane_of(p: int, c: int, s: int) -> int:
    """The lane that sample p of the epoch comes from (block, 9)."""
    return p % c * s % c


def storage_order(block_samples: Sequence[int]) -> list[Sample]:
    """The blocks one after the other, the rows of each in their order ("none")."""
    return [(block, row) for block, n in enumerate(block_samples) for row in range(n)]


def concatenation(block_samples: Sequence[int], choices: Choices) -> list[Sample]:
    """Shuffled blocks, shuffled inside, laid end to end (block, 1 to 3)."""
    sequence = choices.shuffled(range(len(block_samples)), BLOCKS, 0)
    return [
        (block, row)
        for block in sequence
        for row in choices.shuffled(range(block_samples[block]), ROWS, block)
    ]


def cut_lanes(samples: Sequence[Sample], c: int) -> list[Sequence[Sample]]:
    """The C lanes, each in its direction: the odd ones backwards (block, 5 and 6)."""
    s = stride(c)
    longer = {j * s % c for j in range(len(samples) % c)}
    result: list[Sequence[Sample]] = []
    begin = 0
    for lane in range(c):
        end = begin + len(samples) // c + (lane in longer)
        run = samples[begin:end]
        result.append(run[::-1] if lane % 2 == 1 else run)
        begin = end
    return result


def windows(samples: Sequence[Sample], lane: int, window: int) -> list[list[Sample]]:
    """The samples of each window of a lane, in its direction (block, 6 and 7).

    A block comes once in the concatenation, so a piece is a run of samples of the same block.
    """
    pieces = [list(piece) for _, piece in groupby(samples, key=lambda sample: sample[0])]
    first = 1 + lane // 2 % window
    cuts = [0, *range(first, len(pieces), window), len(pieces)]
    return [sum(pieces[a:b], []) for a, b in zip(cuts, cuts[1:])]


def mix(samples: Sequence[Sample], lane: int, window: int, choices: Choices) -> list[Sample]:
    """The samples of a lane by their depth (block, 8)."""
    return [
        sample
        for i, members in enumerate(windows(samples, lane, window))
        for sample in choices.shuffled(members, WINDOW, lane * 2**32 + i)
    ]


def epoch_order(block_samples: list[int], *, seed: int, epoch: int, global_batch: int,
                lanes: int = 64, window: int = 2, shuffle: str = "block") -> list[Sample]:
    """Block and row of each sample of the epoch (the three sections named after `shuffle`)."""
    choices = Choices(seed, epoch)
    n = sum(block_samples)
    if shuffle == "none":
        return storage_order(block_samples)
    if shuffle == "full":
        return choices.shuffled(storage_order(block_samples), ALL_SAMPLES, 0)
    if shuffle != "block":
        raise ValueError(f"shuffle is {shuffle!r}, not block, full or none")
    if n == 0:
        return []
    c = lane_count(n, global_batch, lanes)
    s = stride(c)
    by_depth = [
        mix(samples, lane, window, choices)
        for lane, samples in enumerate(cut_lanes(concatenation(block_samples, choices), c))
    ]
    return [by_depth[lane_of(p, c, s)][p // c] for p in range(n)]


def rank_samples(block_samples: list[int], *, seed: int, epoch: int, global_batch: int,
                 lanes: int = 64, window: int = 2, shuffle: str = "block", tail: str = "share",
                 world_size: int, rank: int) -> list[list[int]]:
    """For each step the numbers p of the samples that a rank gets (block, 10; "none"; "full").

    Takes what `epoch_order` takes, and the tail; the seed, the epoch and the window have no say in it.
    """
    n = sum(block_samples)
    c = lane_count(n, global_batch, lanes)
    all_steps = steps(n, global_batch, lanes, tail)
    slices = (shared_by_slices(n, global_batch, lanes, tail) if shuffle == "block"
              else set(range(len(all_steps))))
    if all_steps and world_size > c:
        raise ValueError(f"{world_size} ranks, but at most {c} can share this epoch")
    if any(all_steps[k][1] - all_steps[k][0] < world_size for k in slices):
        raise ValueError(f"{world_size} ranks are more than the last step has samples")
    s = stride(c) if n > 0 else 0
    return [[p for p in range(begin, end) if lane_of(p, c, s) * world_size // c == rank]
            if k not in slices else
            list(range(begin + (end - begin) * rank // world_size,
                       begin + (end - begin) * (rank + 1) // world_size))
            for k, (begin, end) in enumerate(all_steps)]
