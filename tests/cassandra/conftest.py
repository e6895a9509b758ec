"""Clusters that the tests of a session share.

They are started when the first test asks for one, and gone at the end. With RINGFEED_TEST_CLUSTERS, which tools/run_tests.py sets, they
are those of its folders `1` and `3`, shared by several sessions.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, cluster

# The Python driver tells of each attempt to reach a node that a test has stopped: the report of a failed test is about something else.
logging.getLogger("cassandra").setLevel(logging.CRITICAL + 1)


@pytest.fixture(scope="session")
def ended_in_order() -> Iterator[None]:
    """SIGTERM ends the session like Ctrl-C does, in order. (When SIGKILL ends it, its nodes end too.)"""
    def unwind(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        pytest.exit("SIGTERM", returncode=128 + number)

    before = signal.signal(signal.SIGTERM, unwind)
    yield
    signal.signal(signal.SIGTERM, before)


def running(count: int) -> Iterator[Running]:
    """The nodes of tools/run_tests.py, or own ones."""
    if (shared := os.environ.get("RINGFEED_TEST_CLUSTERS")) is not None:
        nodes = Running(Path(shared) / str(count), count)  # waits until they are up
        try:
            yield nodes
        finally:
            nodes.disconnect()
        return
    with cluster.temporary_folder() as folder:
        nodes = None
        try:
            nodes = Running(folder, count)
            yield nodes
        finally:
            if nodes is not None:
                nodes.close()


@pytest.fixture(scope="session")
def one_node(ended_in_order: None) -> Iterator[Running]:
    """A cluster of one node."""
    yield from running(1)


@pytest.fixture(scope="session")
def three_nodes(ended_in_order: None) -> Iterator[Running]:
    """A cluster of three nodes."""
    yield from running(3)
