"""The usual Python ways to train from Cassandra, on a table (id bigint PRIMARY KEY, image vector<float, 784>, label bigint).

cassandra_rivals.py scan|limit ADDRESS FOLDER: fills the table from FOLDER's npy files when it is not there, then for each line "round":
  scan    pages of the driver's default size through an IterableDataset and a DataLoader, batches of 256, 10,000 samples
  limit   SELECT ... LIMIT 256 and torch.tensor, 10 batches
and prints {samples, seconds}.
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


def fill(session: Session, folder: Path) -> None:
    session.execute("CREATE TABLE IF NOT EXISTS bench.rows (id bigint PRIMARY KEY, image vector<float, 784>, label bigint)")
    if session.execute("SELECT count(*) FROM bench.rows").one().count == ROWS:
        return
    images, labels = numpy.load(folder / "image.npy", mmap_mode="r"), numpy.load(folder / "label.npy")
    insert = session.prepare("INSERT INTO bench.rows (id, image, label) VALUES (?, ?, ?)")
    execute_concurrent_with_args(session, insert, ((i, images[i].tolist(), int(labels[i])) for i in range(ROWS)), concurrency=64)


def scan(session: Session) -> int:
    return sum(len(labels) for _, labels in torch.utils.data.DataLoader(Scan(session), batch_size=BATCH))


def limit(session: Session) -> int:
    samples = 0
    for _ in range(LIMITED_BATCHES):
        rows = list(session.execute(f"SELECT image, label FROM bench.rows LIMIT {BATCH}"))
        images, labels = torch.tensor([row.image for row in rows]), torch.tensor([row.label for row in rows])
        samples += len(images) if len(images) == len(labels) else 0
    return samples


def main() -> None:
    way: Callable[[Session], int] = {"scan": scan, "limit": limit}[sys.argv[1]]
    cluster = Cluster([sys.argv[2]], auth_provider=PlainTextAuthProvider("cassandra", "cassandra"), protocol_version=5)
    session = cluster.connect()
    session.default_timeout = 60
    fill(session, Path(sys.argv[3]))
    for _ in sys.stdin:
        start = time.perf_counter()
        samples = way(session)
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - start}), flush=True)
    cluster.shutdown()


main()
