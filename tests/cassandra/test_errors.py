"""What the program says and does when something is wrong on the way to Cassandra, what it never says, and that a data
set is the same there as in a folder."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy
import program
import pytest
from program import DIGITS, TENSORS, done, error, login, records, ringfeed, run
from running import Running, cluster, eventually

pytestmark = pytest.mark.cassandra
ADMIN = login("cassandra", "cassandra")
TRAIN = ("--input", "image", "--target", "label", "--batch-size", "256", "--threads", "1", "--quiet")
SMALL = ("--chunk-bytes", "16KiB")  # 29 chunks
HOSTILE = ["a; DROP KEYSPACE errors", 'a"b', "a'b", "ü", "a%22%3B%20DROP", "a%00b", "..", "k" * 300]


@pytest.fixture(scope="module")
def node(one_node: Running) -> Running:
    for name, factor in (("errors", 1), ("three_copies", 3)):
        statement = (f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = "
                     f"{{'class': 'SimpleStrategy', 'replication_factor': {factor}}}")
        eventually(lambda statement=statement: one_node.session().execute(statement))
    one_node.make_role("errors_nobody", "nobody")
    one_node.make_role("errors_reader", "reader", ["SELECT ON KEYSPACE errors"])
    return one_node


@pytest.fixture(scope="module")
def dataset(node: Running) -> str:
    done("ingest", DIGITS, url(node, "errors/digits"), *TENSORS, *SMALL, **ADMIN)
    return url(node, "errors/digits")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same in a folder."""
    folder = str(tmp_path_factory.mktemp("local") / "digits.ring")
    done("ingest", DIGITS, folder, *TENSORS, *SMALL)
    return folder


def url(node: Running, names: str) -> str:
    return f"cassandra://{node.addresses[0]}/{names}"


def commands(where: str) -> list[tuple[str, ...]]:
    """One that reads, one that reads much, one that writes."""
    return [("inspect", where), ("train", where, *TRAIN), ("ingest", DIGITS, f"{where}_new", *TENSORS)]


def schema(node: Running) -> set[tuple[str, str]]:
    session = node.session()
    keyspaces = session.execute("SELECT keyspace_name FROM system_schema.keyspaces")
    tables = session.execute("SELECT keyspace_name, table_name FROM system_schema.tables")
    return {(row.keyspace_name, "") for row in keyspaces} | {(row.keyspace_name, row.table_name) for row in tables}


# ---- who may do what ----


def test_a_wrong_password(dataset: str) -> None:
    for command in commands(dataset):
        refused = error(*command, code=5, **login("cassandra", "wrong"))
        assert "password are incorrect" in refused and "wrong;" not in refused
    assert "password are incorrect" in error("inspect", dataset, code=5, **login("errors_unheard_of", "wrong"))


def test_nobody_at_a_server_that_asks_who_it_is(dataset: str) -> None:
    for command in commands(dataset):
        refused = error(*command, code=5)
        assert "asks for a user and a password; name the user by --user or USER@ in the address" in refused and "RINGFEED_PASSWORD" in refused


def test_a_role_without_permissions(node: Running, dataset: str) -> None:
    before = schema(node)
    for command in commands(dataset):
        refused = error(*command, code=5, **login("errors_nobody", "nobody"))
        assert "errors_nobody has no" in refused and "GRANT" in refused
    make = ("ingest", DIGITS, url(node, "errors_own/x"), *TENSORS, "--create-keyspace")
    assert "no CREATE permission" in error(*make, code=5, **login("errors_nobody", "nobody"))
    assert schema(node) == before


def test_a_role_that_may_read_and_no_more(dataset: str) -> None:
    reader = login("errors_reader", "reader")
    done("verify", dataset, **reader)
    assert "no CREATE permission" in error("ingest", DIGITS, f"{dataset}_new", *TENSORS, code=5, **reader)
    assert "no MODIFY permission" in error("delete", dataset, "--yes", code=5, **reader)
    done("verify", dataset, **ADMIN)


def test_a_server_without_authentication(ended_in_order: None) -> None:
    with cluster.temporary_folder() as folder:
        nodes = Running(folder, 1, authentication=False)
        try:
            where = url(nodes, "open/digits")
            done("ingest", DIGITS, where, *TENSORS, "--create-keyspace", "--replication", "simple:1")
            done("verify", where)
            assert records("train", where, *TRAIN, "--nproc", "2")[-1]["world_size"] == 2
            done("inspect", where, **login("anybody", "anything"))  # it is not asked for
        finally:
            nodes.close()


# ---- what is not there ----


def test_an_unknown_keyspace(node: Running) -> None:
    before = schema(node)
    for command in commands(url(node, "errors_missing/digits")):
        refused = error(*command, code=2, **ADMIN)
        assert "CREATE KEYSPACE \"errors_missing\" WITH replication" in refused and "--create-keyspace" in refused
    assert "errors_missing" in error("list", url(node, "errors_missing"), code=2, **ADMIN)
    assert schema(node) == before


def test_an_unknown_data_set(node: Running) -> None:
    where = url(node, "errors/missing")
    for command in (("inspect", where), ("train", where, *TRAIN), ("verify", where), ("delete", where, "--yes")):
        assert where in error(*command, code=2, **ADMIN)


def test_an_unknown_column(dataset: str) -> None:
    command = ("train", dataset, "--input", 'image"; DROP KEYSPACE errors', "--target", "label")
    assert "unknown column" in error(*command, code=2, **ADMIN)


def test_an_address_that_is_not_whole(node: Running) -> None:
    assert "name of the data set is missing" in error("inspect", url(node, "errors"), code=2, **ADMIN)
    assert "no keyspace" in error("inspect", f"cassandra://{node.addresses[0]}", code=2, **ADMIN)


def test_a_host_where_nothing_listens(node: Running) -> None:
    nobody = node.addresses[0].rpartition(".")[0] + ".98"
    for command in commands(f"cassandra://{nobody}/errors/digits"):
        assert f"{nobody}:9042: Connection refused" in error(*command, code=4, **ADMIN)
    assert "127.0.0.1:1" in error("inspect", "cassandra://127.0.0.1:1/errors/digits", code=4, **ADMIN)


# ---- too few replicas ----


def test_replication_3_on_one_node(node: Running) -> None:
    for name in ("first", "first", "second"):  # the first is tried again
        refused = error("ingest", DIGITS, url(node, f"three_copies/{name}"), *TENSORS, code=4, **ADMIN)
        assert "2 replicas must answer and 1 live" in refused
        assert "'replication_factor': '3'" in refused and f"the nodes are {node.addresses[0]}:9042" in refused
        assert refused.endswith("ALTER KEYSPACE \"three_copies\" WITH replication = "
                                "{'class': 'SimpleStrategy', 'replication_factor': '1'};")
    assert records("list", url(node, "three_copies"), **ADMIN) == [{"datasets": []}]
    # The line is one that helps.
    alter = refused[refused.index("ALTER KEYSPACE"):]
    node.session().execute(alter)
    try:
        assert "no data set" in error("inspect", url(node, "three_copies/first"), code=2, **ADMIN)
        made = records("ingest", DIGITS, url(node, "three_copies/first"), *TENSORS, **ADMIN)[-1]
        assert not made["unchanged"]
        done("verify", url(node, "three_copies/first"), **ADMIN)
    finally:
        node.session().execute(alter.replace("'replication_factor': '1'", "'replication_factor': '3'"))


def test_the_remedy_keeps_to_the_strategy_of_the_keyspace(node: Running) -> None:
    node.session().execute(
        "CREATE KEYSPACE in_a_place WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 3}")
    refused = error("ingest", DIGITS, url(node, "in_a_place/digits"), *TENSORS, code=4, **ADMIN)
    alter = refused[refused.index("ALTER KEYSPACE"):]
    assert alter.startswith("ALTER KEYSPACE \"in_a_place\"")
    assert "NetworkTopologyStrategy" in alter and "'datacenter1': '1'" in alter
    node.session().execute(alter)
    done("ingest", DIGITS, url(node, "in_a_place/digits"), *TENSORS, **ADMIN)


def test_a_consistency_that_takes_more_copies_than_there_are(node: Running, dataset: str) -> None:
    def check(refused: str, option: str) -> None:
        assert "3 replicas must answer and 1 live" in refused and option in refused
        assert "'replication_factor': '1'" in refused and "ALTER KEYSPACE" not in refused

    writing = ("ingest", DIGITS, url(node, "errors/three"), *TENSORS)
    check(error(*writing, "--write-consistency", "THREE", code=4, **ADMIN), "--write-consistency")
    assert "no data set" in error("inspect", url(node, "errors/three"), code=2, **ADMIN)
    for reading in (("head", dataset), ("verify", dataset)):
        check(error(*reading, "--read-consistency", "THREE", code=4, **ADMIN), "--read-consistency")
    done(*writing, **ADMIN)


# ---- names ----


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused(node: Running, name: str) -> None:
    before = schema(node)
    for names in (f"{name}/digits", f"errors/{name}"):
        command = ("ingest", DIGITS, url(node, names), *TENSORS, "--create-keyspace", "--replication", "simple:1")
        assert "letters, digits and _" in error(*command, code=2, **ADMIN)
    assert schema(node) == before


FRAGMENTS = ("'", '"', ";", "--", "/*", "*/", "\\", "$$", "\0", "\n", "%27", "%22", "%3B", "..", "/", "?", "#", "@", ":", "ü", "\u202e", " ",
             "DROP KEYSPACE errors", "TRUNCATE errors.digits_chunks", "OR 1=1", "errors", "digits", "x")


def test_5000_hostile_names_reach_no_server(node: Running, dataset: str) -> None:
    """As keyspace and data set; one that reached the node would be an error of the connection."""
    def contents() -> list[tuple]:
        return sorted(node.session().execute("SELECT claim, number, hash FROM errors.digits_chunks"))

    before = schema(node), contents()
    generator = random.Random(26)
    refused = 0
    while refused < 5000:
        name = "".join(generator.choices(FRAGMENTS, k=generator.randint(1, 6)))
        if re.fullmatch(r"[\w./?:@-]+", name, flags=re.ASCII):
            continue  # it may be an address
        for names in (f"{name}/digits", f"errors/{name}"):
            with pytest.raises(ValueError):
                ringfeed.open(url(node, names), username="cassandra", password="cassandra", connect_timeout_ms=1)
        refused += 1
    assert (schema(node), contents()) == before


def test_500_hostile_columns_are_just_names(node: Running, tmp_path: Path) -> None:
    generator = random.Random(27)
    names = {"".join(generator.choices(FRAGMENTS, k=generator.randint(1, 6))).replace("\0", "") for _ in range(700)} - {"", "id"}
    names = sorted(names, key=str.encode)[:500]
    before = schema(node)
    where, index = url(node, "errors/hostile"), str(tmp_path)
    ringfeed.write(where, {name: numpy.full(3, number) for number, name in enumerate(names)}, layout="rows", index=index,
                   username="cassandra", password="cassandra")
    rows = node.session().execute("SELECT column_name FROM system_schema.columns WHERE keyspace_name = 'errors' AND table_name = 'hostile'")
    assert {row.column_name for row in rows} == {"id", *names}
    batch = ringfeed.open(where, index=index, username="cassandra", password="cassandra")[0:3]
    assert [batch[name].tolist() for name in names] == [[number] * 3 for number in range(500)]
    assert schema(node) - before == {("errors", "hostile")}


def test_names_that_mean_something_to_cql(node: Running) -> None:
    """Keywords, upper case and a digit in front are kept as they are."""
    make = ("--create-keyspace", "--replication", "simple:1")
    before = schema(node)
    for names in ("Select/Table", "select/table", "9/_"):
        done("ingest", DIGITS, url(node, names), *TENSORS, *make, **ADMIN)
        done("verify", url(node, names), **ADMIN)
        assert records("list", url(node, names.split("/")[0]), **ADMIN)[-1] == {"datasets": [url(node, names)]}
    tables = {("Select", "Table_chunks"), ("select", "table_chunks"), ("9", "__chunks")}
    made = {(keyspace, table) for keyspace, table in schema(node) - before if table.endswith("_chunks")}
    assert made == tables


# ---- the same as in a folder ----


def test_what_is_shown_is_the_same_as_from_a_folder(dataset: str, local: str) -> None:
    assert records("head", dataset, **ADMIN) == records("head", local)
    ours, theirs = records("inspect", dataset, **ADMIN)[-1], records("inspect", local)[-1]
    assert ours.pop("url") == dataset and theirs.pop("url") == local
    assert ours == theirs


@pytest.mark.parametrize("shuffle", ["block", "full", "none"])
def test_losses_are_the_same_as_from_a_folder(dataset: str, local: str, shuffle: str) -> None:
    seen = []
    for processes in ("1", "2"):
        options = (*TRAIN, "--epochs", "2", "--shuffle", shuffle, "--nproc", processes)
        remote, own = (records("train", where, *options, **ADMIN) for where in (dataset, local))
        assert len(own) == 3 and own[-1]["world_size"] == int(processes)
        assert remote[:-1] == own[:-1]  # an epoch a line: its loss, and those of the validation
        for key in ("losses", "val_loss", "val_accuracy", "samples"):
            assert remote[-1][key] == own[-1][key]
        seen.append(own[-1]["losses"])
    assert seen[0] == pytest.approx(seen[1], rel=1e-4)


# ---- secrets ----

SECRET = "S3cr3t-\"quoted\"-ü"


def test_a_password_is_not_seen_anywhere(node: Running, tmp_path: Path) -> None:
    node.make_role("errors_secretive", SECRET, ["ALL ON KEYSPACE errors"])
    own = login("errors_secretive", SECRET)
    (tmp_path / "password").write_text(SECRET + "\n")
    from_file = ("--user", "errors_secretive", "--password-file", str(tmp_path / "password"))
    where = url(node, "errors/secretive")
    steps: list[tuple[int, tuple[str, ...]]] = [
        (0, ("ingest", DIGITS, where, *TENSORS, *SMALL)), (0, ("inspect", where)), (0, ("list", url(node, "errors"))),
        (0, ("head", where)), (0, ("verify", where)), (0, ("copy", where, str(tmp_path / "copy.ring"))),
        (2, ("inspect", f"{where}_missing")), (5, ("list", url(node, "three_copies"))),
        (5, ("ingest", DIGITS, url(node, "three_copies/x"), *TENSORS)),
        (2, ("train", where, "--input", "x", "--target", "y")),
        (4, ("head", where, "--read-consistency", "THREE")), (5, ("head", where, "--tls")),
        (4, ("head", "cassandra://127.0.0.1:1/errors/secretive")), (0, ("delete", where, "--yes"))]
    for code, step in steps:
        result = run(*step, "--json", **own)
        assert result.returncode == code, f"{step}: {result.stderr}"
        assert "S3cr3t" not in result.stdout + result.stderr, step
    wrong = run("inspect", where, **login("errors_secretive", f"{SECRET}-not"))
    assert wrong.returncode == 5 and "S3cr3t" not in wrong.stderr
    assert run("list", url(node, "errors"), *from_file).returncode == 0
    for path in (node.node_folder(1) / "log").iterdir():
        assert b"S3cr3t" not in path.read_bytes(), path


def ranks_of(process: subprocess.Popen[str], count: int) -> list[Path]:
    """The folders of proc(5) of the ranks that it started, once they run the program."""
    end = time.monotonic() + program.DEADLINE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "it ended before its ranks were seen"
        try:
            found = [Path("/proc") / pid for task in Path(f"/proc/{process.pid}/task").iterdir()
                     for pid in (task / "children").read_text().split()]
            if len(found) == count and all(b"RANK=" in (rank / "environ").read_bytes() for rank in found):
                return found
        except OSError:
            pass  # a task ended
        time.sleep(0.01)
    raise AssertionError("no ranks")


def test_a_password_is_not_seen_in_the_list_of_processes(node: Running, dataset: str, tmp_path: Path) -> None:
    node.make_role("errors_secretive", SECRET, ["ALL ON KEYSPACE errors"])
    (tmp_path / "password").write_text(SECRET + "\n")
    command = [program.BUILD / "bin/ringfeed", "train", dataset, *TRAIN, "--nproc", "2", "--epochs", "20", "--json",
               "--user", "errors_secretive", "--password-file", tmp_path / "password"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, env=program.environment({}))
    try:
        ranks = ranks_of(process, 2)
        for each in (Path(f"/proc/{process.pid}"), *ranks):
            words = (each / "cmdline").read_bytes()
            assert b"train" in words and b"S3cr3t" not in words
        for rank in ranks:  # where it is, for the owner of the process alone
            assert f"RINGFEED_PASSWORD={SECRET}".encode() in (rank / "environ").read_bytes().split(b"\0")
            assert (rank / "environ").stat().st_mode & 0o077 == 0
        output = process.communicate(timeout=program.DEADLINE_SECONDS)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    assert "S3cr3t" not in output


# ---- peers that cannot be reached ----


@contextmanager
def peer(node: Running, address: str) -> Iterator[None]:
    """The node tells its clients of another one at this address that holds nearly all of the data: as behind a
    forwarded port, where the cluster's own addresses reach nothing, and the host that is named serves everything."""
    session = node.session()
    own = session.execute("SELECT * FROM system.local").one()
    columns = {"peer": address, "rpc_address": address, "host_id": uuid.uuid4(), "data_center": own.data_center,
               "rack": own.rack, "release_version": own.release_version, "schema_version": own.schema_version,
               "tokens": {str(int(token) - 1) for token in own.tokens}}
    marks = ", ".join(["%s"] * len(columns))
    session.execute(f"INSERT INTO system.peers ({', '.join(columns)}) VALUES ({marks})", list(columns.values()))
    try:
        yield
    finally:
        session.execute("DELETE FROM system.peers WHERE peer = %s", [address])


def test_a_peer_that_cannot_be_reached_is_named(node: Running, dataset: str) -> None:
    address = node.addresses[0].rpartition(".")[0] + ".99"
    limited = ("--request-timeout-ms", "1000")
    with peer(node, address):
        for command in (("head", dataset), ("verify", dataset)):
            refused = error(*command, *limited, code=4, **ADMIN)
            assert f"{address}:9042 (not connected)" in refused and "--contact-points-only" in refused


@contextmanager
def forwarded(host: str) -> Iterator[str]:
    """A port of this machine that leads to the node's, as of a tunnel: "127.0.0.1:PORT"."""
    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, 9042))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_server_behind_a_forwarded_port(node: Running, dataset: str, local: str) -> None:
    with forwarded(node.addresses[0]) as address:
        where = f"cassandra://{address}/errors/digits"
        refused = error("head", where, code=4, **ADMIN)
        assert node.addresses[0] in refused and "--contact-points-only" in refused
        only = "--contact-points-only"
        assert records("head", where, only, **ADMIN) == records("head", local)
        done("verify", where, only, **ADMIN)


def test_a_data_centre_that_is_not_there(dataset: str) -> None:
    refused = error("head", dataset, "--local-dc", "nowhere", code=2, **ADMIN)
    assert "--local-dc" in refused and "datacenter1" in refused


def test_create_keyspace_of_one_that_is_there_needs_no_right_to_make_any(node: Running) -> None:
    node.make_role("errors_writer", "writer", ["CREATE ON KEYSPACE errors", "SELECT ON KEYSPACE errors", "MODIFY ON KEYSPACE errors"])
    done("ingest", DIGITS, url(node, "errors/made"), *TENSORS, "--create-keyspace", **login("errors_writer", "writer"))


def test_contact_points_only_stays_on_the_hosts_that_are_named(node: Running, dataset: str, local: str) -> None:
    address = node.addresses[0].rpartition(".")[0] + ".99"
    with peer(node, address):
        only = "--contact-points-only"
        assert records("head", dataset, only, **ADMIN) == records("head", local)
        done("verify", dataset, only, **ADMIN)
        assert records("train", dataset, *TRAIN, only, **ADMIN)[:-1] == records("train", local, *TRAIN)[:-1]
        copied = url(node, "errors/contact_points")
        done("ingest", DIGITS, copied, *TENSORS, *SMALL, only, **ADMIN)
        done("verify", copied, RINGFEED_CONTACT_POINTS_ONLY="1", **ADMIN)
