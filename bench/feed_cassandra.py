"""The packed feed from Cassandra against the driver alone, the usual Python ways, and torch's DataLoader in memory.

One node that this script starts (full JIT) and stops; 784 float32 and a label per sample, 1 GiB in chunks of 512 KiB; batches of 256;
no cache. The limit: point reads of the same chunks by the same driver, nothing decoded, 32 MiB under way as in the feed.
The Python ways read a row table of the first 20,000 samples, of which they do a part per round: they are 100 times slower.
"""

from __future__ import annotations

import os
import subprocess
import sys

from harness import BUILD, DATA, ROOT, Side, alternate_sides, ingest_npy, rates, report

sys.path.insert(0, str(ROOT / "tools/cassandra"))
import cluster  # noqa: E402

SAMPLES = 350_000
WIDTH = 784
UNDER_WAY = 32 << 20


def main() -> None:
    nodes = cluster.Cluster(DATA / "cassandra")
    address = nodes.up(1)[0].address
    os.environ.update(RINGFEED_USER="cassandra", RINGFEED_PASSWORD="cassandra")
    try:
        folder, _ = ingest_npy("feed-cassandra", SAMPLES, WIDTH)
        url = f"cassandra://{address}/bench/packed"
        subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", str(folder / "image.npy"), str(folder / "label.npy"), url, "--quiet",
                        "--create-keyspace", "--replication", "simple:1"], check=True, stdout=subprocess.DEVNULL)
        results = alternate_sides({
            "ours": Side([str(BUILD / "bin/bench_feed_side"), url, "256"]),
            "raw": Side([str(BUILD / "bin/bench_raw_side"), url, str(UNDER_WAY)]),
            "dataloader": Side([sys.executable, "bench/rivals.py", "dataloader", str(folder), "256"]),
            "scan": Side([sys.executable, "bench/cassandra_rivals.py", "scan", address, str(folder)]),
            "limit": Side([sys.executable, "bench/cassandra_rivals.py", "limit", address, str(folder)]),
        })
    finally:
        nodes.down()
    ours = rates(results["ours"])
    threads = "1 assembling, 1 reading, 2 of the driver; server on the same cores"
    megabytes = round(WIDTH * 4 * sum(ours) / len(ours) / 1e6)
    report("feed cassandra packed vs driver alone", ours, rates(results["raw"]), "samples/s", 0.8, threads,
           megabytes_per_second=megabytes)
    report("feed cassandra packed vs SELECT LIMIT and torch.tensor", ours, rates(results["limit"]), "samples/s", 80, threads)
    report("feed cassandra packed vs paged scan and DataLoader", ours, rates(results["scan"]), "samples/s", 80, threads)
    report("feed cassandra packed vs DataLoader in memory", ours, rates(results["dataloader"]), "samples/s", 1.5, threads)


main()
