"""What all Python tests share: marks that follow from what a test uses, and events for tools/run_tests.py."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--events", type=Path, help="a file to which a line of JSON is written when a test begins, and when it ends")


def pytest_configure(config: pytest.Config) -> None:
    if (path := config.getoption("--events")) is not None:
        config.pluginmanager.register(Events(path))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks those that use the three nodes, before `-m` looks at marks."""
    for item in items:
        if "three_nodes" in getattr(item, "fixturenames", ()):
            item.add_marker("three_nodes")


class Events:
    """Writes what happens, as it happens: what ends a session cannot take it back."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w")
        self.phases: list[pytest.TestReport] = []
        self.cpu_seconds = 0.0  # at the beginning of the test

    def write(self, **event: object) -> None:
        self.file.write(json.dumps(event) + "\n")
        self.file.flush()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.write(event="collected", tests={item.nodeid: sorted({mark.name for mark in item.iter_markers()}) for item in session.items})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.phases = []
        self.cpu_seconds = cpu_seconds()
        self.write(event="begun", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.phases.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        outcomes = {phase.outcome for phase in self.phases}
        result = "failed" if "failed" in outcomes else "skipped" if "skipped" in outcomes else "passed"
        self.write(event="ended", test=nodeid, result=result, seconds=sum(phase.duration for phase in self.phases),
                   cpu_seconds=cpu_seconds() - self.cpu_seconds, output=self.phases[-1].capstdout if self.phases else "")


def cpu_seconds() -> float:
    """Of this process and those of its children that have ended: what a test takes on a busy machine too. (Servers are not among them.)"""
    return sum(os.times()[:4])
