"""The program as its users run it: a process of its own, a login in its environment, nobody at the terminal. And the Python package."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from running import ROOT
from stopwatch import Stopwatch

BUILD = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev")
sys.path.insert(0, str(BUILD / "python"))
import ringfeed  # noqa: E402

__all__ = ["BUILD", "DEADLINE_SECONDS", "DIGITS", "ROOT", "TENSORS", "done", "environment", "error", "login", "records", "ringfeed", "run"]
DIGITS = str(ROOT / "data/digits/digits.csv")
TENSORS = ("--tensor", "image=f0..f63:8x8:float32", "--tensor", "label=f64::int64", "--split", "train=0.8,val=0.2")
DEADLINE_SECONDS = 180  # against hanging
ERROR_SECONDS_MAX = 5  # the promise


def login(user: str, password: str) -> dict[str, str]:
    """The variables of a user."""
    return {"RINGFEED_USER": user, "RINGFEED_PASSWORD": password}


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's own, without variables of the program that it may have."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RINGFEED_")}
    return own | variables


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`ringfeed ARGUMENTS`, whatever comes of it."""
    return subprocess.run([BUILD / "bin/ringfeed", *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_SECONDS, stdin=subprocess.DEVNULL, env=environment(variables))


def done(*arguments: str, **variables: str) -> str:
    """Runs it expecting that it succeeds. Gives what it printed."""
    result = run(*arguments, **variables)
    assert result.returncode == 0, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def records(*arguments: str, **variables: str) -> list[dict]:
    """The lines of --json."""
    return [json.loads(line) for line in done(*arguments, "--json", **variables).splitlines()]


def error(*arguments: str, code: int, **variables: str) -> str:
    """Runs it expecting a failure: in time, with one line on stderr and nothing on stdout. Gives the line."""
    with Stopwatch() as watch:
        result = run(*arguments, **variables)
    assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    lines = result.stderr.splitlines()
    assert result.stdout == "" and len(lines) == 1 and lines[0].startswith("ringfeed: "), result.stdout + result.stderr
    assert watch.fair_seconds < ERROR_SECONDS_MAX, f"{arguments}: {watch.seconds:.1f} s, {watch.fair_seconds:.1f} s of them with a core"
    return lines[0]
