"""The packed feed from a far Cassandra: a delay proxy in front of one node adds a round trip.

784 float32 and a label per sample, 1.1 GB in chunks of 512 KiB; shuffle block, batches of 256, no cache. The same proxy with a round trip
of 20 ms and the default budget, and of 100 ms and a budget of 512 MiB; each run stands beside one of the same budget without a delay, and
their order alternates. A run is 26 s of epochs without end, of which the first 5 do not count. Beside it, at each delay, the driver alone
with one request at a time, and with 32 under way.
"""

from __future__ import annotations

import json
import statistics
import subprocess

from harness import BUILD, Side, report
from nodes import THREADS, Proxy, proxy, running_far_packed, warm

ROUNDS = 7
SECONDS = 26
BAR = 0.9
CHUNK_BYTES = 525_000
# Round trip in ms: budget in bytes; 0 is the default.
WAYS = {20: 0, 100: 512 << 20}


def feed(url: str, budget: int, between: Proxy) -> dict:
    """One run."""
    before = between.connections()
    told = subprocess.run([str(BUILD / "bin/bench_far_side"), url, "256", str(SECONDS), str(budget)], check=True, stdout=subprocess.PIPE,
                          text=True)
    return {**json.loads(told.stdout), "connections": between.connections() - before}


def driver(url: str, under_way: int, chunks: int) -> float:
    """Samples per second of the driver alone."""
    side = Side([str(BUILD / "bin/bench_raw_side"), "chunks", url, str(under_way), str(chunks)])
    told = side.round()
    side.close()
    return told["samples"] / told["seconds"]


def rate(run: dict) -> float:
    return run["samples"] / run["seconds"]


def main() -> None:
    with running_far_packed() as (node, url):
        with proxy(node, 0):
            warm([str(BUILD / "bin/bench_raw_side"), "chunks", url, str(32 << 20)])
        pairs: dict[int, list[dict[int, dict]]] = {delay: [] for delay in WAYS}
        for number in range(ROUNDS):
            for delay, budget in WAYS.items():
                pair = {}
                for each in (0, delay) if number % 2 == 0 else (delay, 0):
                    with proxy(node, each) as between:
                        pair[each] = feed(url, budget, between)
                pairs[delay].append(pair)
        usual = {}
        for delay in (0, *WAYS):
            with proxy(node, delay):
                usual[delay] = {"one_at_a_time": round(driver(url, 1, 50)), "32_at_a_time": round(driver(url, 32 * CHUNK_BYTES, 1500))}
    for delay in WAYS:
        more = {name: [statistics.median(pair[each][name] for pair in pairs[delay]) for each in (delay, 0)]
                for name in ("first_batch_ms", "seconds_to_rate", "connections", "epochs", "cpu_seconds", "rss_anon_bytes")}
        report(f"feed cassandra, a round trip of {delay} ms vs 0 ms", [rate(pair[delay]) for pair in pairs[delay]],
               [rate(pair[0]) for pair in pairs[delay]], "samples/s", BAR, THREADS, driver_alone=[usual[delay], usual[0]], **more)


main()
