"""Whether report.html names what held a run up: causes are planted, and its verdict and its stalls are read.

Ten runs, two of each cause, whose figures are drawn from --seed: a node of three behind a delay, a disk that the kernel slows down (root),
one rank of two that is stopped for most of the time, a model of wide layers, and a far node with the least budget. The bar: all ten are
named rightly. Words as arguments choose causes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from harness import BUILD, DATA, ingest, publish, versions, write_npy
from nodes import cluster, proxy, running, warm
from slow_disk import slow_disk

RUN = DATA / "causes-run"
TRAIN = ("--input", "image", "--target", "label", "--batch-size", "256", "--threads", "1", "--output", str(RUN), "--quiet")
TINY = ("--model", "linear", "--optimizer", "sgd")
TRIALS = 2
SMALL_CHUNKS = ("--chunk-bytes", "262144")


def train_command(url: str, *options: str) -> list[str]:
    return [str(BUILD / "bin/ringfeed"), "train", url, *TRAIN, *options]


def ranks_of(process: int) -> list[int]:
    """The processes of its ranks, by rank, as soon as there are two."""
    while True:
        told = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ranks = {}
        for pid in told:
            settings = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
            ranks |= {int(value.partition("=")[2]): int(pid) for value in settings if value.startswith("RANK=")}
        if len(ranks) == 2:
            return [ranks[0], ranks[1]]
        time.sleep(0.05)


def found() -> dict:
    """What the report of the run says: its verdict, and the cause of most of the time that its stalls cost."""
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', (RUN / "report.html").read_text(), re.DOTALL)[1])
    lost: dict[str, float] = {}
    for stall in data["stalls"]:
        cause = re.sub(r"\d+", "N", stall["cause"])
        lost[cause] = lost.get(cause, 0) + stall["lost"]
    worst = max(data["stalls"], key=lambda stall: lost[re.sub(r"\d+", "N", stall["cause"])], default={"cause": ""})
    return {"verdict": data["verdict"], "stalls": worst["cause"]}


def told(command: list[str], enter: Callable[[], None] | None = None) -> dict:
    """What the report of a run says. `enter`: called by the process before it is the program."""
    shutil.rmtree(RUN, ignore_errors=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, preexec_fn=enter)  # noqa: PLW1509
    return found()


@contextmanager
def held_up(process: int, share: float, period: float = 0.02) -> Iterator[None]:
    """Stops a process for a share of each period, in seconds."""
    over = threading.Event()

    def hold() -> None:
        with suppress(ProcessLookupError):  # it has ended
            while not over.is_set():
                os.kill(process, signal.SIGSTOP)
                time.sleep(share * period)
                os.kill(process, signal.SIGCONT)
                time.sleep((1 - share) * period)

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        yield
    finally:
        over.set()
        holding.join()


def slow_model(drawn: random.Random) -> tuple[dict, str]:
    folder = write_npy("causes-local", 20_000, 784)
    ingest(folder, str(folder / "data.ring"))
    width = drawn.randrange(1000, 1500)
    return told(train_command(str(folder / "data.ring"), "--epochs", "1", "--hidden", f"{width},{width}")), "The model itself"


def slow_disk_of_a_folder(drawn: random.Random) -> tuple[dict, str]:
    folder = write_npy("causes-local", 20_000, 784)
    ingest(folder, str(folder / "data.ring"))
    with slow_disk(folder, drawn.randrange(8_000_000, 16_000_000)) as enter:
        return told(train_command(str(folder / "data.ring"), "--epochs", "1", *TINY), enter), "for the disk"


def slow_rank(drawn: random.Random) -> tuple[dict, str]:
    folder = write_npy("causes-local", 20_000, 784)
    ingest(folder, str(folder / "data.ring"))
    rank = drawn.randrange(2)
    shutil.rmtree(RUN, ignore_errors=True)
    command = train_command(str(folder / "data.ring"), "--epochs", "4", "--hidden", "256,256", "--nproc", "2")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        with held_up(ranks_of(process.pid)[rank], drawn.uniform(0.6, 0.8)):
            assert process.wait() == 0
    return found(), f"All waited for rank {rank}"


def slow_node(drawn: random.Random) -> tuple[dict, str]:
    folder = write_npy("causes-served", 50_000, 784)
    with running(3, cluster.Mode(far=True)) as nodes, ExitStack() as proxies:
        three = nodes.nodes()
        slow = drawn.choice(three)
        url = f"cassandra://{three[0].far_address}/bench/causes"
        with ExitStack() as near:
            for node in three:
                near.enter_context(proxy(node, 0))
            ingest(folder, url, "--create-keyspace", "--replication", "simple:1", *SMALL_CHUNKS)
            warm([str(BUILD / "bin/bench_feed_side"), url, "256"])
        for node in three:
            proxies.enter_context(proxy(node, drawn.randrange(200, 400) if node is slow else 2))
        return told(train_command(url, "--epochs", "3", *TINY)), f"node {slow.far_address}"


def small_budget(drawn: random.Random) -> tuple[dict, str]:
    folder = write_npy("causes-served", 50_000, 784)
    with running(1, cluster.Mode(far=True)) as nodes:
        node = nodes.nodes()[0]
        url = f"cassandra://{node.far_address}/bench/causes"
        with proxy(node, 0):
            ingest(folder, url, "--create-keyspace", "--replication", "simple:1", *SMALL_CHUNKS)
        with proxy(node, drawn.randrange(40, 80)):
            return told(train_command(url, "--epochs", "1", *TINY, "--lanes", "4", "--prefetch-bytes", "24MiB")), "the store was idle"


CAUSES = {"model": slow_model, "disk": slow_disk_of_a_folder, "rank": slow_rank, "node": slow_node, "budget": small_budget}


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether report.html names what held a run up.")
    parser.add_argument("words", nargs="*", choices=[[], *CAUSES], metavar="CAUSE", help=f"of {', '.join(CAUSES)}")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    drawn = random.Random(arguments.seed)
    right = 0
    trials = [cause for cause in CAUSES if not arguments.words or cause in arguments.words] * TRIALS
    for cause in trials:
        said, wanted = CAUSES[cause](drawn)
        # A model that is worked on all the time has no stalls.
        good = wanted in said["verdict"] and (cause == "model" or wanted in said["stalls"])
        right += good
        print(json.dumps({"planted": cause, "wanted": wanted, "right": good, **said}), flush=True)
    publish({"name": "causes named rightly in report.html", "ours": right, "rival": len(trials), "unit": "of", "ratio": right / len(trials),
             "spread": None, "bar": 1, "pass": right == len(trials), "versions": versions(), "threads": f"seed {arguments.seed}"})


main()
