"""The Python Loader against the C++ feed from one Cassandra node, and beside the Python driver with a DataLoader.

1.1 GB of 784 float32 and a label per sample in chunks of 512 KiB; shuffle block, batches of 256; no cache; one thread assembling. The
driver scans a row table of the first 20,000 samples, 10,000 of them per round. The time to the first batch begins with connecting.
"""

from __future__ import annotations

import statistics
import sys

from harness import BUILD, Side, alternate_sides, costs, ingest, rates, report, write_npy
from nodes import THREADS, running, warm

SAMPLES, WIDTH = 350_000, 784


def main() -> None:
    folder = write_npy("feed-cassandra", SAMPLES, WIDTH)
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        url = f"cassandra://{address}/bench/packed"
        ingest(folder, url, "--create-keyspace", "--replication", "simple:1")
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
    cost = {kind: costs(rounds, WIDTH * 4 + 8) for kind, rounds in results.items()}
    for kind, rounds in firsts.items():
        cost[kind]["first_batch_ms"] = round(1e3 * statistics.median(r["seconds"] for r in rounds), 1)
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
