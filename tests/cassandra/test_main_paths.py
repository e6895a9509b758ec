"""The main paths on whichever version of the server is under test (`make test-engines` runs these tests on several), and by roles that may
do just what docs/cassandra.md says a command needs."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import program
import pytest
from program import DIGITS, TENSORS, done, error, login, records
from running import Running, eventually

pytestmark = pytest.mark.cassandra
SAMPLES = {"train": 1438, "val": 359}
TRAIN = ("--input", "image", "--target", "label", "--batch-size", "64", "--threads", "1", "--quiet")


@pytest.fixture(scope="module")
def keyspace(one_node: Running) -> str:
    eventually(lambda: one_node.session().execute(
        "CREATE KEYSPACE IF NOT EXISTS paths WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"))
    return f"cassandra://{one_node.addresses[0]}/paths"


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return login("cassandra", "cassandra") | {"RINGFEED_INDEX": str(tmp_path / "index")}


def losses(where: str, user: dict[str, str], *, epochs: int = 2) -> list[float]:
    return records("train", where, *TRAIN, "--epochs", str(epochs), **user)[-1]["losses"]


def start(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """The program, to be killed while it works."""
    return subprocess.Popen([program.BUILD / "bin/ringfeed", *arguments], env=program.environment(variables), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it had ended before"


def test_packed(keyspace: str, user: dict[str, str], tmp_path: Path) -> None:
    where, local = f"{keyspace}/packed", str(tmp_path / "local.ring")
    ingest = ("--chunk-bytes", "16KiB", *TENSORS)
    done("ingest", DIGITS, where, *ingest, **user)
    done("ingest", DIGITS, local, *ingest)
    assert records("ingest", DIGITS, where, *ingest, **user)[-1]["unchanged"]
    assert {name: split["samples"] for name, split in records("inspect", where, **user)[-1]["splits"].items()} == SAMPLES
    assert records("head", where, **user) == records("head", local)
    assert losses(where, user) == losses(local, user)
    done("diff", where, local, **user)
    done("verify", where, **user)
    assert where in records("list", keyspace, **user)[-1]["datasets"]
    done("delete", where, "--yes", **user)
    error("inspect", where, code=2, **user)


def test_rows(keyspace: str, user: dict[str, str], tmp_path: Path) -> None:
    where, packed = f"{keyspace}/rows", str(tmp_path / "packed.ring")
    done("ingest", DIGITS, where, *TENSORS, "--layout", "rows", **user)
    assert {name: split["samples"] for name, split in records("inspect", where, **user)[-1]["splits"].items()} == SAMPLES
    done("copy", where, packed, **user)
    assert records("head", where, "-n", "2000", **user) == records("head", packed, "-n", "2000")
    done("verify", where, **user)
    done("check", where, **user)
    done("diff", where, packed, **user)
    done("export", where, str(tmp_path / "out"), "--format", "parquet", **user)
    done("ingest", str(tmp_path / "out/val.parquet"), str(tmp_path / "val.ring"))
    done("diff", f"{where}?split=val", f"{tmp_path / 'val.ring'}?split=train", **user)
    assert len(losses(where, user)) == 2
    done("delete", where, "--yes", **user)


def test_a_table_of_the_user(one_node: Running, keyspace: str, user: dict[str, str]) -> None:
    session = one_node.session()
    session.execute("CREATE TABLE paths.hand (k int, c int, x list<float>, y float, PRIMARY KEY (k, c))")
    insert = session.prepare("INSERT INTO paths.hand (k, c, x, y) VALUES (?, ?, ?, ?)")
    for number in range(300):
        session.execute(insert, (number % 7, number, [number, 1.0], number))
    where = f"{keyspace}/hand"
    done("attach", where, "--tensor", "x=x:2:float32", **user)
    done("verify", where, **user)
    seen = [line["sample"] for line in records("head", where, "-n", "300", **user)[:-1]]
    assert sorted(line["y"] for line in seen) == list(range(300)) and all(line["x"] == [line["y"], 1.0] for line in seen)


def test_an_ingest_that_was_killed_goes_on(one_node: Running, keyspace: str, user: dict[str, str]) -> None:
    where = f"{keyspace}/killed"
    ingest = ("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "4KiB", "--max-bytes-per-second", "100KiB")
    process = start(*ingest, **user)
    one_node.wait_for_row("paths.killed_chunks")
    kill(process)
    error("inspect", where, code=2, **user)
    end = time.monotonic() + program.DEADLINE_SECONDS
    while program.run(*ingest, **user).returncode != 0:  # the claim of the killed one is held for a while
        assert time.monotonic() < end
        time.sleep(1)
    done("verify", where, **user)
    assert len(records("head", f"{where}?split=train", "-n", "2000", **user)) == SAMPLES["train"] + 1


def test_a_training_that_was_killed_goes_on(keyspace: str, user: dict[str, str], tmp_path: Path) -> None:
    where, epochs = f"{keyspace}/trained", 20
    done("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "16KiB", **user)
    train = ("train", where, *TRAIN, "--epochs", str(epochs), "--checkpoint-dir", str(tmp_path / "checkpoints"), "--checkpoint-every", "5",
             "--resume", "auto", "--ledger", str(tmp_path / "ledger"))
    process = start(*train, **user)
    end = time.monotonic() + program.DEADLINE_SECONDS
    while not list(tmp_path.glob("checkpoints/checkpoint-*")):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.002)
    kill(process)
    assert records(*train, **user)[-1]["losses"] == losses(where, user, epochs=epochs)
    done("audit", str(tmp_path / "ledger"), where, **user)


# ---- what each command needs ----


@pytest.fixture(scope="module")
def made(one_node: Running, keyspace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Packed data sets, a row table and the index of it, made by the superuser; variables that name the index."""
    user = {"RINGFEED_INDEX": str(tmp_path_factory.mktemp("index"))}
    for name, layout in (("given", "packed"), ("given_away", "packed"), ("given_broken", "packed"), ("given_rows", "rows")):
        done("ingest", DIGITS, f"{keyspace}/{name}", *TENSORS, "--layout", layout, **login("cassandra", "cassandra"), **user)
    return user


ALL, OWN, ROWS = "KEYSPACE paths", "TABLE paths.given_chunks", "TABLE paths.given_rows"
PACKED = ("SELECT ON TABLE paths.ringfeed_datasets", "SELECT ON TABLE paths.ringfeed_manifests", f"SELECT ON {OWN}")
WRITING = (f"CREATE ON {ALL}", f"SELECT ON {ALL}", f"MODIFY ON {ALL}")
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "inspect": (PACKED[:2], ("inspect", "given")),
    "head": (PACKED, ("head", "given")),
    "train": (PACKED, ("train", "given", *TRAIN)),
    "verify": (PACKED, ("verify", "given")),
    "attach": ((f"SELECT ON {ROWS}",), ("attach", "given_rows", "--split-column", "split")),
    "rows_head": ((f"SELECT ON {ROWS}",), ("head", "given_rows")),
    "rows_train": ((f"SELECT ON {ROWS}",), ("train", "given_rows", *TRAIN)),
    "rows_verify": ((f"SELECT ON {ROWS}",), ("verify", "given_rows")),
    "ingest": (WRITING, ("ingest", DIGITS, "new", *TENSORS)),
    "rows_ingest": ((WRITING[0], PACKED[0]), ("ingest", DIGITS, "new_rows", *TENSORS, "--layout", "rows")),
    "delete": ((f"SELECT ON {ALL}", f"MODIFY ON {ALL}"), ("delete", "given_away", "--yes")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_role_with_just_the_permissions_that_are_documented(one_node: Running, keyspace: str, made: dict[str, str], name: str) -> None:
    grants, words = COMMANDS[name]
    command = [f"{keyspace}/{word}" if word.startswith(("given", "new")) else word for word in words]
    for number in range(len(grants)):  # each of them is needed
        role = f"paths_{name}_without_{number}"
        one_node.make_role(role, "role", grants[:number] + grants[number + 1:])
        assert "GRANT" in error(*command, code=5, **login(role, "role"), **made), grants[number]
    one_node.make_role(f"paths_{name}", "role", grants)
    done(*command, **login(f"paths_{name}", "role"), **made)


def test_a_repair_needs_modify_too(one_node: Running, keyspace: str, made: dict[str, str]) -> None:
    one_node.session().execute("UPDATE paths.given_broken_chunks SET data = 0x00 WHERE claim = 1 AND number = 0")
    grants = (*PACKED[:2], "SELECT ON TABLE paths.given_broken_chunks", "MODIFY ON TABLE paths.given_broken_chunks")
    repair = ("verify", f"{keyspace}/given_broken", "--repair")
    one_node.make_role("paths_verifier", "role", grants[:3])
    assert "no MODIFY permission" in error(*repair, code=5, **login("paths_verifier", "role"), **made)
    one_node.make_role("paths_repairer", "role", grants)
    assert "ingest again" in error(*repair, code=3, **login("paths_repairer", "role"), **made)
