"""ringfeed tune against a real node: its link and connections are measured, and a node that dies ends it."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from program import BUILD, DEADLINE_SECONDS, DIGITS, TENSORS, done, environment, error, login, records
from running import Running

pytestmark = pytest.mark.cassandra
LOGIN = login("cassandra", "cassandra")
RUN = ("--input", "image", "--target", "label", "--hidden", "16", "--batch-size", "32", "--quiet")


@pytest.fixture
def url(one_node: Running) -> str:
    url = f"cassandra://{one_node.addresses[0]}/tuning/digits"
    done("ingest", DIGITS, url, *TENSORS, "--chunk-bytes", "16KiB", "--create-keyspace", "--replication", "simple:1", **LOGIN)
    return url


def test_it_measures_link_and_connections_and_writes_what_train_reads(one_node: Running, url: str, tmp_path: Path) -> None:
    tables = one_node.session().execute("SELECT count(*) AS n FROM system_schema.tables").one().n
    needed = error("tune", url, *RUN, "--seconds", "1", code=2, **LOGIN).split()[-2]
    output = tmp_path / "tuned.toml"
    tuned = records("tune", url, *RUN, "--seconds", needed, "--connections-per-host", "3", "--output", str(output), **LOGIN)[-1]
    assert [store["connections"] for store in tuned["stores"]] == [3, 6, 3]
    bounds = [store["in_flight_bytes"] for store in tuned["stores"]]
    assert bounds[0] == bounds[1] and bounds[2] == 2 * bounds[0]
    assert all(store["bytes_per_second"] > 1e5 for store in tuned["stores"])
    assert 0 < tuned["block_seconds"] < 1  # an answer of a node on this host
    assert tuned["start"]["samples_per_second"] > 0
    options = tomllib.loads(output.read_text())["train"]
    assert options["connections-per-host"] == tuned["chosen"]["changes"].get("connections-per-host", 3)
    done("train", url, "--config", str(output), **LOGIN)
    # No scratch set, and no new version.
    assert one_node.session().execute("SELECT count(*) AS n FROM system_schema.tables").one().n == tables
    assert records("list", url, **LOGIN)[-1] == records("list", url, **LOGIN)[-1]
    assert "version 1" in done("inspect", url, **LOGIN)


def test_a_node_that_dies_meanwhile_ends_it_with_one_line(one_node: Running, url: str, tmp_path: Path) -> None:
    output = tmp_path / "tuned.toml"
    process = subprocess.Popen([BUILD / "bin/ringfeed", "tune", url, *RUN[:-1], "--output", str(output)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment(LOGIN))
    try:
        assert process.stderr
        for line in process.stderr:
            if "the store alone" in line:
                break
        one_node.kill(1)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        one_node.heal()
    assert process.returncode == 4 and out == "", err
    lines = [line for line in err.splitlines() if not line.startswith("tune: ")]
    assert len(lines) == 1 and lines[0].startswith("ringfeed: "), err
    assert not output.exists()
    assert "version 1" in done("inspect", url, **LOGIN)
    assert json.loads(done("verify", url, "--json", **LOGIN).splitlines()[-1])
