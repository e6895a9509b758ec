"""Limits that managed clusters set: what a smaller or plainer request passes is done, of what cannot pass the error names the way out.

The nodes are of this file alone. Guardrails do not hold for superusers, so the program is an ordinary role.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy
import pytest
from program import DEADLINE_SECONDS, DIGITS, TENSORS, done, error, login, records, ringfeed, run
from running import Running, cluster, eventually

pytestmark = [pytest.mark.cassandra, pytest.mark.engines]
ROWS = 2500  # in pages of the guardrail three
GUARDRAILS = {
    "page_size_fail_threshold": 1024,
    "uncompressed_tables_enabled": False,
    "table_properties_disallowed": ["id", "comment", "caching", "compaction"],
    "read_consistency_levels_disallowed": ["LOCAL_ONE", "ONE"],
    "allow_filtering_enabled": False,
    "alter_table_enabled": False,
    "drop_truncate_table_enabled": False,
    "user_timestamps_enabled": False,
    "group_by_enabled": False,
}
LIMITS = {
    "native_transport_max_concurrent_connections_per_ip": 8,
    "commitlog_segment_size": "2MiB",
    "native_transport_max_frame_size": "1MiB",
    "max_mutation_size": "256KiB",
    "column_value_size_fail_threshold": "400KiB",
    "tombstone_failure_threshold": 2000,
    "read_thresholds_enabled": True,
    "coordinator_read_size_fail_threshold": "600KiB",
    "vector_dimensions_fail_threshold": 32,
}


@contextmanager
def limited(settings: dict[str, object]) -> Iterator[Running]:
    with cluster.temporary_folder() as folder:
        node = Running(folder, 1, settings=settings)
        try:
            session = node.session()
            eventually(lambda: session.execute(
                "CREATE KEYSPACE limits WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"))
            node.make_role("limited", "limited", ["ALL ON KEYSPACE limits"])
            yield node
        finally:
            node.close()


@pytest.fixture(scope="module")
def guarded(ended_in_order: None) -> Iterator[Running]:
    with limited(GUARDRAILS) as node:
        yield node


@pytest.fixture(scope="module")
def small(ended_in_order: None) -> Iterator[Running]:
    with limited(LIMITS) as node:
        yield node


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return login("limited", "limited") | {"RINGFEED_INDEX": str(tmp_path / "index")}


def url(node: Running, name: str) -> str:
    return f"cassandra://{node.addresses[0]}/limits/{name}"


@pytest.fixture
def at_quorum(user: dict[str, str]) -> dict[str, str]:
    return user | {"RINGFEED_READ_CONSISTENCY": "LOCAL_QUORUM"}


def fill(node: Running, table: str, rows: int, columns: str, value: object) -> None:
    """A table of one long partition."""
    from cassandra.concurrent import execute_concurrent_with_args

    session = node.session()
    session.execute(f"CREATE TABLE limits.{table} (p int, c int, {columns}, PRIMARY KEY (p, c))")
    insert = session.prepare(f"INSERT INTO limits.{table} (p, c, x) VALUES (0, ?, ?)")
    execute_concurrent_with_args(session, insert, [(number, value) for number in range(rows)])


# ---- guardrails ----


def test_a_level_that_is_not_allowed_is_named_with_its_option(guarded: Running, user: dict[str, str]) -> None:
    for command in (("list", f"cassandra://{guarded.addresses[0]}/limits"), ("head", url(guarded, "any")),
                    ("attach", url(guarded, "any")), ("ingest", DIGITS, url(guarded, "any"), *TENSORS)):
        refused = error(*command, code=2, **user)
        assert "LOCAL_ONE" in refused and refused.endswith("name another one with --read-consistency")


def test_packed_data_sets_get_over_the_guardrails(guarded: Running, at_quorum: dict[str, str]) -> None:
    where = url(guarded, "packed")
    ingest = ("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "16KiB")
    assert not records(*ingest, **at_quorum)[-1]["unchanged"]
    assert records(*ingest, **at_quorum)[-1]["unchanged"]
    table = guarded.session().execute("SELECT compression FROM system_schema.tables WHERE keyspace_name = 'limits' "
                                      "AND table_name = 'packed_chunks'").one()
    assert "class" in table.compression  # it may not be without
    assert records("list", where.rpartition("/")[0], **at_quorum)[-1] == {"datasets": [where]}
    for command in ("verify", "inspect", "head"):
        done(command, where, **at_quorum)
    trained = records("train", where, "--input", "image", "--target", "label", "--nproc", "2", "--quiet", **at_quorum)
    assert trained[-1]["world_size"] == 2
    done("delete", where, "--yes", **at_quorum)


def test_row_tables_get_over_the_guardrails(guarded: Running, at_quorum: dict[str, str]) -> None:
    made = url(guarded, "rows")
    refused = error("ingest", DIGITS, made, *TENSORS, "--layout", "rows", code=2, **at_quorum)
    assert "ALLOW FILTERING" in refused and refused.endswith("or give each split a table of its own")
    assert guarded.session().execute("SELECT * FROM limits.rows LIMIT 1").one() is None
    guarded.session().execute("DROP TABLE limits.rows")
    done("ingest", DIGITS, made, *TENSORS[:-2], "--layout", "rows", **at_quorum)
    fill(guarded, "long", ROWS, "x float", 1.0)
    done("attach", url(guarded, "long"), **at_quorum)
    for where, samples in ((made, 1797), (url(guarded, "long"), ROWS)):
        done("verify", where, **at_quorum)
        assert len(records("head", where, "-n", "9999", **at_quorum)) == samples + 1
        done("delete", where, "--yes", **at_quorum)


def test_pages_that_are_too_short_for_the_driver_are_named(ended_in_order: None, user: dict[str, str]) -> None:
    with limited({"page_size_fail_threshold": 1000}) as node:
        refused = error("list", f"cassandra://{node.addresses[0]}/limits", code=4, **user)
        assert "page_size_fail_threshold of the server has to be that or more" in refused


def test_a_data_set_that_is_deleted_and_made_again_leaves_few_deletions_to_be_read(ended_in_order: None) -> None:
    """A round leaves less than two in any partition that is read: with the server's own threshold, 1000, none is told of in 500 rounds."""
    rounds = 12
    threshold = 2 * rounds
    samples = {"x": numpy.zeros((64, 64), numpy.float32)}  # four chunks
    with limited({"tombstone_warn_threshold": threshold}) as node:
        where, user = url(node, "again"), {"username": "limited", "password": "limited", "connections_per_host": 1}
        for _ in range(rounds):
            ringfeed.write(where, samples, chunk_bytes=4096, **user)
            assert len(ringfeed.open(where, **user)[0:64]["x"]) == 64
            ringfeed.delete(where, **user)
        told = "tombstone cells for query"
        log = node.folder / "nodes/1/log/system.log"
        assert not [line for line in log.read_text().splitlines() if told in line and "limits." in line]
        fill(node, "deleted", threshold + 1, "x float", 1.0)
        for number in range(threshold + 1):
            node.session().execute("DELETE FROM limits.deleted WHERE p = 0 AND c = %s", (number,))
        node.session().execute("SELECT * FROM limits.deleted")
        eventually_told(log, told)


def eventually_told(log: Path, words: str) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not any(words in line and "limits.deleted" in line for line in log.read_text().splitlines()):
        assert time.monotonic() < end, f"{log} does not tell of deletions at all"
        time.sleep(0.1)


def test_all_limits_together(ended_in_order: None, at_quorum: dict[str, str]) -> None:
    with limited(GUARDRAILS | LIMITS) as node:
        packed, rows = url(node, "packed"), url(node, "rows")
        at_quorum |= {"RINGFEED_CONNECTIONS_PER_HOST": "1"}
        done("ingest", DIGITS, packed, *TENSORS, "--chunk-bytes", "64KiB", **at_quorum)
        node.session().execute("CREATE TABLE limits.rows (id uuid PRIMARY KEY, image blob, label bigint)")
        done("ingest", DIGITS, rows, *TENSORS[:-2], "--layout", "rows", **at_quorum)
        assert records("list", packed.rpartition("/")[0], **at_quorum)[-1] == {"datasets": [packed, rows]}
        for where in (packed, rows):
            done("verify", where, **at_quorum)
            assert records("train", where, "--input", "image", "--target", "label", "--nproc", "2", "--quiet", **at_quorum)[-1]["world_size"] == 2
            done("delete", where, "--yes", **at_quorum)


# ---- small limits ----


@pytest.mark.parametrize(("chunk_bytes", "words"), [
    ("2MiB", "Request is too big"), ("280KiB", "oversized mutation"), ("600KiB", "column_value_size")])
def test_of_a_chunk_that_is_too_large_the_option_is_named(small: Running, user: dict[str, str], tmp_path: Path, chunk_bytes: str,
                                                          words: str) -> None:
    numpy.save(tmp_path / "x.npy", numpy.ones((1024, 1024), numpy.float32))
    refused = error("ingest", str(tmp_path / "x.npy"), url(small, "large"), "--chunk-bytes", chunk_bytes, code=2, **user)
    assert words in refused and refused.endswith("make chunks smaller (--chunk-bytes)")


@pytest.mark.parametrize(("chunk_bytes", "fits"), [(252, True), (264, False)])
def test_a_chunk_just_below_a_limit_and_one_just_above_it(small: Running, user: dict[str, str], tmp_path: Path, chunk_bytes: int,
                                                          fits: bool) -> None:
    """Of 256 KiB of a mutation, in which a chunk is not alone."""
    numpy.save(tmp_path / "x.npy", numpy.ones((256, 1024), numpy.float32))
    where = url(small, f"chunks_{chunk_bytes}")
    ingest = ("ingest", str(tmp_path / "x.npy"), where, "--chunk-bytes", f"{chunk_bytes}KiB")
    if fits:
        done(*ingest, **user)
        done("verify", where, **user)
    else:
        refused = error(*ingest, code=2, **user)
        assert "oversized mutation" in refused and refused.endswith("make chunks smaller (--chunk-bytes)")


def test_chunks_below_the_limits(small: Running, user: dict[str, str]) -> None:
    where = url(small, "packed")
    done("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "64KiB", **user)
    done("verify", where, **user)


def test_of_too_many_connections_the_option_is_named(small: Running, user: dict[str, str]) -> None:
    """There are at most 8 of this machine, and the test itself has two."""
    where = url(small, "connections")
    done("ingest", DIGITS, where, *TENSORS, "--chunk-bytes", "64KiB", **user)
    train = ("train", where, "--input", "image", "--target", "label", "--quiet", "--nproc")
    refused = run(*train, "4", **user)
    assert refused.returncode == 4 and "give fewer --connections-per-host" in refused.stderr, refused.stderr
    assert records(*train, "2", "--connections-per-host", "1", **user)[-1]["world_size"] == 2


def test_vectors_that_are_too_long_are_kept_as_bytes_in_a_table_made_by_hand(small: Running, user: dict[str, str]) -> None:
    where = url(small, "vectors")
    ingest = ("ingest", DIGITS, where, *TENSORS[:-2], "--layout", "rows")
    refused = error(*ingest, code=2, **user)
    assert "64 dimensions" in refused and refused.endswith("with a blob where this column is, and ingest into it")
    small.session().execute("CREATE TABLE limits.vectors (id uuid PRIMARY KEY, image blob, label bigint)")
    done(*ingest, **user)
    done("verify", where, **user)


def test_what_cannot_pass_is_not_tried_again(small: Running, user: dict[str, str]) -> None:
    """error() allows 5 s, each with one try."""
    where = url(small, "long")
    fill(small, "long", 4000, "x blob", b"x" * 1000)
    done("attach", where, **user)
    for command in (("verify", where), ("head", where)):
        refused = error(*command, code=4, **user)
        assert "READ_SIZE" in refused and "--block-bytes" in refused
    done("attach", where, "--block-bytes", "128KiB", **user)
    done("verify", where, **user)
    fill(small, "deleted", 2500, "x blob", b"x")
    done("attach", url(small, "deleted"), **user)
    from cassandra.concurrent import execute_concurrent_with_args

    delete = small.session().prepare("DELETE FROM limits.deleted WHERE p = 0 AND c = ?")
    execute_concurrent_with_args(small.session(), delete, [(number,) for number in range(2400)])
    for command in ("verify", "head", "attach"):
        refused = error(command, url(small, "deleted"), code=4, **user)
        assert "READ_TOO_MANY_TOMBSTONES" in refused and "nodetool compact" in refused
