"""The packed feed from Cassandra where somebody is slow: memory under a slow trainer, CPU of waiting for a slow store.

784 float32 and a label per sample, 1.1 GB in chunks of 512 KiB; shuffle block, batches of 256, no cache. A trainer of 20 ms a batch for
20 s, with the least legal budget, four times that, and the default: anonymous memory grows by at most the budget and 10 %. A link of 2 MiB/s
for 60 s: the process takes at most 5 % of a core, and the trainer's time shows as waiting.
"""

from __future__ import annotations

import json
import re
import subprocess

from harness import BUILD, report_bound
from nodes import THREADS, proxy, running_far_packed

SECONDS = 20
SLOW_SECONDS = 60
ROUNDS = 3


def slow(url: str, seconds: int, budget: int, pause_ms: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BUILD / "bin/bench_slow_side"), url, "256", str(seconds), str(budget), str(pause_ms)], capture_output=True,
                          text=True)


def measured(*arguments: object) -> dict:
    told = slow(*arguments)  # type: ignore[arg-type]
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def main() -> None:
    with running_far_packed() as (node, url):
        with proxy(node, 0):
            refusal = slow(url, 1, 1, 0).stderr
            least = re.search(r"\((\d+) bytes\)", refusal)
            assert least, refusal
            for budget, name in ((int(least[1]), "the least"), (4 * int(least[1]), "four times the least"), (0, "the default")):
                runs = [measured(url, SECONDS, budget, 20) for _ in range(ROUNDS)]
                report_bound(f"memory under a slow trainer, {name} budget", [run["rss_anon_growth_bytes"] / run["budget_bytes"] for run in runs],
                             "of it", 1.1, THREADS, wait_share=max(run["wait_share"] for run in runs), budget=runs[0]["budget_bytes"])
        with proxy(node, 0, 2):
            runs = [measured(url, SLOW_SECONDS, 0, 0) for _ in range(ROUNDS)]
        report_bound("CPU of waiting for a slow store", [100 * run["cpu_share"] for run in runs], "% of a core", 5, THREADS,
                     wait_share=min(run["wait_share"] for run in runs), samples=[run["samples"] for run in runs])


main()
