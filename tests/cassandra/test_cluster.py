"""tools/cassandra/cluster.py: starts real nodes, keeps out of the way of others, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools/cassandra/cluster.py"
sys.path.insert(0, str(TOOL.parent))
import cluster  # noqa: E402

pytestmark = pytest.mark.cassandra


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *arguments, "--folder", str(folder)], capture_output=True, text=True,
                          timeout=600)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of a cluster that is stopped at the end, whatever happens."""
    yield tmp_path / "cluster"
    run(tmp_path / "cluster", "down")


def session(address: str, password: str = "cassandra"):  # noqa: ANN201
    """A driver that talks to this node alone, and its session."""
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import WhiteListRoundRobinPolicy

    profile = ExecutionProfile(WhiteListRoundRobinPolicy([address]))
    driver = Cluster([address], auth_provider=PlainTextAuthProvider("cassandra", password), protocol_version=5,
                     execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    return driver, driver.connect()


def test_two_clusters_at_once_each_with_a_login_and_data_that_stay(folder: Path, tmp_path: Path) -> None:
    from cassandra.cluster import NoHostAvailable

    up = run(folder, "up")
    assert up.returncode == 0, up.stderr
    address = up.stdout.strip()
    assert run(folder, "up").stdout.strip() == address  # it runs already
    assert run(folder, "status").stdout.strip() == address
    with pytest.raises(NoHostAvailable, match="Bad credentials"):
        session(address, "wrong")
    driver, cql = session(address)
    cql.execute("CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    cql.execute("CREATE TABLE kept.t (id int PRIMARY KEY, data vector<float, 3>)")
    cql.execute("INSERT INTO kept.t (id, data) VALUES (1, [1, 2, 3])")
    driver.shutdown()

    other = tmp_path / "other"
    try:
        second = run(other, "up")
        assert second.returncode == 0, second.stderr
        assert second.stdout.strip().split(".")[2] != address.split(".")[2]
        assert run(folder, "status").stdout.strip() == address
    finally:
        run(other, "down")

    assert run(folder, "down").returncode == 0
    assert run(folder, "status").returncode == 1
    assert run(folder, "up").stdout.strip() == address
    driver, cql = session(address)
    assert [list(row.data) for row in cql.execute("SELECT data FROM kept.t WHERE id = 1")] == [[1, 2, 3]]
    driver.shutdown()


def test_three_nodes_log_in_with_one_killed_and_start_again_together(folder: Path) -> None:
    up = run(folder, "up", "--nodes", "3")
    assert up.returncode == 0, up.stderr
    addresses = up.stdout.split()
    assert len(addresses) == 3
    nodes = cluster.Cluster(folder).nodes()
    os.kill(nodes[2].pid, signal.SIGKILL)
    for address in addresses[:2]:
        driver, cql = session(address)
        assert cql.execute("SELECT role FROM system_auth.roles").one().role == "cassandra"
        driver.shutdown()
    assert run(folder, "down").returncode == 0
    again = run(folder, "up")  # all three, as their data are there
    assert again.returncode == 0, again.stderr
    assert sorted(again.stdout.split()) == addresses


def test_an_interrupted_start_leaves_no_process_and_no_half_joined_node(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, str(TOOL), "up", "--folder", str(folder)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while not (nodes := cluster.Cluster(folder).nodes()) and time.monotonic() < end:
            time.sleep(0.05)
        assert nodes
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert not any(node.runs() for node in nodes)
        assert not (folder / "nodes/1").exists()
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_it_did_not_start_is_not_touched(tmp_path: Path) -> None:
    """A pid in the state file that is another process by now."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        other = cluster.Cluster(tmp_path)
        other.remember([cluster.Node("127.0.77.1", stranger.pid, (cluster.start_ticks_of(stranger.pid) or 0) - 1)])
        assert other.nodes() == []
        assert other.down() == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_addresses_where_something_listens_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SUBNETS", range(201, 203))
    other = cluster.Cluster(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.201.2", cluster.PORT))
        listener.listen()
        lock, subnet = other.lock_subnet([])
        assert subnet == 202
        with pytest.raises(cluster.Failure, match="no free addresses"):
            other.lock_subnet([])  # 202 is locked now
        os.close(lock)
        assert other.lock_subnet([])[1] == 202
