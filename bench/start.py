"""Start of a feed over 10^9 virtual samples: time to the first batch and memory; bars 1 s and 100 MB. There is no rival:
torch's shuffling sampler needs 8 bytes per sample before the first batch, 8 GB here."""

from __future__ import annotations

import json
import statistics
import subprocess

from harness import BUILD, ROUNDS, versions


def main() -> None:
    lines = [json.loads(subprocess.run([str(BUILD / "bin/bench_start_side")], check=True, capture_output=True,
                                       text=True).stdout) for _ in range(ROUNDS + 1)][1:]
    for name, unit, bar, values in (
        ("start over 10^9 samples", "s", 1.0, [line["seconds"] for line in lines]),
        ("memory at the start over 10^9 samples", "MB", 100.0, [line["rss_anon_bytes"] / 1e6 for line in lines]),
    ):
        ours = statistics.median(values)
        print(json.dumps({"name": name, "ours": round(ours, 3), "rival": None, "unit": unit, "ratio": round(bar / ours, 2),
                          "spread": [round(min(values), 3), round(max(values), 3)], "bar": bar, "pass": ours <= bar,
                          "versions": versions(), "threads": "1 assembling"}), flush=True)


main()
