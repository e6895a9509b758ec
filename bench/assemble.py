"""The gather on two assembling threads against one: from the local store, and from blocks that are in memory and checked already.

The two cores have also to read and check, and to take the batches: from the local store one thread of each kind keeps them nearly busy.
A round is twenty epochs.
"""

from __future__ import annotations

from harness import BUILD, Side, alternate_sides, ingest_npy, rates, report


def run(name: str, samples: int, width: int, batch: int) -> None:
    _, dataset = ingest_npy(name, samples, width)
    feed = [str(BUILD / "bin/bench_feed_side"), str(dataset), str(batch), "--epochs", "20"]
    for source, options in (("blocks in memory", ["--held"]), ("the local store", [])):
        results = alternate_sides({str(n): Side([*feed, *options, "--assemble-threads", str(n)]) for n in (1, 2)})
        report(f"assemble batches of {batch} x {width} float32 from {source}", rates(results["2"]), rates(results["1"]), "samples/s", 0,
               "2 assembling; rival 1")


run("feed-784", 60_000, 784, 256)
run("feed-10", 600_000, 10, 256)
run("feed-10", 600_000, 10, 4096)
