"""Training on two ranks beside Python's DistributedDataParallel with a DataLoader, the same model, data and batch.

mlp 784-512-10 on 60,000 x 784, global batch 256: samples/s, and the share of time waited for data (bar: under 2 %).
A conv net with batch norm and a small transformer, of bench/models.py, the same data and batch: samples/s, ours from a file of TorchScript.
Linear(10, 1), global batch 10: microseconds per step, and where ours go.
Each side runs as a whole, alternating, start-up not counted: of ours all three epochs count, of the rival the last.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy
import torch
from harness import BUILD, DATA, alternate, ingest_npy, report, report_bound
from models import make

RANKS = 2
RIVAL_EPOCHS = 3


def ours(dataset: Path, *options: str) -> dict:
    """The summary of a run of `ringfeed train`."""
    result = subprocess.run([str(BUILD / "bin/ringfeed"), "train", str(dataset), "--input", "image", "--target", "label",
                             "--optimizer", "sgd", "--lr", "0.01", "--nproc", str(RANKS), "--threads", "1", "--quiet",
                             "--json", *options], check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def rival(folder: Path, model: str, batch_per_rank: int) -> dict:
    """The last epoch of the Python run."""
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    result = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(RANKS), "--master-port",
                             "29555", "bench/ddp_rival.py", str(folder), model, str(batch_per_rank), str(RIVAL_EPOCHS)],
                            check=True, capture_output=True, text=True, env=environment)
    return json.loads(result.stdout.splitlines()[-1])


def mlp() -> None:
    folder, dataset = ingest_npy("feed-784", 60_000, 784)
    results = alternate({
        "ours": lambda: ours(dataset, "--model", "mlp", "--hidden", "512", "--batch-size", "256", "--epochs", "3"),
        "rival": lambda: rival(folder, "mlp", 128)})
    mine, theirs = results["ours"], results["rival"]
    waits = [100 * run["wait_share"] for run in mine]
    report("train mlp 784-512-10, 2 ranks, vs Python DDP", [run["samples_per_second"] for run in mine],
           [run["samples"] / run["seconds"] for run in theirs], "samples/s", 1.0, "1 per rank",
           rival_wait_share=statistics.median(run["wait_share"] for run in theirs))
    report_bound("train mlp 784-512-10, 2 ranks: wait for data", waits, "%", 2.0, "1 per rank")


def own(name: str, samples: int) -> None:
    folder, dataset = ingest_npy(f"own-{samples}", samples, 784)
    script = folder / f"{name}.pt"
    torch.jit.script(make(name)).save(str(script))
    results = alternate({
        "ours": lambda: ours(dataset, "--model", str(script), "--batch-size", "256", "--epochs", "3"),
        "rival": lambda: rival(folder, name, 128)})
    report(f"train a user's {name} from TorchScript, 2 ranks, vs eager Python DDP", [run["samples_per_second"] for run in results["ours"]],
           [run["samples"] / run["seconds"] for run in results["rival"]], "samples/s", 1.0, "1 per rank")


def linear() -> None:
    folder = DATA / "linear"
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(0)
    numpy.save(folder / "image.npy", random.standard_normal((20_000, 10), dtype=numpy.float32))
    numpy.save(folder / "label.npy", random.standard_normal((20_000, 1), dtype=numpy.float32))
    dataset = folder / "data.ring"
    subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", str(folder / "image.npy"), str(folder / "label.npy"),
                    str(dataset), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    results = alternate({
        "ours": lambda: ours(dataset, "--model", "linear", "--loss", "mse", "--batch-size", "10", "--epochs", "3"),
        "rival": lambda: rival(folder, "linear", 5)})
    mine, theirs = results["ours"], results["rival"]

    def step(run: dict, part: str) -> float:
        return 1e6 * run["seconds"][part] / (run["samples"] / 10)

    parts = {part: round(statistics.median(step(run, part) for run in mine), 1)
             for part in ("wait", "forward", "backward", "all_reduce", "optimizer")}
    report("step of Linear(10,1), batch 10, 2 ranks, vs Python DDP", [step(run, "total") for run in mine],
           [1e6 * run["seconds"] / run["steps"] for run in theirs], "us/step", 1.0, "1 per rank", higher_is_better=False,
           ours_parts=parts)


mlp()
own("conv", 10_000)
own("transformer", 10_000)
linear()
