"""Results of test programs: GoogleTest's reports, and the events that tests/conftest.py writes for pytest."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Result:
    """One test, and the command that runs it alone from the root of the repository."""

    program: str
    name: str
    result: str  # passed, failed or skipped
    seconds: float
    alone: str
    cpu_seconds: float | None = None

    def as_json(self) -> dict:
        return asdict(self)


@dataclass
class Results:
    """Everything that a program told of its tests."""

    tests: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # figures that a test wants seen
    unfinished: Result | None = None  # the test in which the program ended

    def count(self, result: str) -> int:
        return sum(test.result == result for test in self.tests)


def of_googletest(program: str, path: Path, report: Path, output: str) -> Results:
    """Reads the XML report of a program; without one, tells from its output in which test it ended."""
    results = Results(notes=notes_of(output))
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                result = "failed"
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                result = "skipped"
            else:
                result = "passed"
            name = f"{case.get('classname')}.{case.get('name')}"
            results.tests.append(Result(program, name, result, float(case.get("time", "0")), alone_in(path, name)))
        return results
    begun = re.findall(r"^\[ RUN      \] (\S+)$", output, flags=re.MULTILINE)
    ended = set(re.findall(r"^\[ +(?:OK|FAILED|SKIPPED) \] (\S+?),? ", output, flags=re.MULTILINE))
    if begun and begun[-1] not in ended:
        results.unfinished = Result(program, begun[-1], "failed", 0.0, alone_in(path, begun[-1]))
    return results


def of_pytest(program: str, events: Path, build: Path) -> Results:
    """Reads the events of a session."""
    results = Results()
    begun = None
    for line in events.read_text().splitlines() if events.exists() else []:
        event = json.loads(line)
        if event["event"] == "begun":
            begun = event["test"]
        elif event["event"] == "ended":
            begun = None
            results.tests.append(Result(program, event["test"], event["result"], event["seconds"], alone_in_pytest(event["test"], build),
                                        event["cpu_seconds"]))
            results.notes += notes_of(event["output"])
    if begun is not None:
        results.unfinished = Result(program, begun, "failed", 0.0, alone_in_pytest(begun, build))
    return results


def collected(events: Path) -> dict[str, set[str]]:
    """The marks of each test that a session found."""
    for line in events.read_text().splitlines() if events.exists() else []:
        event = json.loads(line)
        if event["event"] == "collected":
            return {test: set(marks) for test, marks in event["tests"].items()}
    return {}


def notes_of(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("note: ")]


def from_root(path: str | Path) -> str:
    """The path as one types it in the root of the repository."""
    text = os.path.relpath(path, ROOT)
    return shlex.quote(str(path) if text.startswith("..") else text)


def alone_in(program: Path, name: str) -> str:
    return f"{from_root(program)} --gtest_filter={shlex.quote(name)}"


def alone_in_pytest(name: str, build: Path) -> str:
    return f"RINGFEED_BUILD={from_root(build)} {from_root(sys.executable)} -m pytest {shlex.quote(name)}"
