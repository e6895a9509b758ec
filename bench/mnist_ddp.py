"""A usual DistributedDataParallel script on MNIST, mnist_ddp_before.py, and the same but for two lines, mnist_ddp_after.py.

mnist_ddp.py [FOLDER], or the folder in MNIST: the 10,000 test images of MNIST. Two ranks, one thread each; the old script has two workers
per rank. Checks that only an import is added and the line of the loader is another; writes the training set once with ringfeed.write();
then whole runs of both, alternating. Samples/s are of five epochs, without start-up, with the start of the workers in each.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from harness import BUILD, DATA, ROOT, alternate, report

SCRIPTS = {"before": ROOT / "bench/mnist_ddp_before.py", "after": ROOT / "bench/mnist_ddp_after.py"}
CHANGES = [r"\+import ringfeed", r"-    loader = DataLoader\(train, .*", r"\+    loader = ringfeed\.Loader\(.*"]
FILES = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
RANKS = 2


def find_mnist() -> Path:
    """The folder with MNIST's test images."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MNIST", ""))
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        sys.exit(f"mnist_ddp: {' and '.join(missing)} missing in {folder.resolve()}; download MNIST's test images and labels, and name "
                 "their folder: make bench NAME=mnist_ddp MNIST=FOLDER")
    return folder.resolve()


def check_changes() -> list[str]:
    """The lines in which the two scripts differ."""
    before, after = (path.read_text().splitlines() for path in SCRIPTS.values())
    changes = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    if len(changes) != len(CHANGES) or not all(map(re.fullmatch, CHANGES, changes)):
        sys.exit("mnist_ddp: the two scripts differ in more than the two lines:\n" + "\n".join(changes))
    return changes


def write(mnist: Path, folder: Path) -> float:
    """Makes mnist.ring of the samples that the old script trains on; gives the seconds that took."""
    sys.path.insert(0, str(BUILD / "python"))
    import ringfeed
    from mnist_ddp_before import Mnist

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.perf_counter()
    ringfeed.write(folder / "mnist.ring", Mnist(str(mnist), train=True), columns=["image", "label"])
    return time.perf_counter() - start


def run(script: Path, mnist: Path, model: str, folder: Path) -> dict:
    """What rank 0 printed."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=str(BUILD / "python"))
    result = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(RANKS), "--master-port", "29556",
                             str(script), str(mnist), model], check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    mnist, folder = find_mnist(), DATA / "mnist-ddp"
    print("\n".join(check_changes()), flush=True)
    write_seconds = write(mnist, folder)
    for model in ("mlp", "cnn"):
        results = alternate({name: partial(run, script, mnist, model, folder) for name, script in SCRIPTS.items()})
        before, after = ([r["samples"] / r["seconds"] for r in results[name]] for name in SCRIPTS)
        accuracy, rival_accuracy = (statistics.median(r["accuracy"] for r in results[name]) for name in ("after", "before"))
        threads = "per rank 1, 1 assembling, 1 reading; rival 1 and 2 workers"
        report(f"MNIST with DDP, {model}, two lines changed", after, before, "samples/s", 1.0, threads, accuracy=accuracy,
               rival_accuracy=rival_accuracy, write_seconds=round(write_seconds, 2))


main()
