"""Shuffled batches of 256 from the local store against torch's DataLoader in memory, and against the limit.

60,000 x 784 float32 with labels, and 600,000 x 10 float32 with labels; warm page cache; one thread assembling. With a ledger, and from a
full cache, against the feed without. A round of ours is ten epochs, of the others two; they take less than a second, and there are fifteen.
What a ledger costs is measured in forty.
"""

from __future__ import annotations

import shutil
import sys

from harness import BUILD, Side, alternate_anew, alternate_sides, ingest_npy, rates, report


def run(name: str, samples: int, width: int, bar_dataloader: float, bar_limit: float | None, bar_ledger: float | None) -> None:
    folder, dataset = ingest_npy(name, samples, width)
    feed = [str(BUILD / "bin/bench_feed_side"), str(dataset), "256", "--epochs", "10"]
    ledger, cache = folder / "ledger", folder / "cache"
    for made in (ledger, cache):
        shutil.rmtree(made, ignore_errors=True)
    results = alternate_sides({
        "ours": Side(feed),
        "cache": Side([*feed, "--cache", str(cache)]),
        "dataloader": Side([sys.executable, "bench/rivals.py", "dataloader", str(folder), "256"]),
        "limit": Side([sys.executable, "bench/rivals.py", "index_select", str(folder), "256"]),
    }, rounds=15)
    shutil.rmtree(cache)
    ours, cached, dataloader, limit = (rates(results[side]) for side in ("ours", "cache", "dataloader", "limit"))
    threads = "1 assembling, 1 reading; rival 1"
    megabytes = round(width * 4 * sum(ours) / len(ours) / 1e6)
    report(f"feed local {width} float32 vs DataLoader", ours, dataloader, "samples/s", bar_dataloader, threads,
           megabytes_per_second=megabytes)
    report(f"feed local {width} float32 vs index_select", ours, limit, "samples/s", bar_limit or 0, threads)
    report(f"feed from a full cache {width} float32 vs local", cached, ours, "samples/s", 0.9, threads)
    results = alternate_anew(lambda: {"plain": Side(feed), "ledger": Side([*feed, "--ledger", str(ledger)])})
    shutil.rmtree(ledger)
    report(f"feed local {width} float32 with a ledger vs without", rates(results["ledger"]), rates(results["plain"]), "samples/s",
           bar_ledger or 0, threads)


run("feed-784", 60_000, 784, 5, 0.6, 0.9)
run("feed-10", 600_000, 10, 50, None, None)
