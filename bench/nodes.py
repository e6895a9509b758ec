"""Cassandra nodes of the benchmarks with Cassandra: real ones that are started (full JIT) and stopped, on loopback addresses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import BUILD, DATA, ROOT, Side, ingest, write_npy

sys.path.insert(0, str(ROOT / "tools/cassandra"))
import cluster  # noqa: E402
from node import PORT  # noqa: E402, F401

SAMPLES, WIDTH = 350_000, 784  # float32, and a label
SAMPLE_BYTES = WIDTH * 4 + 8
WARM_SECONDS = 40
THREADS = "1 assembling, 1 reading, 2 of the driver; server on the same cores"


def heap(nodes: int) -> str:
    """Of each node, as Cassandra's own start script chooses it: a quarter of the memory, at most 8 GB; here the nodes share that."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{(min(memory // 4, 8 << 30) // nodes) >> 20}m"


@contextmanager
def running(count: int, mode: cluster.Mode = cluster.Mode()) -> Iterator[cluster.Cluster]:
    """Empty nodes; what the sides start logs in as their superuser, and has its indexes of row tables in a folder of its own."""
    folder = DATA / "cassandra"
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.update(RINGFEED_USER="cassandra", RINGFEED_PASSWORD="cassandra", RINGFEED_INDEX=str(folder / "index"))
    os.environ.setdefault("CASSANDRA_HEAP", heap(count))
    nodes = cluster.Cluster(folder, mode=mode)
    try:
        nodes.up(count)
        yield nodes
    finally:
        nodes.down()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_packed() -> Iterator[tuple[str, Path, str]]:
    """One node with a packed data set of 1.1 GB: the node's address, the folder of the npy files, the data set's URL."""
    folder = write_npy("feed-cassandra", SAMPLES, WIDTH)
    with running(1) as nodes:
        address = nodes.nodes()[0].address
        url = f"cassandra://{address}/bench/packed"
        ingest(folder, url, "--create-keyspace", "--replication", "simple:1")
        yield address, folder, url


def warm(*commands: list[str]) -> None:
    """Reads until the server's compiler has done its work: in its first minute a tenth of its time goes there, and what it runs is slow."""
    for command in commands:
        side = Side(command)
        end = time.monotonic() + WARM_SECONDS
        while time.monotonic() < end:
            side.round()
        side.close()


class Proxy:
    """tools/delay_proxy between two addresses."""

    def __init__(self, listen: str, target: str, round_trip_ms: int, mib_per_second: float) -> None:
        self.process = subprocess.Popen([str(BUILD / "bin/delay_proxy"), f"{listen}:{PORT}", f"{target}:{PORT}", str(round_trip_ms),
                                         str(mib_per_second)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"

    def connections(self) -> int:
        """That it has had so far."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[0])

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=10)


@contextmanager
def proxy(node: cluster.Node, round_trip_ms: int, mib_per_second: float = 0) -> Iterator[Proxy]:
    """In front of a node that is far; 0: without a bound of the bandwidth."""
    made = Proxy(node.far_address, node.address, round_trip_ms, mib_per_second)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def running_far_packed() -> Iterator[tuple[cluster.Node, str]]:
    """One node that only a proxy() reaches, with a packed data set of 1.1 GB: the node and the data set's URL."""
    folder = write_npy("feed-cassandra", SAMPLES, WIDTH)
    with running(1, cluster.Mode(far=True)) as nodes:
        node = nodes.nodes()[0]
        url = f"cassandra://{node.far_address}/bench/packed"
        with proxy(node, 0):
            ingest(folder, url, "--create-keyspace", "--replication", "simple:1")
        yield node, url
