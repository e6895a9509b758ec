"""The commands on data sets in Cassandra: create, copy, list, delete, throttle."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from running import Running

pytestmark = pytest.mark.cassandra
ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev")
DIGITS = str(ROOT / "data/digits/digits.csv")
TENSORS = ("--tensor", "image=f0..f63:8x8:float32", "--tensor", "label=f64::int64", "--split", "train=0.8,val=0.2")
LOGIN = {"RINGFEED_USER": "cassandra", "RINGFEED_PASSWORD": "cassandra"}


def ringfeed(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([BUILD / "bin/ringfeed", *arguments], capture_output=True, text=True, timeout=120,
                            stdin=subprocess.DEVNULL, env=dict(os.environ, **LOGIN))
    assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def summary(*arguments: str) -> dict:
    return json.loads(ringfeed(*arguments, "--json").stdout.splitlines()[-1])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_create_copy_list_and_delete(one_node: Running, tmp_path: Path) -> None:
    keyspace = f"cassandra://{one_node.addresses[0]}/program"
    local = str(tmp_path / "digits.ring")
    ringfeed("ingest", DIGITS, local, *TENSORS, "--chunk-bytes", "16KiB")
    missing = ringfeed("ingest", DIGITS, f"{keyspace}/digits", *TENSORS, code=2).stderr
    assert 'CREATE KEYSPACE "program" WITH replication' in missing and "--create-keyspace" in missing
    made = summary("ingest", DIGITS, f"{keyspace}/digits", *TENSORS, "--chunk-bytes", "16KiB", "--create-keyspace",
                   "--replication", "simple:1")
    assert made["version"] == 1 and not made["unchanged"]
    replication = one_node.session().execute(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'program'").one().replication
    assert replication["class"].endswith("SimpleStrategy") and replication["replication_factor"] == "1"

    # To Cassandra and back: byte for byte what ingest itself makes.
    copied = summary("copy", local, f"{keyspace}/copied")
    assert copied["splits"] == made["splits"]
    assert summary("copy", local, f"{keyspace}/copied")["unchanged"]
    back = str(tmp_path / "back.ring")
    ringfeed("copy", f"{keyspace}/copied", back)
    assert files(Path(back)) == files(Path(local))
    ringfeed("verify", f"{keyspace}/copied")
    # The copy is what an ingest of the same source would have made.
    assert summary("ingest", DIGITS, f"{keyspace}/copied", *TENSORS, "--chunk-bytes", "16KiB")["unchanged"]

    listed = summary("list", keyspace)
    assert listed == {"datasets": [f"{keyspace}/copied", f"{keyspace}/digits"]}

    refused = ringfeed("delete", f"{keyspace}/copied", code=2).stderr
    assert "--yes" in refused
    assert summary("list", keyspace) == listed
    assert summary("delete", f"{keyspace}/copied", "--yes") == {"url": f"{keyspace}/copied", "deleted": [1]}
    assert summary("list", keyspace) == {"datasets": [f"{keyspace}/digits"]}
    assert one_node.session().execute("SELECT count(*) FROM program.copied_chunks").one().count == 0
    gone = ringfeed("inspect", f"{keyspace}/copied", code=2).stderr
    assert f"{keyspace}/copied" in gone
    ringfeed("verify", f"{keyspace}/digits")


def test_list_goes_on_behind_what_cannot_be_opened(one_node: Running, tmp_path: Path) -> None:
    keyspace = f"cassandra://{one_node.addresses[0]}/listed"
    index = ("--index", str(tmp_path / "index"))
    for name in ("a_lost", "b_packed"):
        ringfeed("ingest", DIGITS, f"{keyspace}/{name}", *TENSORS, "--create-keyspace", "--replication", "simple:1")
    for name in ("c_made_anew", "d_rows"):
        ringfeed("ingest", DIGITS, f"{keyspace}/{name}", *TENSORS, "--layout", "rows", *index)
    session = one_node.session()
    session.execute("DELETE FROM listed.ringfeed_manifests WHERE name = 'a_lost' AND version = 1")
    session.execute("DROP TABLE listed.c_made_anew")
    session.execute("CREATE TABLE listed.c_made_anew (id uuid PRIMARY KEY)")
    lines = [json.loads(line) for line in ringfeed("list", keyspace, *index, "--json").stdout.splitlines()]
    assert [line["url"].rpartition("/")[2] for line in lines[:-1]] == ["a_lost", "b_packed", "c_made_anew", "d_rows"]
    assert ["error" in line for line in lines[:-1]] == [True, False, True, False]
    assert [line.get("samples") for line in lines[:-1]] == [None, 1797, None, 1797]
    assert len(lines[-1]["datasets"]) == 4
    shown = ringfeed("list", keyspace, *index).stdout.splitlines()
    assert "cannot be opened" in shown[0] and "manifest" in shown[0] and "cannot be opened" in shown[2]

    one_node.make_role("listed_rows", "rows", ["SELECT ON TABLE listed.d_rows"])
    seen = subprocess.run([BUILD / "bin/ringfeed", "list", keyspace, *index, "--json"], capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, RINGFEED_USER="listed_rows", RINGFEED_PASSWORD="rows"))
    assert seen.returncode == 0, seen.stderr
    assert {"url": f"{keyspace}/d_rows", "version": 1, "samples": 1797} in [json.loads(line) for line in seen.stdout.splitlines()]


def test_a_removal_that_was_cut_off_goes_on(one_node: Running, tmp_path: Path) -> None:
    keyspace = f"cassandra://{one_node.addresses[0]}/removal"
    ringfeed("ingest", DIGITS, f"{keyspace}/digits", *TENSORS, "--create-keyspace", "--replication", "simple:1")
    session = one_node.session()
    cut = session.execute("UPDATE removal.ringfeed_datasets SET state = 'deleting' WHERE name = 'digits' AND version = 1 "
                          "IF state = 'published'")
    assert cut.one().applied
    assert "no data set" in ringfeed("inspect", f"{keyspace}/digits", code=2).stderr
    assert summary("delete", f"{keyspace}/digits", "--yes")["deleted"] == [1]
    assert session.execute("SELECT count(*) FROM removal.digits_chunks").one().count == 0
    assert "no data set" in ringfeed("delete", f"{keyspace}/digits", "--yes", code=2).stderr

    local = tmp_path / "digits.ring"
    ringfeed("ingest", DIGITS, str(local), *TENSORS)
    (local / ".ingest").mkdir(exist_ok=True)
    (local / "versions/1.json").rename(local / ".ingest/removed-1.json")
    assert summary("delete", str(local), "--yes")["deleted"] == [1]
    assert files(local) == {}


def test_local_data_sets_are_deleted_too(tmp_path: Path) -> None:
    local = tmp_path / "digits.ring"
    ringfeed("ingest", DIGITS, str(local), *TENSORS)
    ringfeed("delete", str(local), "--yes")
    assert files(local) == {}
    assert "no data set" in ringfeed("inspect", str(local), code=2).stderr


def test_ingest_keeps_to_its_rate(one_node: Running) -> None:
    url = f"cassandra://{one_node.addresses[0]}/rate/digits"
    start = time.monotonic()
    made = summary("ingest", DIGITS, url, *TENSORS, "--chunk-bytes", "16KiB", "--max-bytes-per-second", "200KiB",
                   "--create-keyspace", "--replication", "1")
    seconds = time.monotonic() - start
    total = sum(split["bytes"] for split in made["splits"].values())
    assert seconds > 0.9 * (total - (16 << 10)) / (200 << 10)


@pytest.mark.parametrize("replication", ["0", "simple:", "simple:x", "dc1", "dc1:3,", ":3", "dc'1:3", "101"])
def test_replication_that_is_none_is_refused(one_node: Running, replication: str) -> None:
    refused = ringfeed("ingest", DIGITS, f"cassandra://{one_node.addresses[0]}/none/digits", *TENSORS, "--create-keyspace",
                       "--replication", replication, code=2).stderr
    assert "is no replication" in refused
