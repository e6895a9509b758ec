"""The Python Loader against the C++ feed on a local data set, and beside what else feeds PyTorch in Python.

60,000 x 784 float32 with labels, shuffle block, batches of 256; warm page cache; one thread assembling. Beside it: torch's DataLoader
over a TensorDataset in memory, and MosaicML Streaming from a local folder, each with no and with two workers. A round is ten epochs (of
Streaming 20,000 samples); beside the C++ feed there are forty. Rates, CPU, the most anonymous memory (of the workers too), and the time
from opening the data to the first batch.
"""

from __future__ import annotations

import subprocess
import sys

from harness import BUILD, Side, all_costs, alternate_anew, alternate_sides, ingest_npy, rates, report

SAMPLES, WIDTH, EPOCHS = 60_000, 784, 10
OURS = ("ours", "ours_numpy")
RIVALS = {
    "dataloader:0": "DataLoader over a TensorDataset",
    "dataloader:2": "DataLoader over a TensorDataset, 2 workers",
    "streaming:0": "MosaicML Streaming",
    "streaming:2": "MosaicML Streaming, 2 workers",
}


def main() -> None:
    folder, dataset = ingest_npy("feed-784", SAMPLES, WIDTH)
    python = [sys.executable, "bench/python_rivals.py"]
    subprocess.run([*python, "streaming_write", str(folder), "256"], check=True)
    feed = [str(BUILD / "bin/bench_feed_side"), str(dataset), "256"]
    ways = {kind: [*python, kind, str(dataset), "256"] for kind in OURS}
    ways |= {kind: [*python, kind, str(folder), "256"] for kind in RIVALS}
    epochs = str(EPOCHS)
    near = alternate_anew(lambda: {"feed": Side([*feed, "--epochs", epochs]), "endless": Side([*feed, "--endless", "--epochs", epochs]),
                                   **{kind: Side([*ways[kind], epochs]) for kind in OURS}}, peaks=True)
    far = alternate_sides({kind: Side([*ways[kind], epochs]) for kind in ("ours", *RIVALS)}, peaks=True)
    firsts = alternate_sides({kind: Side([*command, "first"]) for kind, command in ways.items()})
    cost = all_costs(far | near, firsts, WIDTH * 4 + 8)

    def line(results: dict[str, list[dict]], name: str, ours: str, rival: str, bar: float, threads: str) -> None:
        report(f"feed python local, {name}", rates(results[ours]), rates(results[rival]), "samples/s", bar, threads,
               cost=cost[ours], rival_cost=cost[rival])

    same = "1 assembling, 1 reading, on both sides"
    line(near, "tensors, vs C++ feed", "ours", "feed", 0.9, same)
    line(near, "tensors, vs C++ feed that reads on as well", "ours", "endless", 0.9, same)
    line(near, "NumPy arrays, vs C++ feed", "ours_numpy", "feed", 0, same)
    line(near, "NumPy arrays, vs C++ feed that reads on as well", "ours_numpy", "endless", 0, same)
    for kind, name in RIVALS.items():
        line(far, f"tensors, vs {name}", "ours", kind, 0, f"1 assembling, 1 reading; rival 1 and {kind[-1]} workers")


main()
