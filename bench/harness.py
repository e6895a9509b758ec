"""What the benchmarks share: two sides as processes that run a round when told to, alternating, and the JSON line.

A side is a program that reads a line "round" on stdin, does its work once, and prints a JSON line with at least
`samples` and `seconds`. One warm-up round and five timed rounds each; the order of the two alternates.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/bench"
DATA = ROOT / "build/bench-data"
ROUNDS = 5


class Side:
    """One process, pinned to nothing, with the number of threads it is told."""

    def __init__(self, command: list[str], threads: int = 1) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        # A kernel that the environment chose for some other program must not slow a side down.
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            environment.pop(name, None)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment, cwd=ROOT)

    def round(self) -> dict:
        """Runs one round and gives what the side printed."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def alternate(runs: dict[str, Callable[[], dict]]) -> dict[str, list[dict]]:
    """One warm-up run of each, then ROUNDS timed ones; every second round in the reverse order."""
    results: dict[str, list[dict]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for number in range(ROUNDS):
        for name in runs if number % 2 == 0 else reversed(runs):
            results[name].append(runs[name]())
    return results


def alternate_sides(sides: dict[str, Side]) -> dict[str, list[dict]]:
    """The same with rounds of processes that stay, and are closed at the end."""
    results = alternate({name: side.round for name, side in sides.items()})
    for side in sides.values():
        side.close()
    return results


def rates(rounds: list[dict]) -> list[float]:
    """Samples per second of each round."""
    return [r["samples"] / r["seconds"] for r in rounds]


def report(name: str, ours: list[float], rival: list[float], unit: str, bar: float, threads: str,
           higher_is_better: bool = True, **more: object) -> dict:
    """Prints the JSON line. `ratio` is ours over rival (the other way round when lower is better), each round paired."""
    pairs = [a / b if higher_is_better else b / a for a, b in zip(ours, rival, strict=True)]
    ratio = statistics.median(pairs)
    line = {
        "name": name,
        "ours": round(statistics.median(ours), 3),
        "rival": round(statistics.median(rival), 3),
        "unit": unit,
        "ratio": round(ratio, 3),
        "spread": [round(min(pairs), 3), round(max(pairs), 3)],
        "bar": bar,
        "pass": ratio >= bar,
        "versions": versions(),
        "threads": threads,
        **more,
    }
    print(json.dumps(line), flush=True)
    return line


def versions() -> dict[str, str]:
    """Of what ran."""
    import torch

    program = subprocess.run([str(BUILD / "bin/ringfeed"), "--version"], capture_output=True, text=True, check=True)
    return {"ringfeed": program.stdout.split()[-1], "torch": torch.__version__, "python": sys.version.split()[0]}


def write_npy(name: str, samples: int, width: int) -> Path:
    """Makes `samples` x `width` float32 and int64 labels, image.npy and label.npy; gives their folder."""
    import numpy

    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "label.npy").exists():
        random = numpy.random.default_rng(0)
        numpy.save(folder / "image.npy", random.standard_normal((samples, width), dtype=numpy.float32))
        numpy.save(folder / "label.npy", random.integers(0, 10, samples, dtype=numpy.int64))
    return folder


def ingest(folder: Path, url: str, *options: str) -> None:
    """Both npy files of write_npy."""
    subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", str(folder / "image.npy"), str(folder / "label.npy"), url, "--quiet",
                    *options], check=True, stdout=subprocess.DEVNULL)


def ingest_npy(name: str, samples: int, width: int) -> tuple[Path, Path]:
    """The same, and as a data set beside them; gives both paths."""
    folder = write_npy(name, samples, width)
    dataset = folder / "data.ring"
    ingest(folder, str(dataset))
    return folder, dataset
