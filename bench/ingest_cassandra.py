"""Ingest into Cassandra against plain writes: whole runs of the program, start, permutation and publishing included.

One node. Packed: 530 MB in chunks of 512 KiB against as many blobs of that size by the driver alone, 32 MiB under way as in the ingest.
Rows: 50,000 rows with vector<float, 100> and a bigint against the Python driver's execute_concurrent_with_args, 64 at once.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

from harness import BUILD, Side, alternate, ingest, rates, report, write_npy
from nodes import THREADS, running

SAMPLES, WIDTH = 170_000, 784
CHUNK_BYTES = 512 << 10
ROWS, ROW_WIDTH = 50_000, 100


def main() -> None:
    packed, rows = write_npy("ingest-packed", SAMPLES, WIDTH), write_npy("ingest-rows", ROWS, ROW_WIDTH)
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        names = itertools.count()

        def ours(folder: Path, samples: int, *options: str) -> dict:
            """One run into a new name."""
            start = time.perf_counter()
            ingest(folder, f"cassandra://{address}/bench/d{next(names)}", "--create-keyspace", "--replication", "simple:1", *options)
            return {"samples": samples, "seconds": time.perf_counter() - start}

        ours(rows, ROWS)  # makes the keyspace
        sample_bytes = WIDTH * 4 + 8
        blobs = Side([str(BUILD / "bin/bench_raw_side"), "write", f"cassandra://{address}/bench/plain", str(CHUNK_BYTES),
                      str(SAMPLES * sample_bytes // CHUNK_BYTES), str(32 << 20)])
        python = Side([sys.executable, "bench/cassandra_rivals.py", "write", address, str(rows)])
        chunks = alternate({"ours": lambda: ours(packed, SAMPLES), "raw": blobs.round})
        inserts = alternate({"ours": lambda: ours(rows, ROWS, "--layout", "rows"), "python": python.round})
        blobs.close()
        python.close()
    raw = [r["bytes"] / sample_bytes / r["seconds"] for r in chunks["raw"]]
    report("ingest cassandra packed vs plain writes", rates(chunks["ours"]), raw, "samples/s", 0.7, THREADS,
           megabytes_per_second=round(sum(rates(chunks["ours"])) / len(raw) * sample_bytes / 1e6))
    report("ingest cassandra rows vs execute_concurrent", rates(inserts["ours"]), rates(inserts["python"]), "rows/s", 2, THREADS)


main()
