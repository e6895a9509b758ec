"""tools/cassandra/cluster.py: starts real nodes, keeps out of the way of others, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from running import TOOL, Running, certificates, cluster, eventually, node

pytestmark = pytest.mark.cassandra

PROGRAM = [sys.executable, str(TOOL)]
SECONDS_MAX = 600
# A command for `run`: says with what it was called, then waits for its end.
SHOW_AND_WAIT = ("import os, sys; open(sys.argv[1], 'w').write(os.environ['RINGFEED_TEST_CASSANDRA']); "
                 "os.rename(sys.argv[1], sys.argv[2]); sys.stdin.read()")


def run(folder: Path, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, action, "--folder", str(folder), *arguments], capture_output=True, text=True,
                          timeout=SECONDS_MAX)


def wait_until(condition, process: subprocess.Popen[str]) -> None:  # noqa: ANN001
    """While the process runs."""
    end = time.monotonic() + SECONDS_MAX
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


# ---- one node ----


def test_data_stay_when_a_node_is_stopped_and_started(one_node: Running) -> None:
    folder, address = one_node.folder, one_node.addresses[0]
    assert run(folder, "up").stdout.strip() == address  # it runs already
    assert run(folder, "status").stdout.strip() == address
    with one_node.connect(1) as cql:
        cql.execute("CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        cql.execute("CREATE TABLE kept.t (id int PRIMARY KEY, data vector<float, 3>)")
        cql.execute("INSERT INTO kept.t (id, data) VALUES (1, [1, 2, 3])")
    try:
        assert run(folder, "down").returncode == 0
        assert run(folder, "status").returncode == 1
    finally:
        one_node.heal()  # at once, at the same address
    assert run(folder, "status").stdout.strip() == address
    with one_node.connect(1) as cql:
        assert [list(row.data) for row in cql.execute("SELECT data FROM kept.t WHERE id = 1")] == [[1, 2, 3]]


def test_a_wrong_password_is_refused_and_a_role_may_do_what_it_was_granted(one_node: Running) -> None:
    from cassandra import Unauthorized
    from cassandra.cluster import NoHostAvailable

    with pytest.raises(NoHostAvailable, match="Bad credentials"), one_node.connect(1, "cassandra", "wrong"):
        pass
    superuser = one_node.session()
    superuser.execute("CREATE KEYSPACE granted WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    superuser.execute("CREATE TABLE granted.t (id int PRIMARY KEY)")
    one_node.make_role("reader", "a password", ["SELECT ON KEYSPACE granted"])
    with one_node.connect(1, "reader", "a password") as cql:
        assert cql.execute("SELECT id FROM granted.t").all() == []
        with pytest.raises(Unauthorized):
            cql.execute("INSERT INTO granted.t (id) VALUES (1)")


def test_run_gives_addresses_and_exit_code_and_leaves_what_ran_before(one_node: Running, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    result = run(one_node.folder, "run", "--", "sh", "-c", f"echo $RINGFEED_TEST_CASSANDRA >{shown}; exit 7")
    assert result.returncode == 7, result.stderr
    assert shown.read_text().strip() == one_node.addresses[0]
    assert run(one_node.folder, "run", "--", "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL
    missing = run(one_node.folder, "run", "--", "/no/such/program")
    assert (missing.returncode, missing.stderr) == (1, "cassandra: /no/such/program: No such file or directory\n")
    assert one_node.nodes()


def test_nodes_that_run_are_not_taken_for_nodes_with_tls(one_node: Running, tmp_path: Path) -> None:
    result = run(one_node.folder, "up", "--tls", str(tmp_path))
    assert result.returncode == 1
    assert "run with other options of TLS" in result.stderr


# ---- three nodes ----


def test_two_clusters_have_addresses_of_their_own(one_node: Running, three_nodes: Running) -> None:
    subnets = {address.rpartition(".")[0] for address in one_node.addresses + three_nodes.addresses}
    assert len(three_nodes.addresses) == 3
    assert len(subnets) == 2
    assert len(one_node.nodes()) == 1
    assert len(three_nodes.nodes()) == 3


def test_logins_and_roles_with_one_node_killed_and_with_one_frozen(three_nodes: Running) -> None:
    def roles(number: int) -> set[str]:
        with three_nodes.connect(number) as cql:
            return {row.role for row in cql.execute("SELECT role FROM system_auth.roles")}

    try:
        three_nodes.kill(3)
        assert [found.number for found in three_nodes.nodes()] == [1, 2]
        for number in (1, 2):
            assert "cassandra" in eventually(lambda number=number: roles(number))
        three_nodes.start(3)
        assert "cassandra" in roles(3)
        three_nodes.freeze(2)
        for number in (1, 3):
            assert "cassandra" in eventually(lambda number=number: roles(number))
        three_nodes.thaw(2)
        assert "cassandra" in eventually(lambda: roles(2))
    finally:
        three_nodes.heal()


def test_three_killed_nodes_start_again_together(three_nodes: Running) -> None:
    try:
        for number in (1, 2, 3):
            three_nodes.kill(number)
        assert three_nodes.nodes() == []
    finally:
        three_nodes.heal()
    assert [found.address for found in three_nodes.nodes()] == three_nodes.addresses


# ---- interrupted ----


def test_an_interrupted_start_leaves_no_process_and_no_half_joined_node(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    process = subprocess.Popen([*PROGRAM, "up", "--folder", str(folder)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: cluster.Cluster(folder).nodes(), process)
        nodes = cluster.Cluster(folder).nodes()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert not any(found.runs() for found in nodes)
        assert not (folder / "nodes/1").exists()
    finally:
        process.kill()
        process.communicate()


def test_run_with_tls_interrupted_leaves_nothing(tmp_path: Path) -> None:
    """Also: the certificate is good for the address, plain text is refused, and clients without a certificate are."""
    keys, shown = tmp_path / "keys", tmp_path / "shown"
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    process = subprocess.Popen([*PROGRAM, "run", "--short-lived", "--tls", str(keys), "--client-certificates", "--",
                                sys.executable, "-c", SHOW_AND_WAIT, str(tmp_path / "new"), str(shown)],
                               env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        wait_until(shown.exists, process)
        address = shown.read_text()
        folder, = tmp_path.glob("ringfeed-cassandra-*/")
        nodes = cluster.Cluster(folder).nodes()
        assert len(nodes) == 1
        context = ssl.create_default_context(cafile=keys / "ca.pem")
        assert not speaks_cql(address, context)
        context.load_cert_chain(keys / "client.pem")
        assert speaks_cql(address, context)
        assert not speaks_cql(address, None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        assert not any(found.runs() for found in nodes)
        assert not folder.exists()
    finally:
        process.kill()
        process.communicate()


def speaks_cql(address: str, context: ssl.SSLContext | None) -> bool:
    """Whether the server answers a frame OPTIONS of version 4 with SUPPORTED."""
    try:
        with socket.create_connection((address, node.PORT), timeout=20) as plain:
            connection = context.wrap_socket(plain, server_hostname=address) if context else plain
            connection.sendall(bytes([4, 0, 0, 0, 5, 0, 0, 0, 0]))
            answer = connection.recv(9)
            return len(answer) == 9 and answer[4] == 6
    except (ssl.SSLError, ConnectionError):
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_test_session_leaves_no_node(tmp_path: Path, number: signal.Signals) -> None:
    """Of the fixtures themselves, in a session of their own, ended while the first test asks for a node."""
    (tmp_path / "test_waits.py").write_text("def test_waits(one_node):\n    pass\n")
    environment = dict(os.environ, TMPDIR=str(tmp_path), PYTHONPATH=str(Path(__file__).parent))
    environment.pop("RINGFEED_TEST_CLUSTERS", None)  # nodes of its own
    process = subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider",
                                "--rootdir", str(tmp_path), str(tmp_path / "test_waits.py")],
                               env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        def nodes() -> list[node.Node]:
            folders = tmp_path.glob("ringfeed-cassandra-*/")
            return [found for folder in folders for found in cluster.Cluster(folder).nodes()]

        wait_until(nodes, process)
        started = nodes()
        process.send_signal(number)
        process.wait(timeout=60)
        end = time.monotonic() + 30
        while any(found.runs() for found in started) and time.monotonic() < end:
            time.sleep(0.02)
        assert not any(found.runs() for found in started)
        if number != signal.SIGKILL:
            assert list(tmp_path.glob("ringfeed-cassandra-*/")) == []
    finally:
        process.kill()
        process.communicate()


# ---- processes, addresses and certificates: no node ----


def test_a_process_that_it_did_not_start_is_not_touched(tmp_path: Path) -> None:
    """A pid in the state file that is another process by now."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        other = cluster.Cluster(tmp_path)
        other.remember([node.Node("127.0.77.1", stranger.pid, (node.start_ticks_of(stranger.pid) or 0) - 1)])
        assert other.nodes() == []
        assert other.down() == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_is_there_until_its_last_thread_has_ended() -> None:
    """Else its ports are taken for free too early: the first thread of a JVM often ends before the others."""
    number = {"x86_64": 60, "aarch64": 93}[platform.machine()]  # exit(2), of one thread
    code = ("import ctypes, threading, time; threading.Thread(target=time.sleep, args=[60]).start(); "
            f"ctypes.CDLL(None).syscall({number}, 0)")
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        found = node.Node("127.0.77.1", process.pid, node.start_ticks_of(process.pid) or 0)
        wait_until(lambda: node.stat_fields(Path(f"/proc/{process.pid}/stat"))[0] == "Z", process)
        assert found.runs()
        node.stop([found], kill=True)
        assert not found.runs()
        assert not Path(f"/proc/{process.pid}").exists()
    finally:
        process.kill()
        process.wait()


def test_addresses_where_something_listens_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "SUBNETS", range(201, 203))
    other = cluster.Cluster(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.201.2", node.PORT))
        listener.listen()
        lock, subnet = other.lock_subnet([])
        assert subnet == 202
        with pytest.raises(node.Failure, match="no free addresses"):
            other.lock_subnet([])  # 202 is locked now
        os.close(lock)
        lock, subnet = other.lock_subnet([])
        assert subnet == 202
        os.close(lock)


def test_kept_addresses_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that have just been killed may hold them for a moment."""
    other = cluster.Cluster(tmp_path)
    other.node_folder(1).mkdir(parents=True)
    (other.node_folder(1) / "cassandra.yaml").write_text("listen_address: 127.0.203.1\n")
    holder = cluster.claim(203)
    assert holder is not None
    monkeypatch.setattr(cluster, "RELEASE_SECONDS_MAX", 0.3)
    with pytest.raises(node.Failure, match="something else listens"):
        other.lock_subnet([])
    monkeypatch.setattr(cluster, "RELEASE_SECONDS_MAX", 60)
    threading.Timer(0.5, os.close, [holder]).start()
    lock, subnet = other.lock_subnet([])
    assert subnet == 203
    os.close(lock)


def test_addresses_are_kept_for_a_cluster_whose_nodes_have_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "RELEASE_SECONDS_MAX", 0.1)
    own = cluster.Cluster(tmp_path / "own")
    own.node_folder(1).mkdir(parents=True)
    (own.node_folder(1) / "cassandra.yaml").write_text("listen_address: 127.0.205.1\n")
    lock, subnet = own.lock_subnet([])  # as for its first node, which ends then
    own.keep_addresses()
    os.close(lock)
    assert subnet == 205 and cluster.claim(205) is None
    again = cluster.Cluster(tmp_path / "own")  # of another process, say
    lock, subnet = again.lock_subnet([])
    assert subnet == 205 and cluster.claim(205) is None
    os.close(lock)
    again.release_addresses()  # it has none
    assert cluster.claim(205) is None
    own.release_addresses()
    lock, subnet = again.lock_subnet([])
    assert subnet == 205
    os.close(lock)


def test_a_node_started_later_holds_the_lock_alone_too(tmp_path: Path) -> None:
    first = cluster.claim(204)
    assert first is not None
    later, _ = cluster.Cluster(tmp_path).lock_subnet([node.Node("127.0.204.1", 0, 0)])
    os.close(first)
    assert cluster.claim(204) is None
    os.close(later)
    again = cluster.claim(204)
    assert again is not None
    with open(cluster.lock_path(204)) as exclusive, pytest.raises(BlockingIOError):
        fcntl.flock(exclusive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(again)


def test_certificates_are_good_or_bad_as_they_say(tmp_path: Path) -> None:
    certificates.make(tmp_path)
    before = (tmp_path / "server.pem").read_bytes()
    certificates.make(tmp_path)
    assert (tmp_path / "server.pem").read_bytes() == before
    shakes = {(name, host): shake_hands(tmp_path, name, host) for name in certificates.SIGNED
              for host in ("127.0.77.1", "localhost")}
    assert shakes == {
        ("server", "127.0.77.1"): "", ("server", "localhost"): "",
        ("expired", "127.0.77.1"): "certificate has expired", ("expired", "localhost"): "certificate has expired",
        ("wrong-name", "127.0.77.1"): "IP address mismatch, certificate is not valid for '127.0.77.1'",
        ("wrong-name", "localhost"): "Hostname mismatch, certificate is not valid for 'localhost'",
        ("dns-name", "127.0.77.1"): "IP address mismatch, certificate is not valid for '127.0.77.1'",
        ("dns-name", "localhost"): "",
        ("client", "127.0.77.1"): "unsuitable certificate purpose",
        ("client", "localhost"): "unsuitable certificate purpose"}
    assert shake_hands(tmp_path, "server", "localhost", "other-ca") == "unable to get local issuer certificate"


def shake_hands(folder: Path, certificate: str, host: str, authority: str = "ca") -> str:
    """What a client says of the certificate; nothing when it is good."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / f"{certificate}.pem")
    client = ssl.create_default_context(cafile=folder / f"{authority}.pem")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server, server_hostname=host),
            server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message.rstrip(".")
    return ""


def test_the_options_of_tls_are_remembered(tmp_path: Path) -> None:
    tls = node.Tls("/keys", "expired", True)
    cluster.Cluster(tmp_path, tls=tls).remember_tls()
    assert cluster.Cluster(tmp_path).tls_of_running() == tls
    cluster.Cluster(tmp_path).remember_tls()
    assert cluster.Cluster(tmp_path).tls_of_running() is None
