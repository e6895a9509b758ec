"""The packed feed from Cassandra against the driver alone, the usual Python ways, and torch's DataLoader in memory.

One node; 784 float32 and a label per sample, 1.1 GB in chunks of 512 KiB; shuffle block, batches of 256; no cache. The limit: point reads
of the same chunks by the same driver, nothing decoded, 32 MiB under way as in the feed. The Python ways read a row table of the first
20,000 samples, of which they do a part per round: they are 100 times slower.
"""

from __future__ import annotations

import sys

from harness import BUILD, Side, alternate_sides, costs, rates, report
from nodes import SAMPLE_BYTES, THREADS, running_packed, warm

UNDER_WAY = 32 << 20


def main() -> None:
    with running_packed() as (address, folder, url):
        raw = [str(BUILD / "bin/bench_raw_side"), "chunks", url, str(UNDER_WAY)]
        warm(raw)
        results = alternate_sides({
            "ours": Side([str(BUILD / "bin/bench_feed_side"), url, "256"]),
            "raw": Side(raw),
            "dataloader": Side([sys.executable, "bench/rivals.py", "dataloader", str(folder), "256"]),
            "scan": Side([sys.executable, "bench/cassandra_rivals.py", "scan", address, str(folder)]),
            "limit": Side([sys.executable, "bench/cassandra_rivals.py", "limit", address, str(folder)]),
        })
    ours = rates(results["ours"])
    report("feed cassandra packed vs driver alone", ours, rates(results["raw"]), "samples/s", 0.8, THREADS,
           cost=costs(results["ours"], SAMPLE_BYTES), rival_cost=costs(results["raw"], SAMPLE_BYTES),
           megabytes_per_second=round(SAMPLE_BYTES * sum(ours) / len(ours) / 1e6))
    report("feed cassandra packed vs SELECT LIMIT and torch.tensor", ours, rates(results["limit"]), "samples/s", 80, THREADS)
    report("feed cassandra packed vs paged scan and DataLoader", ours, rates(results["scan"]), "samples/s", 80, THREADS)
    report("feed cassandra packed vs DataLoader in memory", ours, rates(results["dataloader"]), "samples/s", 1.5, THREADS)


main()
