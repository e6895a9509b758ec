"""`ringfeed doctor` on real nodes, with faults that are planted: each is found, told in words, and stops or does not."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from program import BUILD, DEADLINE_SECONDS, DIGITS, TENSORS, done, environment, login, run
from running import Running, eventually

pytestmark = pytest.mark.cassandra
ADMIN = login("cassandra", "cassandra")


@pytest.fixture(scope="module")
def node(one_node: Running) -> Running:
    for name, factor in (("doctor", 1), ("doctor_three", 3)):
        statement = (f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = "
                     f"{{'class': 'SimpleStrategy', 'replication_factor': {factor}}}")
        eventually(lambda statement=statement: one_node.session().execute(statement))
    return one_node


@pytest.fixture(scope="module")
def dataset(node: Running) -> str:
    done("ingest", DIGITS, url(node, "doctor/digits"), *TENSORS, **ADMIN)
    return url(node, "doctor/digits")


def url(node: Running, names: str) -> str:
    return f"cassandra://{node.addresses[0]}/{names}"


def checks(*arguments: str, code: int = 0, **variables: str) -> dict[str, dict[str, str]]:
    """What `doctor` finds, by check."""
    result = run("doctor", *arguments, "--json", **variables)
    assert result.returncode == code, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["ok"] == (code == 0)
    assert all("\n" not in check["value"] + check["remedy"] for check in found["checks"])
    return {check["check"]: check for check in found["checks"]}


def stops(found: dict[str, dict[str, str]]) -> set[str]:
    return {name for name, check in found.items() if check["verdict"] == "stop"}


def test_a_sound_one(node: Running, dataset: str) -> None:
    for purpose in ("read", "train", "ingest"):
        found = checks(dataset, "--for", purpose, **ADMIN)
        assert stops(found) == set()
        assert found["nodes"] == {"check": "nodes", "verdict": "ok", "value": "1 of 1 connected", "remedy": ""}
        version = node.session().execute("SELECT release_version FROM system.local").one().release_version
        assert found["server version"]["value"] == version
        assert abs(float(found["clock"]["value"].split(" is ")[1].split(" s")[0])) < 1
        assert float(found["round trip"]["value"].split(" ms")[0]) > 0
        assert found["compression"]["value"] == "none" and found["tombstones"]["verdict"] == "ok"
        assert found["permissions"]["value"] == "cassandra may do everything"
        assert found["data set"]["value"].startswith("packed, version 1 of 1, 1797 samples")
        assert ("first block" in found) == (purpose != "ingest") and ("memory" in found) == (purpose == "train")


def test_nothing_is_written(node: Running, dataset: str, tmp_path: Path) -> None:
    def everything() -> list[object]:
        session = node.session()
        rows = [sorted(map(str, session.execute(f"SELECT * FROM doctor.{table}"))) for table in ("ringfeed_datasets", "ringfeed_manifests")]
        return [rows, sorted(map(str, session.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'doctor'")))]

    before = everything()
    checks(dataset, "--for", "ingest", "--cache", str(tmp_path / "cache"), "--index", str(tmp_path / "index"), **ADMIN)
    checks(url(node, "doctor/new"), "--for", "ingest", **ADMIN)
    assert everything() == before and list(tmp_path.iterdir()) == []


def test_three_copies_on_one_node(node: Running) -> None:
    where = url(node, "doctor_three/digits")
    found = checks(where, "--for", "ingest", "--read-consistency", "QUORUM", code=1, **ADMIN)
    assert stops(found) == {"opening", "writes", "publishing"}
    assert found["reads"]["value"] == "QUORUM takes 2 of 3 copies, and there is 1 node: they fail" and found["reads"]["verdict"] == "note"
    assert found["replication"]["value"].endswith("; 3 copies on 1 node")
    assert "fewer copies" in found["publishing"]["remedy"]
    # It is as it says.
    assert run("ingest", DIGITS, where, *TENSORS, **ADMIN).returncode == 4


def test_a_role_without_a_permission(node: Running, dataset: str) -> None:
    node.make_role("doctor_reader", "reader", ["SELECT ON doctor.ringfeed_datasets", "SELECT ON doctor.ringfeed_manifests"])
    reader = login("doctor_reader", "reader")
    found = checks(dataset, code=1, **reader)
    assert stops(found) == {"permissions", "first block"}
    assert found["permissions"]["value"] == 'doctor_reader lacks SELECT ON "doctor"."digits_chunks"'
    assert found["tombstones"]["value"].startswith("not known")
    # The remedy is one.
    eventually(lambda: node.session().execute(found["permissions"]["remedy"].rstrip(";")))
    eventually_granted(dataset, reader)
    writes = checks(dataset, "--for", "ingest", code=1, **reader)
    assert stops(writes) == {"permissions"} and writes["permissions"]["value"].count("MODIFY ON") == 3
    new = checks(url(node, "doctor/new"), "--for", "ingest", code=1, **reader)
    assert 'CREATE ON KEYSPACE "doctor"' in new["permissions"]["value"]


def eventually_granted(where: str, user: dict[str, str]) -> None:
    """Nothing stops it any more. (A node keeps what it knows of permissions for a while.)"""
    from cassandra import DriverException

    def look() -> None:
        result = run("doctor", where, "--json", **user)
        if result.returncode != 0:
            raise DriverException(result.stdout)

    eventually(look)


def test_a_role_that_inherits_what_it_needs(node: Running, dataset: str) -> None:
    node.make_role("doctor_readers", "x", ["SELECT ON KEYSPACE doctor"])
    node.make_role("doctor_member", "member")
    eventually(lambda: node.session().execute("GRANT doctor_readers TO doctor_member"))
    eventually_granted(dataset, login("doctor_member", "member"))


def test_a_publish_that_was_left_half_done(node: Running) -> None:
    where = url(node, "doctor/killed")
    arguments = [str(BUILD / "bin/ringfeed"), "ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "8KiB", "--max-bytes-per-second", "64KiB"]
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(ADMIN)) as process:
        def writing() -> dict[str, str]:
            from cassandra import DriverException
            found = checks(where, "--for", "ingest", **ADMIN)
            if "being written" not in found["last publish"]["value"]:
                raise DriverException("not yet")
            return found["last publish"]

        alive = eventually(writing)
        assert alive["verdict"] == "note" and f"process {process.pid} on" in alive["value"]
        process.send_signal(signal.SIGKILL)
    left = checks(where, "--for", "ingest", **ADMIN)["last publish"]
    assert left["verdict"] == "warning" and "version 1 was left half-done" in left["value"] and "same ingest" in left["remedy"]
    done("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "8KiB", **ADMIN)
    assert checks(where, **ADMIN)["last publish"]["verdict"] == "ok"


def test_a_table_with_rows(node: Running, tmp_path: Path) -> None:
    where = url(node, "doctor/rows")
    index = ("--index", str(tmp_path))
    done("ingest", DIGITS, where, *TENSORS, "--layout", "rows", *index, **ADMIN)
    found = checks(where, *index, **ADMIN)
    assert stops(found) == set() and found["data set"]["value"].startswith("row table, version 1 of 1, 1797 samples")
    assert "opening" not in found and found["compression"]["value"] == "LZ4Compressor" and found["index folder"]["verdict"] == "ok"
    missing = checks(where, "--index", str(tmp_path / "other"), code=1, **ADMIN)
    assert "ringfeed attach" in missing["data set"]["value"]


def test_folders_and_limits_of_this_host(dataset: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = checks(dataset, "--cache", str(tmp_path / "file/cache"), "--prefetch-bytes", "1000TiB", "--nproc", "8", code=1, **ADMIN)
    assert stops(found) == {"memory"} and "--prefetch-bytes" in found["memory"]["remedy"]
    assert found["cache"]["verdict"] == "warning" and "--cache" in found["cache"]["remedy"]
    assert checks(dataset, "--cache", str(tmp_path / "cache"), **ADMIN)["cache"]["verdict"] == "ok"
    few = subprocess.run([str(BUILD / "bin/ringfeed"), "doctor", dataset, "--json"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         timeout=DEADLINE_SECONDS, env=environment(ADMIN),
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)))
    assert few.returncode == 1, few.stdout + few.stderr
    limit = next(check for check in json.loads(few.stdout)["checks"] if check["check"] == "file limit")
    assert limit["verdict"] == "stop" and "ulimit -n" in limit["remedy"]


def test_what_is_not_there(node: Running) -> None:
    assert stops(checks(url(node, "doctor_missing/x"), code=1, **ADMIN)) == {"replication", "data set"}
    assert stops(checks(url(node, "doctor/missing"), code=1, **ADMIN)) == {"data set"}
    assert stops(checks(url(node, "doctor/missing"), "--for", "ingest", **ADMIN)) == set()


def test_no_connection_is_a_report_too_and_has_no_secret(node: Running, dataset: str) -> None:
    refused = checks(dataset, code=1, **login("cassandra", "s3cret"))
    assert stops(refused) == {"connection"} and "password are incorrect" in refused["connection"]["value"]
    assert "s3cret" not in json.dumps(refused) and "memory" in refused
    nobody = checks(f"cassandra://{node.addresses[0]}:1/doctor/digits", code=1, **ADMIN)
    assert stops(nobody) == {"connection"} and "start the nodes" in nobody["connection"]["remedy"]


def test_the_text_is_a_table(dataset: str) -> None:
    result = run("doctor", dataset, **ADMIN)
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and lines[-1] == "nothing stops a run"
    column = lines[0].index("server version") + len("server version") + 2
    assert all(line[:7].strip() in ("ok", "note", "warning", "") and line[column - 2:column] == "  " for line in lines[:-1])
