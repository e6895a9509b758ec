"""The gather on two threads against one: from the local store, and from blocks that are in memory and checked already.

Two assembling threads, and one and the thread that takes the batches, which assembles where it would wait; against one alone, where the
taking thread looks for batches every 20 us instead. The two cores have also to read and check: from the local store one thread of each
kind keeps them nearly busy. A round is twenty epochs.
"""

from __future__ import annotations

from harness import BUILD, Side, alternate_sides, ingest_npy, rates, report


def run(name: str, samples: int, width: int, batch: int) -> None:
    _, dataset = ingest_npy(name, samples, width)
    feed = [str(BUILD / "bin/bench_feed_side"), str(dataset), str(batch), "--epochs", "20"]
    for source, options in (("blocks in memory", ["--held"]), ("the local store", [])):
        results = alternate_sides({
            "one": Side([*feed, *options, "--look"]),
            "two": Side([*feed, *options, "--look", "--assemble-threads", "2"]),
            "taking": Side([*feed, *options]),
        }, rounds=7)
        for side, threads in (("two", "2 assembling; rival 1"), ("taking", "1 assembling and the taking one; rival 1")):
            report(f"assemble batches of {batch} x {width} float32 from {source}, {threads}", rates(results[side]), rates(results["one"]),
                   "samples/s", 0, threads)


run("feed-784", 60_000, 784, 256)
run("feed-10", 600_000, 10, 256)
run("feed-10", 600_000, 10, 4096)
