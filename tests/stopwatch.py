"""Deadlines on a machine that has other work: time is counted in as far as there was a core for it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

SAMPLE_SECONDS = 0.05
THREADS_PER_CORE_MAX = 4  # what is slower than this allows fails on a busy machine too


class Stopwatch:
    """Measures a block.

    `seconds` is the time on the clock, `threads_per_core` how many threads shared a core meanwhile, 1 if fewer. `fair_seconds` is the time
    divided by that: on a quiet machine the same, and on a busy one about what a quiet one would have taken.
    """

    def __enter__(self) -> Stopwatch:
        self.start = time.monotonic()
        self.runnable = [runnable_threads()]
        self.ended = threading.Event()
        self.sampler = threading.Thread(target=self.sample)
        self.sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.start
        self.ended.set()
        self.sampler.join()
        shared = sum(self.runnable) / len(self.runnable) / len(os.sched_getaffinity(0))
        self.threads_per_core = min(max(1, shared), THREADS_PER_CORE_MAX)
        self.fair_seconds = self.seconds / self.threads_per_core

    def sample(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            self.runnable.append(runnable_threads())


def runnable_threads() -> int:
    """Those of the whole machine that run or wait for a core (field 4 of proc(5) loadavg)."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
