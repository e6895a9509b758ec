"""Row tables read in place, against the driver alone and the paged Python way.

One node. 350,000 rows (1.1 GB) with vector<float, 784> and a bigint: the limit is a plain scan of all columns by token ranges, 32 at once
(8 at once are slower) in pages of 400 rows. 5,000 rows with a blob of 107 KB: the limit is 512 point reads at once,
in fifteen rounds.
"""

from __future__ import annotations

import subprocess
import sys

import numpy
from harness import BUILD, DATA, Side, alternate_sides, costs, ingest, rates, report, write_npy
from nodes import THREADS, running, warm

ROWS = 350_000
WIDTH = 784
BLOBS = 5_000
BLOB_BYTES = 107_000


def write_blobs() -> str:
    """One npy file of uint8."""
    path = DATA / "blobs" / "image.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        numpy.save(path, numpy.random.default_rng(0).integers(0, 256, (BLOBS, BLOB_BYTES), dtype=numpy.uint8))
    return str(path)


def main() -> None:
    program, feed, raw = (str(BUILD / "bin" / name) for name in ("ringfeed", "bench_feed_side", "bench_raw_side"))
    folder, blobs = write_npy("rows-cassandra", ROWS, WIDTH), write_blobs()
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        vectors_url, blobs_url = (f"cassandra://{address}/bench/{name}" for name in ("vectors", "blobs"))
        ingest(folder, vectors_url, "--layout", "rows", "--create-keyspace", "--replication", "simple:1")
        scan = [raw, "scan", vectors_url, "32", "400"]
        ours = [feed, vectors_url, "256"]
        warm(scan, ours)  # they ask in other ways, and the server compiles each
        vectors = alternate_sides({
            "ours": Side(ours),
            "raw": Side(scan),
            "scan": Side([sys.executable, "bench/cassandra_rivals.py", "scan", address, str(folder)]),
        })
        subprocess.run([program, "ingest", blobs, blobs_url, "--quiet", "--layout", "rows"], check=True, stdout=subprocess.DEVNULL)
        points = [raw, "points", blobs_url, "512"]
        ours = [feed, blobs_url, "64"]
        warm(points, ours)
        images = alternate_sides({
            "ours": Side(ours),
            "raw": Side(points),
        }, rounds=15)
    sample_bytes = WIDTH * 4 + 8
    report("feed cassandra rows 784 vs token-range scan", rates(vectors["ours"]), rates(vectors["raw"]), "samples/s", 0.9, THREADS,
           cost=costs(vectors["ours"], sample_bytes), rival_cost=costs(vectors["raw"], sample_bytes))
    report("feed cassandra rows 784 vs paged scan and DataLoader", rates(vectors["ours"]), rates(vectors["scan"]), "samples/s", 20,
           THREADS)
    report("feed cassandra rows of 107 KB vs 512 point reads", rates(images["ours"]), rates(images["raw"]), "samples/s", 0.9, THREADS,
           cost=costs(images["ours"], BLOB_BYTES), rival_cost=costs(images["raw"], BLOB_BYTES))


main()
