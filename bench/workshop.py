"""The workshop itself: what `make demo` and `make test` cost from nothing, again, and after a change, beside an older revision.

    bench/workshop.py                      all steps of both sides; about two hours on two cores, so nothing else may run
    bench/workshop.py --steps ours.demo,ours.again   some of them; what an earlier run measured is kept and shown

Each side is a clone of its revision in a folder of its own, with a compiler cache of its own that begins empty. What is downloaded (packages, wheels,
jars, crates) is fetched before the clock starts. CPU time is that of all processes that make waited for; the servers that the
tests start are not in it. Every step is written to build/bench-workshop/times.jsonl as soon as it has ended.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import publish

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/bench-workshop"
TIMES = FOLDER / "times.jsonl"
RIVAL = "e02e145"
CHANGED = "src/feed/feed.cpp"
STEPS = ("rival.demo", "rival.test", "ours.demo", "ours.test", "ours.again", "ours.changed", "ours.changed_fast", "ours.commands", "rival.commands")
# Step: what it is held against, the figure, the bar.
BARS = (
    ("ours.demo", "rival.demo", "cpu_seconds", 0.35),
    ("ours.demo", None, "seconds", 240.0),
    ("ours.test", "rival.test", "seconds", 0.35),
    ("ours.test", None, "seconds", 1200.0),
    ("ours.changed", None, "seconds", 720.0),
    ("ours.changed_fast", None, "seconds", 60.0),
    ("ours.commands", None, "version_seconds", 0.030),
    ("ours.commands", None, "head_seconds", 0.050),
)


def clone_of(side: str) -> Path:
    """The side's clone, with all that it needs installed and fetched."""
    clone = FOLDER / side
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "checkout", "--quiet", RIVAL if side == "rival" else "HEAD"], cwd=clone, check=True)
        for level in ("test", "cassandra"):
            subprocess.run(["tools/setup.sh", level], cwd=clone, check=True)
        subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=clone / "driver", check=True)
    return clone


def timed(side: str, target: str) -> dict[str, float | str]:
    """Runs make; the wall and CPU seconds, and the last line that it printed."""
    clone = clone_of(side)
    environment = dict(os.environ, CCACHE_DIR=str(FOLDER / f"{side}-ccache"))
    log = FOLDER / f"{side}-{target}.log"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with log.open("w") as output:
        code = subprocess.run(["make", target], cwd=clone, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT).returncode
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    last = log.read_text(errors="replace").splitlines()[-1]
    if code != 0:
        print(f"{side}: make {target} ended with {code} ({last}); see {log}", file=sys.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "code": code, "last": last}


def change(clone: Path) -> None:
    """One line of code more in a file of the core, another one at each call."""
    with (clone / CHANGED).open("a") as file:
        file.write(f"static_assert(sizeof(int) < {time.time_ns()});\n")


def commands(side: str) -> dict[str, float]:
    """Two short commands of the program, the median of 21 runs."""
    clone = clone_of(side)
    program, data = clone / "build/release/bin/ringfeed", clone / "build/demo/digits.ring"

    def median(*arguments: str) -> float:
        taken = []
        for _ in range(22):
            start = time.monotonic()
            subprocess.run([str(program), *arguments], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.monotonic() - start)
        return round(statistics.median(taken[1:]), 4)

    return {"version_seconds": median("--version"), "head_seconds": median("head", str(data))}


def run(step: str) -> dict:
    side, what = step.split(".")
    if what in ("demo", "test"):  # from nothing
        shutil.rmtree(FOLDER / f"{side}-ccache", ignore_errors=True)
        shutil.rmtree(clone_of(side) / "build", ignore_errors=True)
        return timed(side, what)
    if what == "commands":
        return commands(side)
    if what == "changed":
        change(clone_of(side))
    if what == "changed_fast":
        timed(side, "test-fast")  # once before, so that it has been built
        change(clone_of(side))
        return timed(side, "test-fast")
    return timed(side, "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", default=",".join(STEPS), help="comma-separated: " + ", ".join(STEPS))
    steps = parser.parse_args().steps.split(",")
    for step in steps:
        if step not in STEPS:
            parser.error(f"'{step}' is no step; they are {', '.join(STEPS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for step in steps:
        print(f"workshop: {step} ...", file=sys.stderr, flush=True)
        with TIMES.open("a") as file:
            file.write(json.dumps({"step": step, **run(step), "cores": os.cpu_count(), "machine": platform.processor() or platform.machine()}) + "\n")
    results = {line["step"]: line for line in map(json.loads, TIMES.read_text().splitlines())}  # the newest of each
    for line in results.values():
        print(json.dumps(line))
    for step, rival, figure, bar in BARS:
        if step in results and (rival is None or rival in results):
            ours = results[step][figure]
            value = ours / results[rival][figure] if rival else ours
            publish({"name": f"workshop: {step} {figure}" + (f" of {rival}" if rival else ""), "ours": round(value, 4),
                     "rival": results[rival][figure] if rival else None, "unit": f"of {RIVAL}" if rival else "s", "ratio": None,
                     "spread": None, "bar": bar, "pass": value <= bar and not results[step].get("code")})


main()
