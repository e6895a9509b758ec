"""What the benchmarks share: two sides as processes that run a round when told to, alternating, and the JSON line, which is printed and
kept in RESULTS for tools/benchmark_table.py.

A side is a program that reads a line "round" on stdin, does its work once, and prints a JSON line with at least
`samples` and `seconds`. One warm-up round and five or more timed rounds each, in an order that is drawn for each round: data that a
side has just read are still in the processor's cache, so a side that often followed itself would gain by that.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/bench"
DATA = ROOT / "build/bench-data"
RESULTS = ROOT / "build/bench-results.jsonl"
ROUNDS = 5


class Side:
    """One process, pinned to nothing, with the number of threads it is told; it runs in `folder`."""

    def __init__(self, command: list[str], threads: int = 1, folder: Path = ROOT) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        # A kernel that the environment chose for some other program must not slow a side down.
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            environment.pop(name, None)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment, cwd=folder)

    def round(self) -> dict:
        """Runs one round and gives what the side printed."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return json.loads(line)

    def peak_bytes(self) -> int:
        """Runs one more round and gives the most anonymous memory that the process and its children had meanwhile."""
        most = 0
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.round)
            while not running.done():
                most = max(most, anonymous_bytes(self.process.pid))
                time.sleep(0.005)
        running.result()
        return most

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def alternate(runs: dict[str, Callable[[], dict]], rounds: int = ROUNDS) -> dict[str, list[dict]]:
    """One warm-up run of each, then so many timed ones, each time in another order."""
    results: dict[str, list[dict]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    drawn = random.Random(1)
    for _ in range(rounds):
        for name in drawn.sample(list(runs), len(runs)):
            results[name].append(runs[name]())
    return results


def alternate_sides(sides: dict[str, Side], peaks: bool = False, rounds: int = ROUNDS) -> dict[str, list[dict]]:
    """The same with rounds of processes that stay, and are closed at the end; `peaks` gives them peak_bytes() as their rss_anon_bytes."""
    results = alternate({name: side.round for name, side in sides.items()}, rounds)
    for name, side in sides.items():
        if peaks:
            peak = side.peak_bytes()
            for result in results[name]:
                result["rss_anon_bytes"] = peak
        side.close()
    return results


def alternate_anew(make_sides: Callable[[], dict[str, Side]], peaks: bool = False) -> dict[str, list[dict]]:
    """Forty rounds, with new processes for each ten: for what differs less than two processes of the same program, which differ by 5 % as
    long as they live."""
    results: dict[str, list[dict]] = {}
    for _ in range(4):
        for name, rounds in alternate_sides(make_sides(), peaks, rounds=10).items():
            results.setdefault(name, []).extend(rounds)
    return results


def anonymous_bytes(process: int) -> int:
    """Of a process and its children now; pages that a fork left to several of them count once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if process in (parent, int(folder.name)):
                total += 1024 * int(re.search(r"^Pss_Anon: *(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)[1])
        except (OSError, TypeError):  # it has just ended
            continue
    return total


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def rates(rounds: list[dict]) -> list[float]:
    """Samples per second of each round."""
    return [r["samples"] / r["seconds"] for r in rounds]


def costs(rounds: list[dict], sample_bytes: int) -> dict[str, float]:
    """What a side used: seconds of CPU per 10^9 bytes of samples, and the most anonymous memory in 10^6 bytes."""
    seconds, samples = sum(r["cpu_seconds"] for r in rounds), sum(r["samples"] for r in rounds)
    return {"cpu_s_per_gb": round(seconds / (samples * sample_bytes / 1e9), 3),
            "rss_anon_mb": round(max(r["rss_anon_bytes"] for r in rounds) / 1e6)}


def all_costs(results: dict[str, list[dict]], firsts: dict[str, list[dict]], sample_bytes: int) -> dict[str, dict[str, float]]:
    """costs() of each side, and of those in `firsts` the time to the first batch."""
    cost = {kind: costs(rounds, sample_bytes) for kind, rounds in results.items()}
    for kind, rounds in firsts.items():
        cost[kind]["first_batch_ms"] = round(1e3 * statistics.median(r["seconds"] for r in rounds), 1)
    return cost


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
    return publish(line)


def report_bound(name: str, values: list[float], unit: str, bar: float, threads: str, **more: object) -> dict:
    """The same for a figure that has no rival: its median is at most the bar."""
    ours = statistics.median(values)
    return publish({"name": name, "ours": round(ours, 4), "rival": None, "unit": unit, "ratio": None,
                    "spread": [round(min(values), 4), round(max(values), 4)] if len(values) > 1 else None, "bar": bar,
                    "pass": ours <= bar, "versions": versions(), "threads": threads, **more})


def publish(line: dict) -> dict:
    """Prints a line, and keeps it with the benchmark, the day and the machine."""
    print(json.dumps(line), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps({"script": Path(sys.argv[0]).stem, "date": datetime.date.today().isoformat(), "machine": machine(), **line}) + "\n")
    return line


def machine() -> str:
    """How many cores of what."""
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    return f"{os.cpu_count()} cores" + (f" of {found[1]}" if found else "")


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


def ingest(folder: Path, url: str, *options: str, build: Path = BUILD) -> None:
    """Both npy files of write_npy, by the program of a build."""
    subprocess.run([str(build / "bin/ringfeed"), "ingest", str(folder / "image.npy"), str(folder / "label.npy"), url, "--quiet",
                    *options], check=True, stdout=subprocess.DEVNULL)


def ingest_npy(name: str, samples: int, width: int) -> tuple[Path, Path]:
    """The same, and as a data set beside them; gives both paths."""
    folder = write_npy(name, samples, width)
    dataset = folder / "data.ring"
    ingest(folder, str(dataset))
    return folder, dataset
