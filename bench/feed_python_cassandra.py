"""The Python Loader against the C++ feed from one Cassandra node, and beside the Python driver with a DataLoader.

1.1 GB of 784 float32 and a label per sample in chunks of 512 KiB; shuffle block, batches of 256; no cache; one thread assembling. The
driver scans a row table of the first 20,000 samples, 10,000 of them per round. The time to the first batch begins with connecting.
"""

from __future__ import annotations

import sys

from harness import BUILD, Side, all_costs, alternate_sides, rates, report
from nodes import SAMPLE_BYTES, THREADS, running_packed, warm


def main() -> None:
    with running_packed() as (address, folder, url):
        feed = [str(BUILD / "bin/bench_feed_side"), url, "256"]
        python = [sys.executable, "bench/python_rivals.py"]
        driver = [sys.executable, "bench/cassandra_rivals.py"]
        warm(feed)
        results = alternate_sides({
            "feed": Side(feed),
            "endless": Side([*feed, "--endless"]),
            "ours": Side([*python, "ours", url, "256"]),
            "ours_numpy": Side([*python, "ours_numpy", url, "256"]),
            "scan": Side([*driver, "scan", address, str(folder)]),
        }, peaks=True)
        firsts = alternate_sides({
            "ours": Side([*python, "ours", url, "256", "first"]),
            "scan": Side([*driver, "first", address, str(folder)]),
        })
    cost = all_costs(results, firsts, SAMPLE_BYTES)
    for name, ours, rival, bar in (
        ("tensors, vs C++ feed", "ours", "feed", 0.9),
        ("tensors, vs C++ feed that reads on as well", "ours", "endless", 0.9),
        ("NumPy arrays, vs C++ feed", "ours_numpy", "feed", 0),
        ("NumPy arrays, vs C++ feed that reads on as well", "ours_numpy", "endless", 0),
        ("tensors, vs paged scan of the Python driver and DataLoader", "ours", "scan", 0),
    ):
        report(f"feed python cassandra, {name}", rates(results[ours]), rates(results[rival]), "samples/s", bar, THREADS,
               cost=cost[ours], rival_cost=cost[rival])


main()
