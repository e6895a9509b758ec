"""Start of a feed over 10^9 virtual samples, and its resume in the middle: time to the first batch and memory; bars 1 s and 100 MB.

There is no rival: torch's shuffling sampler needs 8 bytes per sample before the first batch, 8 GB here. What a resume reads again, the open
windows, is 128 blocks here.
"""

from __future__ import annotations

import json
import subprocess

from harness import BUILD, ROUNDS, report_bound


def measure(*arguments: str) -> list[dict]:
    return [json.loads(subprocess.run([str(BUILD / "bin/bench_start_side"), *arguments], check=True, capture_output=True, text=True).stdout)
            for _ in range(ROUNDS + 1)][1:]


def main() -> None:
    lines, resumed = measure(), measure("500000000")
    for name, unit, bar, values in (
        ("start over 10^9 samples", "s", 1.0, [line["seconds"] for line in lines]),
        ("resume in the middle of 10^9 samples", "s", 1.0, [line["seconds"] for line in resumed]),
        ("memory at the start over 10^9 samples", "MB", 100.0, [line["rss_anon_bytes"] / 1e6 for line in lines]),
    ):
        report_bound(name, values, unit, bar, "1 assembling")


main()
