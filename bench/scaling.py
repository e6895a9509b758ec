"""The order and the feed at sizes that no test has: 1,000 ranks, 100 nodes, up to 10^12 samples that exist only by number.

What docs/scaling.md calls measured; it takes minutes, and some 3 GB of memory. Prints a JSON line per measurement.
"""

from __future__ import annotations

import json
import subprocess

from harness import BUILD

RANKS, NODES = 1_000, 100
LANES = 2_000  # two per rank
BATCH = 64_000
STARTS = [(10_000, 100_000), (100_000, 100_000), (1_000_000, 100_000), (10_000_000, 100_000)]  # blocks, samples in each


def side(*arguments: object) -> dict:
    told = subprocess.run([str(BUILD / "bin/bench_scale_side"), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(told.stdout)


def main() -> None:
    for blocks, samples in STARTS:
        print(json.dumps({"name": "start of one rank", "blocks": blocks, **side("start", blocks, samples, RANKS, LANES, BATCH)}), flush=True)
    for blocks in (10_000, 100_000, 1_000_000):
        print(json.dumps({"name": "manifest", "blocks": blocks, **side("manifest", blocks)}), flush=True)
    for blocks in (100_003, 1_000_003, 10_000_003):
        print(json.dumps({"name": "balance", **side("balance", blocks, 1_000, RANKS, LANES, NODES)}), flush=True)


main()
