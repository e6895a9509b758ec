"""`ringfeed tune` over planted situations: is the limit named rightly, how near is the prediction, and is what it chooses as good as the
best of all options?

Local sets (on a slow disk, a heavy model, a tiny one, wide samples, tiny ones, samples that a transform in Python decodes slowly), and sets
in Cassandra: behind links of 20 ms, 100 ms and 10 MB/s, with half of the default memory, and as a table of rows. Figures are drawn from
--seed. The right limit is the one that a situation plants; where it plants none, what the run itself waited for says whether it is one of the
feed's stages or of the model's. A line for each, and one for all.

    bench/tune.py --seed 1                    limits and predictions; about 15 minutes
    bench/tune.py --seed 1 --grid 243         and each choice against all points of a grid, 3 s each; about 5 hours
    bench/tune.py disk transform --grid 9     two situations against nine points of it

The bars: all limits named rightly; the median of the predictions' errors at most 20 %; what is chosen reaches at least 0.95 of the best
point of the grid, measured again in turns, in a tenth of its time. The slow disk wants root (bench/slow_disk.py).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import BUILD, DATA, ingest, publish, write_npy
from nodes import cluster, proxy, running
from slow_disk import slow_disk

SECONDS = 40
POINT_SECONDS = 3.0
START_SECONDS_MAX = 60.0
ROUNDS = 5
MODEL = ("--input", "image", "--target", "label", "--loss", "cross_entropy")
TINY = ("--model", "linear", "--optimizer", "sgd", "--batch-size", "1024")
WAITED = 0.2  # of the time: below it a run is not limited by its feed
SERVED_SAMPLES, SERVED_WIDTH = 100_000, 784
MIB = 1 << 20
LOCAL_GRID = {"nproc": (1, 2, 4), "threads": (1, 2, 4), "read-threads": (1, 2, 4), "assemble-threads": (1, 2, 4),
              "prefetch-bytes": (256 * MIB, 512 * MIB, 1024 * MIB)}
SERVED_GRID = {"nproc": (1, 2, 4), "read-threads": (1, 2, 4), "connections-per-host": (2, 4, 8),
               "in-flight-bytes-per-node": (64 * MIB, 128 * MIB, 256 * MIB), "prefetch-bytes": (128 * MIB, 256 * MIB, 512 * MIB)}
TRANSFORM_GRID = {"transform_threads": (1, 2, 3, 4), "read_threads": (1, 2, 4), "assemble_threads": (1, 2, 4),
                  "prefetch_bytes": tuple(2**i * MIB for i in range(7, 13))}

Options = Mapping[str, Any]
Enter = Callable[[], None]


@dataclass(frozen=True)
class Situation:
    name: str
    limit: str | None
    options: tuple[str, ...] = TINY
    link: tuple[int, float] | None = None  # round trip in ms, MiB/s; of a set in Cassandra
    rows: bool = False
    local: tuple[int, int] | None = None  # samples and width
    disk: int | None = None  # bytes per second
    budget: int | None = None  # of all feeds
    transform: int | None = None  # bytes of a sample, decoded


def situations(drawn: random.Random) -> list[Situation]:
    wide = drawn.randrange(20_000, 40_000)
    hidden = drawn.randrange(1500, 2500)
    return [
        Situation("slow disk", "store", local=(200_000, 784), disk=drawn.randrange(15, 30) * 1_000_000),
        Situation("heavy model", "model", ("--hidden", f"{hidden},{hidden}", "--batch-size", "128"), local=(60_000, 784)),
        Situation("tiny model", None, local=(300_000, 64)),
        Situation("wide samples", None, TINY[:-1] + ("128",), local=(400_000_000 // (4 * wide), wide)),
        Situation("tiny samples", None, local=(1_000_000, 4)),
        Situation("samples decoded by a slow transform", "transform", transform=drawn.randrange(100_000, 200_000)),
        Situation("link of 20 ms and 40 MiB/s", "store", link=(20, 40)),
        Situation("link of 100 ms and 40 MiB/s", "store", link=(100, 40)),
        Situation("link of 10 MB/s", "store", link=(drawn.randrange(1, 5), 9.54)),
        Situation("half of the default memory, 100 ms", "store", (*TINY, "--budget-memory", "128MiB"), link=(100, 40), budget=128 * MIB),
        Situation("table of rows, 20 ms and 40 MiB/s", "store", link=(20, 40), rows=True),
    ]


# What a situation is tuned and measured by.


@dataclass(frozen=True)
class Bench:
    tune: Callable[[], dict[str, Any]]  # limit, wait_share, tries of predicted and measured, options
    rate: Callable[[Options, float], float]  # samples per second with these options over so many seconds; 0: they do not fit
    grid: Mapping[str, tuple[Any, ...]]


def tune(url: str, options: tuple[str, ...], enter: Enter | None = None) -> dict[str, Any]:
    told = subprocess.run([str(BUILD / "bin/ringfeed"), "tune", url, *MODEL, *options, "--seconds", str(SECONDS), "--json", "--quiet"],
                          capture_output=True, text=True, preexec_fn=enter)
    if told.returncode != 0:
        raise RuntimeError(told.stderr.strip())
    tuned = json.loads(told.stdout.splitlines()[-1])
    return {"limit": tuned["start"]["limit"], "wait_share": tuned["start"]["wait_share"], "options": tuned["chosen"]["changes"],
            "tries": [(tried["predicted_samples_per_second"], tried["samples_per_second"]) for tried in (tuned["start"], *tuned["tries"])]}


def counted(port: int) -> tuple[float, float]:
    """Samples that all ranks were trained on, and the seconds of their steps."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    values = [re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, flags=re.MULTILINE)
              for name in ("ringfeed_train_samples_total", "ringfeed_train_step_seconds_sum")]
    return (float(values[0][1]), float(values[1][1])) if all(values) else (0.0, 0.0)


def free_ports(count: int) -> int:
    """The first of so many in a row that are free now."""
    while True:
        first = random.randrange(20_000, 50_000)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def rate_of_run(url: str, options: tuple[str, ...], more: Options, seconds: float, enter: Enter | None = None) -> float:
    """Of `ringfeed train`, which counts for itself; 0: it does not take these options."""
    port = free_ports(int(more.get("nproc", 1)))
    settings = [f"--{name}={value}" for name, value in more.items()]
    command = [str(BUILD / "bin/ringfeed"), "train", url, *MODEL, *options, *settings, "--epochs", "1000000", "--on-nan", "continue",
               "--metrics-port", str(port), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=enter)

    def wait_for(samples: float, least_seconds: float, deadline: float) -> tuple[float, float]:
        end = time.monotonic() + deadline
        while process.poll() is None and time.monotonic() < end:
            try:
                found = counted(port)
            except OSError:
                found = (0.0, 0.0)
            if found[0] > samples and found[1] >= least_seconds:
                return found
            time.sleep(0.05)
        raise TimeoutError

    try:
        first = wait_for(0, 0.5, START_SECONDS_MAX)
        last = wait_for(first[0], first[1] + seconds, START_SECONDS_MAX + 3 * seconds)
        return (last[0] - first[0]) / (last[1] - first[1])
    except TimeoutError:
        return 0.0
    finally:
        process.terminate()
        process.wait()


def fitting(options: tuple[str, ...]) -> tuple[str, ...]:
    """Without what only tune takes."""
    return options[:options.index("--budget-memory")] if "--budget-memory" in options else options


def bench_of_runs(url: str, situation: Situation, enter: Enter | None = None) -> Bench:
    def rate(more: Options, seconds: float) -> float:
        if situation.budget and int(more.get("nproc", 1)) * int(more.get("prefetch-bytes", situation.budget)) > situation.budget:
            return 0.0
        bounded = {"prefetch-bytes": situation.budget, **more} if situation.budget else more
        return rate_of_run(url, fitting(situation.options), bounded, seconds, enter)

    grid: dict[str, tuple[Any, ...]] = dict(SERVED_GRID if situation.link else LOCAL_GRID)
    if situation.budget:
        grid["prefetch-bytes"] = tuple(situation.budget // divisor for divisor in (1, 2, 4))
    return Bench(lambda: tune(url, situation.options, enter), rate, grid)


def bench_of_transform(sample_bytes: int) -> Bench:
    """A loop in this process over samples that zlib packs and the transform unpacks."""
    sys.path.insert(0, str(BUILD / "python"))
    import numpy
    import ringfeed
    import torch

    torch.set_num_threads(1)
    url = str(DATA / f"tune-packed-{sample_bytes}.ring")
    if not Path(url).exists():
        drawn = numpy.random.default_rng(0)
        DATA.mkdir(parents=True, exist_ok=True)
        ringfeed.write(url, ({"image": zlib.compress(drawn.integers(0, 16, sample_bytes, numpy.uint8).tobytes(), 1), "label": i % 10}
                             for i in range(3000)), progress=False)
    model = torch.nn.Linear(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)

    def decode(sample: dict[str, Any]) -> dict[str, Any]:
        pixels = numpy.frombuffer(zlib.decompress(sample["image"]), numpy.uint8)
        return {"image": torch.from_numpy(pixels[:64].astype(numpy.float32)), "label": sample["label"]}

    def step(batch: Any) -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch["image"]), batch["label"]).backward()
        optimizer.step()

    arguments = {"batch_size": 32, "transform": decode, "transform_threads": 1}

    def tuned() -> dict[str, Any]:
        found = ringfeed.tune(ringfeed.open(url), step, seconds=SECONDS, **arguments)
        return {"limit": found.limit, "wait_share": None, "options": dict(found.options),
                "tries": [(tried.predicted, tried.measured) for tried in (found.start, *found.tries)]}

    def rate(more: Options, seconds: float) -> float:
        try:
            loader = ringfeed.Loader(ringfeed.open(url), **{**arguments, **more})
        except ringfeed.InvalidArgumentError:
            return 0.0
        samples, begin = 0, None
        try:
            while True:
                for batch in loader:
                    step(batch)
                    now = time.perf_counter()
                    if begin is None:
                        begin = now
                        continue
                    samples += batch.size
                    if now - begin >= seconds:
                        return samples / (now - begin)
        finally:
            loader.close()

    return Bench(tuned, rate, TRANSFORM_GRID)


# Where it runs.


@contextmanager
def local_bench(situation: Situation) -> Iterator[Bench]:
    samples, width = situation.local
    folder = write_npy(f"tune-{samples}-{width}", samples, width)
    url = folder / "data.ring"
    ingest(folder, str(url))
    with slow_disk(url, situation.disk) if situation.disk else nullcontext() as enter:
        yield bench_of_runs(str(url), situation, enter)


@contextmanager
def served() -> Iterator[Callable[[Situation], Any]]:
    """A node that only a proxy reaches, with a packed set and a table of the same."""
    folder = write_npy("tune-served", SERVED_SAMPLES, SERVED_WIDTH)
    with running(1, cluster.Mode(far=True)) as nodes:
        node = nodes.nodes()[0]
        base = f"cassandra://{node.far_address}/bench"
        with proxy(node, 0):
            ingest(folder, f"{base}/packed", "--create-keyspace", "--replication", "simple:1")
            ingest(folder, f"{base}/rows", "--layout", "rows")

        @contextmanager
        def bench(situation: Situation) -> Iterator[Bench]:
            with proxy(node, *situation.link):
                yield bench_of_runs(f"{base}/{'rows' if situation.rows else 'packed'}", situation)

        yield bench


# What is said of it.


def judged(situation: Situation, bench: Bench, points: int, drawn: random.Random) -> dict[str, Any]:
    """A line of the result."""
    begin = time.monotonic()
    try:
        tuned = bench.tune()
    except RuntimeError as error:
        return {"name": situation.name, "right": False, "errors": [], "failure": str(error)}
    tune_seconds = time.monotonic() - begin
    limit, waited = tuned["limit"], (tuned["wait_share"] or 0) > WAITED
    right = limit == situation.limit if situation.limit else (limit not in ("model", "all-reduce")) == waited
    line = {"name": situation.name, "right": right, "limit": limit, "wait_share": tuned["wait_share"],
            "errors": [round(abs(predicted / measured - 1), 3) for predicted, measured in tuned["tries"]],
            "samples_per_second": round(tuned["tries"][0][1]), "chosen": tuned["options"], "tune_seconds": round(tune_seconds)}
    return {**line, **against_grid(bench, tuned["options"], points, drawn)} if points else line


def against_grid(bench: Bench, chosen: Options, points: int, drawn: random.Random) -> dict[str, Any]:
    """The choice beside the best of the grid's points, of which a part is drawn where it has more."""
    every = [dict(zip(bench.grid, values, strict=True)) for values in itertools.product(*bench.grid.values())]
    drawn.shuffle(every)
    begin = time.monotonic()
    rates = [(bench.rate(point, POINT_SECONDS), number) for number, point in enumerate(every[:points])]
    grid_seconds = time.monotonic() - begin
    best = every[max(rates)[1]]
    # The best of many is one that was lucky, too: both are measured again, in turns.
    pairs = [(bench.rate(chosen, 2 * POINT_SECONDS), bench.rate(best, 2 * POINT_SECONDS)) for _ in range(ROUNDS)]
    ratios = [ours / other if other else 1.0 for ours, other in pairs]
    return {"points": min(points, len(every)), "grid_seconds": round(grid_seconds), "best": best,
            "of_best": round(statistics.median(ratios), 3), "of_best_spread": [round(min(ratios), 3), round(max(ratios), 3)]}


def summed(lines: list[dict[str, Any]], seed: int) -> None:
    """The lines of the table of benchmarks."""
    errors = [error for line in lines for error in line["errors"]]
    wrong = sum(not line["right"] for line in lines)
    publish({"name": "tune, limits named wrongly", "ours": wrong, "rival": None, "unit": f"of {len(lines)}", "ratio": None, "spread": None,
             "bar": 0, "pass": wrong == 0, "seed": seed})
    if errors:
        publish({"name": "tune, error of predictions", "ours": round(statistics.median(errors), 3), "rival": None, "unit": "of the rate",
                 "ratio": None, "spread": [min(errors), max(errors)], "bar": 0.2, "pass": statistics.median(errors) <= 0.2, "seed": seed})
    whole = [line for line in lines if line.get("points", 0) >= 200]
    if whole:
        least = min(line["of_best"] for line in whole)
        in_time = all(10 * line["tune_seconds"] <= line["grid_seconds"] for line in whole)
        publish({"name": "tune, what is chosen beside the best of a grid", "ours": least, "rival": 1.0, "unit": "of the best rate",
                 "ratio": least, "spread": None, "bar": 0.95, "pass": least >= 0.95 and in_time, "seed": seed})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only situations whose names have one of these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grid", type=int, default=0, metavar="POINTS", help="of the grid, that the choice is held against")
    chosen = parser.parse_args()
    wanted = [s for s in situations(random.Random(chosen.seed)) if not chosen.words or any(word in s.name for word in chosen.words)]
    drawn = random.Random(chosen.seed)
    lines = []

    def tell(situation: Situation, bench: Bench) -> None:
        lines.append(judged(situation, bench, chosen.grid, drawn))
        print(json.dumps(lines[-1]), flush=True)

    for situation in wanted:
        if situation.transform:
            tell(situation, bench_of_transform(situation.transform))
        elif situation.local:
            with local_bench(situation) as bench:
                tell(situation, bench)
    if any(situation.link for situation in wanted):
        with served() as bench_of:
            for situation in wanted:
                if situation.link:
                    with bench_of(situation) as bench:
                        tell(situation, bench)
    summed(lines, chosen.seed)


main()
