"""Clients whose clocks are an hour off: what is stored is the same, and who lost a claim is still refused. (libfaketime shifts the clock of
the program alone.)"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import program
import pytest
from program import DIGITS, TENSORS, done, login, records
from running import Running, eventually

pytestmark = pytest.mark.cassandra
ADMIN = login("cassandra", "cassandra")
INGEST = (*TENSORS, "--chunk-bytes", "16KiB")
OFFSETS = ("+1h", "-1h")


def clock(offset: str) -> dict[str, str]:
    """Variables for a program whose clock is off; timers go on as they are."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    assert library is not None, "libfaketime is missing: run tools/setup.sh cassandra"
    return ADMIN | {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture(scope="module")
def keyspace(one_node: Running) -> str:
    eventually(lambda: one_node.session().execute(
        "CREATE KEYSPACE IF NOT EXISTS clocks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"))
    return f"cassandra://{one_node.addresses[0]}/clocks"


def test_the_clock_is_off() -> None:
    """Else the others would show nothing."""
    for offset, seconds in (("+1h", 3600), ("-1h", -3600)):
        shown = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True, env=program.environment(clock(offset)))
        assert abs(int(shown.stdout) - time.time() - seconds) < 60


def test_the_same_is_stored(one_node: Running, keyspace: str) -> None:
    session = one_node.session()

    def stored(name: str) -> tuple[object, ...]:
        chunks = session.execute(f"SELECT claim, number, hash, data FROM clocks.{name}_chunks")
        manifest = session.execute(f"SELECT piece, text FROM clocks.ringfeed_manifests WHERE name = '{name}' AND version = 1")
        return sorted(tuple(row) for row in chunks), [tuple(row) for row in manifest]

    done("ingest", DIGITS, f"{keyspace}/right", *INGEST, **ADMIN)
    for name, offset in zip(("ahead", "behind"), OFFSETS, strict=True):
        where = f"{keyspace}/{name}"
        done("ingest", DIGITS, where, *INGEST, **clock(offset))
        assert stored(name) == stored("right")
        done("verify", where, **clock(offset))
        # Whoever is next, at whatever time, changes what the other made.
        session.execute(f"DELETE FROM clocks.{name}_chunks WHERE claim = 1 AND number = 3")
        assert not records("ingest", DIGITS, where, *INGEST, **clock(OFFSETS[name == "ahead"]))[-1]["unchanged"]
        assert stored(name) == stored("right")
        done("delete", where, "--yes", **ADMIN)
        assert stored(name) == ([], [])


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_writer_that_lost_its_claim_is_refused_whatever_its_clock_says(one_node: Running, keyspace: str, offset: str) -> None:
    name = f"claimed_{'ahead' if offset[0] == '+' else 'behind'}"
    where = f"{keyspace}/{name}"
    first = subprocess.Popen([program.BUILD / "bin/ringfeed", "ingest", DIGITS, where, *INGEST, "--max-bytes-per-second", "60KiB"],
                             env=program.environment(clock(offset)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        one_node.wait_for_row(f"clocks.{name}_chunks")
        second = program.run("ingest", DIGITS, where, *INGEST, **ADMIN)
        assert second.returncode == 1 and "is being written by" in second.stderr, second.stderr
        first.send_signal(signal.SIGSTOP)
        end = time.monotonic() + program.DEADLINE_SECONDS
        while program.run("ingest", DIGITS, where, *INGEST, **ADMIN).returncode != 0:
            assert time.monotonic() < end
            time.sleep(1)
        first.send_signal(signal.SIGCONT)
        words = first.communicate(timeout=program.DEADLINE_SECONDS)[1]
        assert first.returncode == 1 and "claim" in words, words
    finally:
        first.kill()
        first.wait()
    done("verify", where, **ADMIN)
    assert records("inspect", where, **ADMIN)[-1]["splits"]["train"]["samples"] == 1438
