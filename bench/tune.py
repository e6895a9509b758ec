"""`ringfeed tune` over planted situations: is the limit named rightly, how near is the prediction, and what does the choice gain?

Local sets (a heavy model, a tiny one, wide samples, tiny ones), and one in Cassandra behind links of 20 ms, 100 ms and 10 MB/s, with little
memory, and as a table of rows. Sizes are drawn from --seed. The right limit is the one that a situation plants; where it plants none, what
the run itself waited for says whether it is one of the feed's stages or of the model's. A line for each, and one for all. Words as
arguments choose situations.

The bars: all limits named rightly, and the median of the predictions' errors at most 20 %. Not here: a grid of all options against the choice,
a slow disk, and a transform.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness import BUILD, ingest, write_npy
from nodes import cluster, proxy, running

SECONDS = "40"
MODEL = ("--input", "image", "--target", "label", "--loss", "cross_entropy")
TINY = ("--model", "linear", "--optimizer", "sgd", "--batch-size", "1024")
WAITED = 0.2  # of the time: below it a run is not limited by its feed
SERVED_SAMPLES, SERVED_WIDTH = 100_000, 784


@dataclass(frozen=True)
class Situation:
    name: str
    limit: str | None
    options: tuple[str, ...] = TINY
    link: tuple[int, float] | None = None  # round trip in ms, MiB/s; of a set in Cassandra
    rows: bool = False
    local: tuple[int, int] = field(default=(0, 0))  # samples and width


def situations(drawn: random.Random) -> list[Situation]:
    wide = drawn.randrange(20_000, 40_000)
    hidden = drawn.randrange(1500, 2500)
    return [
        Situation("heavy model", "model", ("--hidden", f"{hidden},{hidden}", "--batch-size", "128"), local=(60_000, 784)),
        Situation("tiny model", None, TINY, local=(300_000, 64)),
        Situation("wide samples", None, TINY[:-1] + ("128",), local=(400_000_000 // (4 * wide), wide)),
        Situation("tiny samples", None, TINY, local=(1_000_000, 4)),
        Situation("link of 20 ms and 40 MiB/s", "store", link=(20, 40)),
        Situation("link of 100 ms and 40 MiB/s", "store", link=(100, 40)),
        Situation("link of 10 MB/s", "store", link=(drawn.randrange(1, 5), 9.54)),
        Situation("little memory, 100 ms", "store", (*TINY[:-1], "128", "--lanes", "4", "--prefetch-bytes", "24MiB", "--budget-memory",
                                                     "48MiB"), link=(100, 40)),
        Situation("table of rows, 20 ms and 40 MiB/s", "store", link=(20, 40), rows=True),
    ]


def tune(url: str, options: tuple[str, ...]) -> dict:
    told = subprocess.run([str(BUILD / "bin/ringfeed"), "tune", url, *MODEL, *options, "--seconds", SECONDS, "--json", "--quiet"],
                          capture_output=True, text=True)
    if told.returncode != 0:
        return {"failure": told.stderr.strip()}
    return json.loads(told.stdout.splitlines()[-1])


def judged(situation: Situation, tuned: dict) -> dict:
    """A line of the result."""
    if "failure" in tuned:
        return {"name": situation.name, "right": False, "errors": [], **tuned}
    tries = [tuned["start"], *tuned["tries"]]
    errors = [abs(t["predicted_samples_per_second"] / t["samples_per_second"] - 1) for t in tries]
    start = tuned["start"]
    found = start["limit"]
    waited = start["wait_share"] > WAITED
    right = found == situation.limit if situation.limit else (found not in ("model", "all-reduce")) == waited
    return {"name": situation.name, "right": right, "limit": found, "wait_share": round(start["wait_share"], 3),
            "errors": [round(error, 3) for error in errors], "samples_per_second": round(start["samples_per_second"]),
            "chosen": tuned["chosen"]["changes"], "gain": round(tuned["chosen"]["samples_per_second"] / start["samples_per_second"], 3)}


def local_url(situation: Situation) -> str:
    samples, width = situation.local
    folder = write_npy(f"tune-{samples}-{width}", samples, width)
    url = folder / "data.ring"
    ingest(folder, str(url))
    return str(url)


@contextmanager
def served() -> Iterator[Callable[[Situation], dict]]:
    """A node that only a proxy reaches, with a packed set and a table of the same."""
    folder = write_npy("tune-served", SERVED_SAMPLES, SERVED_WIDTH)
    with running(1, cluster.Mode(far=True)) as nodes:
        node = nodes.nodes()[0]
        base = f"cassandra://{node.far_address}/bench"
        with proxy(node, 0):
            ingest(folder, f"{base}/packed", "--create-keyspace", "--replication", "simple:1")
            ingest(folder, f"{base}/rows", "--layout", "rows")

        def run(situation: Situation) -> dict:
            assert situation.link
            with proxy(node, *situation.link):
                return tune(f"{base}/{'rows' if situation.rows else 'packed'}", situation.options)

        yield run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", help="only situations whose names have one of these")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    wanted = [s for s in situations(random.Random(chosen.seed)) if not chosen.words or any(word in s.name for word in chosen.words)]
    lines = []

    def tell(situation: Situation, tuned: dict) -> None:
        lines.append(judged(situation, tuned))
        print(json.dumps(lines[-1]), flush=True)

    for situation in wanted:
        if situation.local[0]:
            tell(situation, tune(local_url(situation), situation.options))
    if any(situation.link for situation in wanted):
        with served() as run:
            for situation in wanted:
                if situation.link:
                    tell(situation, run(situation))
    errors = [error for line in lines for error in line["errors"]]
    right = sum(line["right"] for line in lines)
    print(json.dumps({"name": "tune", "seed": chosen.seed, "right": right, "of": len(lines),
                      "error_median": round(statistics.median(errors), 3) if errors else None,
                      "pass": right == len(lines) and bool(errors) and statistics.median(errors) <= 0.2}), flush=True)


main()
