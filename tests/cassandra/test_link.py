"""The way to the server fails: cut at each frame of each exchange, or bits changed on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy
import pytest
from link import ANSWER, HEADER, Link, OnFrame
from program import ringfeed
from running import Running, eventually

pytestmark = pytest.mark.cassandra
SAMPLES = 200
LOGIN = {"username": "cassandra", "password": "cassandra", "contact_points_only": True, "connections_per_host": 1,
         "request_timeout_ms": 2000, "connect_timeout_ms": 2000}
QUERY, RESULT, PREPARE, EXECUTE = 0x07, 0x08, 0x09, 0x0A
RELEASE_SECONDS_MAX = 20


@pytest.fixture(scope="module")
def link(one_node: Running) -> Iterator[Link]:
    eventually(lambda: one_node.session().execute(
        "CREATE KEYSPACE IF NOT EXISTS link WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"))
    link = Link(one_node.addresses[0])
    yield link
    link.close()


def samples(first: int = 0) -> dict[str, numpy.ndarray]:
    ids = first + numpy.arange(SAMPLES, dtype=numpy.int64)
    return {"id": ids, "data": numpy.repeat(ids.astype(numpy.float32)[:, None], 16, axis=1)}


def resources() -> tuple[int, int]:
    """Threads and descriptors of this process."""
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


class Exchanges:
    """What is done with a data set. Each write has other samples, so that all of it is written."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.first = 0

    def write(self) -> None:
        ringfeed.write(self.url, samples(self.first), overwrite=True, chunk_bytes=4096, **LOGIN)

    def read(self) -> None:
        batch = ringfeed.open(self.url, **LOGIN)[0:SAMPLES]
        assert sorted(batch["id"].tolist()) == list(range(self.first, self.first + SAMPLES))
        assert (batch["data"] == batch["id"][:, None]).all()

    def verify(self) -> None:
        ringfeed.verify(self.url, **LOGIN)

    def list(self) -> None:
        assert self.url in ringfeed.list(self.url.rpartition("/")[0], **LOGIN)

    def delete(self) -> None:
        ringfeed.delete(self.url, **LOGIN)


class Steps:
    """Tells the steps of exchanges apart: a kind of frame, of a request with its statement, of an answer with what was asked."""

    def __init__(self) -> None:
        self.statements: dict[bytes, bytes] = {}  # by the id of what was prepared
        self.asked: dict[tuple[int, int], tuple[int, bytes]] = {}  # by connection and stream
        self.cut: set[tuple[bool, int, int, bytes]] = set()

    def of(self, connection: int, frame: bytes) -> tuple[bool, int, int, bytes]:
        version, _, stream, opcode, _ = HEADER.unpack_from(frame)
        body = frame[HEADER.size:]
        if version & ANSWER:
            request, statement = self.asked.get((connection, stream), (0, b""))
            if request == PREPARE and opcode == RESULT:
                self.statements[body[6:6 + int.from_bytes(body[4:6], "big")]] = statement
            return True, opcode, request, statement
        statement = b""
        if opcode in (QUERY, PREPARE):
            statement = body[4:4 + int.from_bytes(body[:4], "big")]
        elif opcode == EXECUTE:
            statement = self.statements.get(body[2:2 + int.from_bytes(body[:2], "big")], b"")
        self.asked[connection, stream] = opcode, statement
        return False, opcode, opcode, statement

    def cut_at_new(self, connection: int, frame: bytes) -> bytes:
        """In turn before the frame, and in its middle."""
        step = self.of(connection, frame)
        if step in self.cut:
            return frame
        self.cut.add(step)
        return frame[:len(frame) // 2 if len(self.cut) % 2 else 0]


def test_a_link_that_is_cut_at_each_step(link: Link) -> None:
    """An exchange ends as if nothing had been, or with an error of its own class; done again it is whole; nothing stays behind.

    Each step (Steps) is cut when it is seen first, until an exchange has no new one.
    """
    exchanges = Exchanges(f"cassandra://{link.address}/link/cut")
    exchanges.write()  # tables are made
    before = resources()
    steps = Steps()
    for do in (exchanges.list, exchanges.write, exchanges.read, exchanges.verify, exchanges.delete):
        cut = -1
        while len(steps.cut) > cut:
            cut = len(steps.cut)
            if do == exchanges.write:
                exchanges.first += SAMPLES
            try:
                with link.changing(steps.cut_at_new):
                    do()
            except (ringfeed.UnavailableError, ringfeed.DeadlineError):
                with suppress(ringfeed.NotFoundError) if do == exchanges.delete else nullcontext():
                    do()
            if do == exchanges.delete:
                exchanges.write()
    exchanges.read()
    statements = b"\n".join({statement for _, _, _, statement in steps.cut})
    for words in (b"SELECT hash, data FROM", b"INSERT INTO \"link\".\"cut_chunks\"", b"INSERT INTO \"link\".ringfeed_manifests",
                  b"state = 'published'", b"state = 'deleted'"):
        assert words in statements, statements
    end = time.monotonic() + RELEASE_SECONDS_MAX
    while any(now > then for now, then in zip(resources(), before, strict=True)):
        assert time.monotonic() < end, f"threads and descriptors: {resources()}, {before} before"
        time.sleep(0.1)


def flipping(least: int) -> OnFrame:
    """Flips one bit in the last value of the first answer that is as long as this."""
    flipped = False

    def on_frame(_: int, frame: bytes) -> bytes:
        nonlocal flipped
        version, _, _, opcode, length = HEADER.unpack_from(frame)
        if flipped or not version & ANSWER or opcode != RESULT or length < least:
            return frame
        flipped = True
        return frame[:-2] + bytes([frame[-2] ^ 1]) + frame[-1:]

    return on_frame


def test_a_bit_that_flips_on_the_way_is_found_by_the_hash_of_a_chunk(link: Link) -> None:
    url = f"cassandra://{link.address}/link/flipped"
    ringfeed.write(url, samples(), chunk_bytes=4096, **LOGIN)
    data = ringfeed.open(url, **LOGIN)
    with link.changing(flipping(4096)), pytest.warns(UserWarning, match="is damaged"):
        batch = data[0:SAMPLES]
    assert (batch["data"] == batch["id"][:, None]).all()


@pytest.mark.parametrize("digest", ["keys", "values"])
def test_a_bit_that_flips_on_the_way_of_a_row_is_found_by_a_digest_of_values(link: Link, one_node: Running, tmp_path: Path, digest: str) -> None:
    """Without it, and without TLS, nothing in the protocol's version 4 says that a value is not what was sent (docs/cassandra.md)."""
    session = one_node.session()
    session.execute(f"CREATE TABLE link.rows_{digest} (id int PRIMARY KEY, data blob)")
    for number in range(64):
        session.execute(f"INSERT INTO link.rows_{digest} (id, data) VALUES (%s, %s)", (number, bytes([number]) * 64))
    url = f"cassandra://{link.address}/link/rows_{digest}"
    own = LOGIN | {"index": str(tmp_path)}
    ringfeed.attach(url, columns=["id", "data"], digest=digest, **own)
    data = ringfeed.open(url, **own)
    with link.changing(flipping(4096)):
        batch = data[0:64]
    wrong = [number for number, value in zip(batch["id"].tolist(), batch["data"], strict=True) if bytes(value) != bytes([number]) * 64]
    assert len(wrong) == (0 if digest == "values" else 1)
