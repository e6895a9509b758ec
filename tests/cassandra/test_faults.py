"""What the program does while nodes die, freeze, restart and lose or damage their copies: three nodes, replication 3."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy
import program
import pytest
from running import Running, eventually, node
from stopwatch import Stopwatch

pytestmark = pytest.mark.cassandra
SAMPLES = 20_000
WIDTH = 256
STALL_SECONDS_MAX = 10  # the promise; a thaw or a kill of one node of three
DEADLINE_SECONDS = program.DEADLINE_SECONDS
LOGIN = program.login("trainer", "trainer-password")


def ringfeed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return program.run(*arguments, **LOGIN)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two source files: `id` counts, every element of `data` is the id."""
    folder = tmp_path_factory.mktemp("numbers")
    ids = numpy.arange(SAMPLES, dtype=numpy.int64)
    numpy.save(folder / "id.npy", ids)
    numpy.save(folder / "data.npy", numpy.repeat(ids.astype(numpy.float32)[:, None], WIDTH, axis=1))
    return [str(folder / "id.npy"), str(folder / "data.npy")]


@pytest.fixture(scope="module")
def cluster(three_nodes: Running) -> Running:
    three_nodes.heal()
    session = three_nodes.session()
    eventually(lambda: session.execute(
        "CREATE KEYSPACE IF NOT EXISTS faults WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"))
    # The driver cannot read such a type's name, and needs not: replicas are told without it.
    eventually(lambda: session.execute('CREATE TYPE IF NOT EXISTS faults."Address" (street text)'))
    eventually(lambda: session.execute('CREATE TABLE IF NOT EXISTS faults.people (id int PRIMARY KEY, at frozen<"Address">)'))
    three_nodes.make_role("trainer", "trainer-password", ["ALL ON KEYSPACE faults"])
    return three_nodes


@pytest.fixture(autouse=True)
def whole(cluster: Running) -> Iterator[None]:
    """Each test finds all nodes up, and leaves them so."""
    yield
    cluster.heal()


def url(cluster: Running, name: str) -> str:
    return f"cassandra://{','.join(cluster.addresses)}/faults/{name}"


@pytest.fixture(scope="module")
def dataset(cluster: Running, numbers: list[str]) -> str:
    """20 MB in 330 chunks."""
    made = ringfeed("ingest", *numbers, url(cluster, "numbers"), "--chunk-bytes", "64KiB")
    assert made.returncode == 0, made.stderr
    return url(cluster, "numbers")


class Feeding:
    """A feed_driver at work: which samples each epoch gave, and the longest time without one."""

    def __init__(self, where: str, epochs: int, pause_ms: int, **environment: str) -> None:
        command = [program.BUILD / "bin/feed_driver", where, str(epochs), "100", str(33 << 20), str(pause_ms)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=program.environment(LOGIN | environment))
        self.epochs: dict[int, list[int]] = {}
        self.ends = 0
        self.batches = 0
        self.stall = 0.0  # seconds, as fair as those of a Stopwatch
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        last = time.monotonic()
        assert self.process.stdout
        with Stopwatch() as watch:
            for line in self.process.stdout:
                now = time.monotonic()
                if self.batches:
                    self.stall = max(self.stall, now - last)
                last = now
                if line.startswith("end"):
                    self.ends += 1
                else:
                    epoch, *ids = map(int, line.split())
                    self.epochs.setdefault(epoch, []).extend(ids)
                    self.batches += 1
        self.stall /= watch.threads_per_core

    def wait_for_batches(self, count: int) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        while self.batches < count:
            assert self.process.poll() is None and time.monotonic() < end, self.process.stderr.read()
            time.sleep(0.01)

    def finish(self) -> tuple[int, str]:
        """Exit code and what it wrote to stderr."""
        try:
            self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()
            self.thread.join()
        return self.process.returncode, self.process.stderr.read()

    def check_exact(self, epochs: int) -> None:
        code, words = self.finish()
        assert code == 0, words
        assert self.ends == epochs
        for epoch in range(epochs):
            assert sorted(self.epochs[epoch]) == list(range(SAMPLES)), f"epoch {epoch}"


def test_one_node_killed_in_the_middle_of_an_epoch(cluster: Running, dataset: str) -> None:
    calm = Feeding(dataset, 2, 0)
    calm.check_exact(2)
    feeding = Feeding(dataset, 2, 20)
    feeding.wait_for_batches(50)
    cluster.kill(2)
    feeding.check_exact(2)
    assert feeding.epochs == calm.epochs  # the order too
    assert feeding.stall < STALL_SECONDS_MAX
    print(f"note: longest wait with a node killed: {feeding.stall:.2f} s, without: {calm.stall:.2f} s")


def test_one_node_frozen_for_20_seconds(cluster: Running, dataset: str) -> None:
    feeding = Feeding(dataset, 2, 75)
    feeding.wait_for_batches(50)
    cluster.freeze(3)
    time.sleep(20)
    cluster.thaw(3)
    feeding.check_exact(2)
    assert feeding.stall < STALL_SECONDS_MAX
    print(f"note: longest wait with a node frozen: {feeding.stall:.2f} s")


def test_a_session_can_be_opened_while_a_node_is_frozen(cluster: Running, dataset: str) -> None:
    cluster.freeze(1)
    with Stopwatch() as watch:
        shown = ringfeed("inspect", dataset)
    assert shown.returncode == 0, shown.stderr
    assert watch.fair_seconds < 30


def test_all_nodes_gone_is_exit_code_4_with_the_nodes_named(cluster: Running, dataset: str) -> None:
    feeding = Feeding(dataset, 3, 20, RINGFEED_REQUEST_TIMEOUT_MS="3000")
    feeding.wait_for_batches(20)
    for number in (1, 2, 3):
        cluster.kill(number)
    with Stopwatch() as watch:
        code, words = feeding.finish()
    assert code == 4, words
    assert watch.fair_seconds < 60
    assert len(words.strip().splitlines()) == 1
    for address in cluster.addresses:
        assert address in words
    with Stopwatch() as watch:
        shown = ringfeed("inspect", dataset)
    assert shown.returncode == 4, shown.stderr
    assert cluster.addresses[0] in shown.stderr
    assert watch.fair_seconds < 30


def test_a_rolling_restart_during_ingest_and_training(cluster: Running, dataset: str, numbers: list[str]) -> None:
    stop = threading.Event()
    ends: list[subprocess.CompletedProcess[str]] = []

    def ingest() -> None:
        while not stop.is_set():
            name = f"rolling{len(ends)}"
            ends.append(ringfeed("ingest", *numbers, url(cluster, name), "--chunk-bytes", "64KiB"))

    ingesting = threading.Thread(target=ingest)
    feeding = Feeding(dataset, 3, 75)
    ingesting.start()
    try:
        feeding.wait_for_batches(10)
        for number in (1, 2, 3):
            cluster.restart(number)
    finally:
        stop.set()
        ingesting.join()
    feeding.check_exact(3)
    assert len(ends) > 1
    for number, end in enumerate(ends):
        assert end.returncode == 0, end.stderr
        checked = ringfeed("verify", url(cluster, f"rolling{number}"))
        assert checked.returncode == 0, checked.stderr  # a copy may be missing on the node that was away
        Feeding(url(cluster, f"rolling{number}"), 1, 0).check_exact(1)


def data_files(cluster: Running, number: int, name: str) -> list[Path]:
    folder = cluster.folder / "nodes" / str(number) / "data" / "faults"
    return [path for table in folder.glob(f"{name}_chunks-*") for path in table.glob("*.db")]


def test_a_corrupt_copy_on_one_replica_is_never_delivered_and_never_spread(cluster: Running, numbers: list[str]) -> None:
    where = url(cluster, "corrupt")
    assert ringfeed("ingest", *numbers, where, "--chunk-bytes", "64KiB").returncode == 0
    node.stop([cluster.running(2)])  # in order: what is in memory is written to its files
    damaged = 0
    for path in data_files(cluster, 2, "corrupt"):
        if not path.name.endswith("-Data.db"):
            continue
        contents = bytearray(path.read_bytes())
        for at in range(len(contents) // 16, len(contents) - 64, len(contents) // 8):
            contents[at] ^= 1  # in the middle of chunks: nearly all of the file is chunks
            damaged += 1
        path.write_bytes(contents)
    assert damaged > 4
    cluster.start(2)
    feeding = Feeding(where, 2, 0)
    feeding.check_exact(2)
    checked = ringfeed("verify", where)
    assert checked.returncode == 3
    assert f"node {cluster.addresses[1]}:9042" in checked.stderr and "checksum" in checked.stderr and "--repair" in checked.stderr
    # The other two hold what they held: with the damaged node gone all is whole.
    cluster.kill(2)
    Feeding(where, 1, 0).check_exact(1)
    session = cluster.session()
    rows = eventually(lambda: list(session.execute("SELECT claim, number, hash FROM faults.corrupt_chunks")))
    assert len(rows) > 300
    cluster.heal()
    # A node that has just come back asks others even for what it has itself (docs/cassandra.md), and shows no damage then.
    deadline = time.monotonic() + 120
    while ringfeed("verify", where).returncode != 3:
        assert time.monotonic() < deadline
    mended = ringfeed("verify", where, "--repair")
    assert mended.returncode == 0 and "written anew" in mended.stderr, mended.stderr
    checked = ringfeed("verify", where)
    assert checked.returncode == 0 and checked.stderr == "", checked.stderr


def test_a_replica_that_lost_its_chunks_makes_none_missing(cluster: Running, numbers: list[str]) -> None:
    where = url(cluster, "lost")
    assert ringfeed("ingest", *numbers, where, "--chunk-bytes", "64KiB").returncode == 0
    node.stop([cluster.running(3)])
    files = data_files(cluster, 3, "lost")
    assert files
    for path in files:
        path.unlink()
    cluster.start(3)
    Feeding(where, 2, 0).check_exact(2)
    checked = ringfeed("verify", where)
    assert checked.returncode == 0, checked.stderr
    assert f"node {cluster.addresses[2]}:9042 lacks" in checked.stderr and "nodetool repair" in checked.stderr


def test_too_few_replicas_for_a_write_is_exit_code_4_in_time(cluster: Running, numbers: list[str]) -> None:
    cluster.kill(2)
    cluster.kill(3)
    end = time.monotonic() + DEADLINE_SECONDS
    while True:  # the first node takes a while to notice; the promise holds from then on
        with Stopwatch() as watch:
            refused = ringfeed("ingest", *numbers, url(cluster, "few"))
        assert refused.returncode == 4, refused.stderr
        if ("ALTER KEYSPACE" in refused.stderr and watch.fair_seconds < 5) or time.monotonic() > end:
            break
    assert watch.fair_seconds < 5
    assert "replication_factor': '3'" in refused.stderr and "1 live" in refused.stderr
    assert 'ALTER KEYSPACE "faults" WITH replication' in refused.stderr


def test_from_a_full_cache_it_trains_with_the_server_stopped(cluster: Running, dataset: str, tmp_path: Path) -> None:
    train = ("train", dataset, "--model", "linear", "--input", "data", "--target", "data", "--loss", "mse", "--lr", "1e-9",
             "--batch-size", "500", "--epochs", "2", "--threads", "1", "--cache", str(tmp_path / "cache"), "--json")
    first = ringfeed(*train)
    assert first.returncode == 0, first.stderr
    for number in (1, 2, 3):
        cluster.kill(number)
    second = ringfeed(*train)
    assert second.returncode == 0, second.stderr
    assert f"what is in the cache {tmp_path / 'cache' / 'ringfeed-cache'} is read without it" in second.stderr
    losses = [json.loads(run.stdout.splitlines()[-1])["losses"] for run in (first, second)]
    assert losses[0] == losses[1]
    gone = ringfeed(*train[:-3], "--cache", str(tmp_path / "another"), "--json")
    assert gone.returncode == 4, gone.stderr
