"""The usual Python ways to train from Cassandra, on a table (id bigint PRIMARY KEY, image vector<float, 784>, label bigint).

cassandra_rivals.py scan|limit|first|write ADDRESS FOLDER: for all but write fills the table from FOLDER's npy files when it is not there;
then for each line "round":
  scan    pages of the driver's default size through an IterableDataset and a DataLoader, batches of 256, 10,000 samples
  limit   SELECT ... LIMIT 256 and torch.tensor, 10 batches
  first   the first batch of a scan, connecting included
  write   all of FOLDER's samples into a new table by execute_concurrent_with_args, 64 at once
and prints {samples, seconds, cpu_seconds}.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import torch
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, Session
from cassandra.concurrent import execute_concurrent_with_args
from harness import cpu_seconds

ROWS = 20_000
SCANNED = 10_000
BATCH = 256
LIMITED_BATCHES = 10


class Scan(torch.utils.data.IterableDataset):
    """Rows in the order the server gives them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        for row in itertools.islice(self.session.execute("SELECT image, label FROM bench.rows"), SCANNED):
            yield torch.tensor(row.image), row.label


def connect(address: str) -> Cluster:
    return Cluster([address], auth_provider=PlainTextAuthProvider("cassandra", "cassandra"), protocol_version=5)


def make_table(session: Session, table: str, width: int) -> None:
    session.execute(f"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY, image vector<float, {width}>, label bigint)")


def insert(session: Session, table: str, images: numpy.ndarray, labels: numpy.ndarray) -> int:
    statement = session.prepare(f"INSERT INTO {table} (id, image, label) VALUES (?, ?, ?)")
    rows = ((i, images[i].tolist(), int(labels[i])) for i in range(len(images)))
    return sum(done.success for done in execute_concurrent_with_args(session, statement, rows, concurrency=64))


def load(folder: Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    return numpy.load(folder / "image.npy", mmap_mode="r"), numpy.load(folder / "label.npy")


def fill(session: Session, folder: Path) -> None:
    make_table(session, "bench.rows", 784)
    if session.execute("SELECT count(*) FROM bench.rows").one().count != ROWS:
        images, labels = load(folder)
        insert(session, "bench.rows", images[:ROWS], labels[:ROWS])


def scan(session: Session) -> int:
    return sum(len(labels) for _, labels in torch.utils.data.DataLoader(Scan(session), batch_size=BATCH))


def limit(session: Session) -> int:
    samples = 0
    for _ in range(LIMITED_BATCHES):
        rows = list(session.execute(f"SELECT image, label FROM bench.rows LIMIT {BATCH}"))
        images, labels = torch.tensor([row.image for row in rows]), torch.tensor([row.label for row in rows])
        samples += len(images) if len(images) == len(labels) else 0
    return samples


def first(session: Session) -> int:
    cluster = connect(session.cluster.contact_points[0])
    samples = len(next(iter(torch.utils.data.DataLoader(Scan(cluster.connect()), batch_size=BATCH)))[1])
    cluster.shutdown()
    return samples


def writer(folder: Path) -> Callable[[Session], int]:
    """A round of `write`: a table of its own each time."""
    images, labels = load(folder)
    numbers = itertools.count()

    def write(session: Session) -> int:
        table = f"bench.written_{next(numbers)}"
        make_table(session, table, images.shape[1])
        return insert(session, table, images, labels)

    return write


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[3])
    cluster = connect(sys.argv[2])
    session = cluster.connect()
    session.default_timeout = 60
    if kind == "write":
        way = writer(folder)
    else:
        way = {"scan": scan, "limit": limit, "first": first}[kind]
        fill(session, folder)
    for _ in sys.stdin:
        start, before = time.perf_counter(), cpu_seconds()
        samples = way(session)
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - start, "cpu_seconds": cpu_seconds() - before}), flush=True)
    cluster.shutdown()


main()
