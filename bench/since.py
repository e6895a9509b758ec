"""The feeds beside those of an older revision of Ringfeed, in the same rounds: what became slower since.

    bench/since.py                                beside e02e145: local, python, packed, rows
    bench/since.py --revision HEAD~20 --feeds local,python

The older one is a clone in build/bench-since, built by its own files with the packages of this checkout (.deps), and each side reads data
that it ingested itself. local: 60,000 x 784 float32 with labels, and 600,000 x 10 float32 with labels, batches of 256. python: the Loader's
tensors over the former. packed and rows: 350,000 x 784 float32 from one node. Forty rounds, with new processes for each ten.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness import BUILD, ROOT, Side, alternate_anew, ingest, rates, report, write_npy
from nodes import SAMPLES, THREADS, WIDTH, running, warm

FOLDER = ROOT / "build/bench-since"
REVISION = "e02e145"
FEEDS = ("local", "python", "packed", "rows")
BAR = 0.97
LOCAL_THREADS = "1 assembling, 1 reading"


def build_of(revision: str) -> Path:
    """The benchmarks of a revision, built in a clone of its own; gives its build folder."""
    clone = FOLDER / revision
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "checkout", "--quiet", revision], cwd=clone, check=True)
        (clone / ".deps").symlink_to(ROOT / ".deps")
    subprocess.run(["tools/build.sh", "bench"], cwd=clone, check=True, stdout=sys.stderr)
    return clone / "build/bench"


def feed_side(build: Path, dataset: str, *options: str) -> Side:
    return Side([str(build / "bin/bench_feed_side"), dataset, "256", *options], folder=build.parent.parent)


def python_side(build: Path, dataset: str) -> Side:
    return Side([sys.executable, "bench/python_rivals.py", "ours", dataset, "256", "10"], folder=build.parent.parent)


def compare(name: str, sides: dict[str, tuple[Path, str]], make: Callable[[Path, str], Side], threads: str, revision: str) -> None:
    results = alternate_anew(lambda: {side: make(build, dataset) for side, (build, dataset) in sides.items()})
    report(f"{name} vs {revision}", rates(results["now"]), rates(results["then"]), "samples/s", BAR, threads)


def local(builds: dict[str, Path], feeds: list[str], revision: str) -> None:
    for name, samples, width in (("since-784", 60_000, 784), ("since-10", 600_000, 10)):
        folder = write_npy(name, samples, width)
        sides = {}
        for side, build in builds.items():
            dataset = folder / f"{side}.ring"
            shutil.rmtree(dataset, ignore_errors=True)
            ingest(folder, str(dataset), build=build)
            sides[side] = (build, str(dataset))
        if "local" in feeds:
            compare(f"feed local {width} float32", sides, lambda build, dataset: feed_side(build, dataset, "--epochs", "10"),
                    LOCAL_THREADS, revision)
        if "python" in feeds and width == 784:
            compare(f"feed python local {width} float32, tensors", sides, python_side, LOCAL_THREADS, revision)


def cassandra(builds: dict[str, Path], feeds: list[str], revision: str) -> None:
    folder = write_npy("feed-cassandra", SAMPLES, WIDTH)
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        for feed in (feed for feed in ("packed", "rows") if feed in feeds):
            sides = {}
            for side, build in builds.items():
                url = f"cassandra://{address}/bench/{feed}_{side}"
                ingest(folder, url, "--create-keyspace", "--replication", "simple:1", *(["--layout", "rows"] if feed == "rows" else []),
                       build=build)
                sides[side] = (build, url)
                warm([str(build / "bin/bench_feed_side"), url, "256"])
            compare(f"feed cassandra {feed} {WIDTH} float32", sides, feed_side, THREADS, revision)


def main() -> None:
    parser = argparse.ArgumentParser(description="The feeds beside those of an older revision.")
    parser.add_argument("--revision", default=REVISION)
    parser.add_argument("--feeds", default=",".join(FEEDS), help=f"of {','.join(FEEDS)}")
    arguments = parser.parse_args()
    feeds = arguments.feeds.split(",")
    builds = {"now": BUILD, "then": build_of(arguments.revision)}
    if {"local", "python"} & set(feeds):
        local(builds, feeds, arguments.revision)
    if {"packed", "rows"} & set(feeds):
        cassandra(builds, feeds, arguments.revision)


main()
