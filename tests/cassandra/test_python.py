"""The Python package on a real Cassandra: written, attached, read, refused and interrupted."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from program import BUILD, ROOT, ringfeed
from running import Running, eventually
from stopwatch import Stopwatch
from torch.utils.data import DataLoader

pytestmark = pytest.mark.cassandra
SAMPLES, WIDTH = 2000, 10
LOGIN = {"username": "cassandra", "password": "cassandra"}


@pytest.fixture
def keyspace(one_node: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a keyspace of the test's own; indexes are in the test's folder."""
    for name in [name for name in os.environ if name.startswith("RINGFEED_") and name != "RINGFEED_BUILD"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RINGFEED_INDEX", str(tmp_path / "index"))
    name = "python_" + uuid.uuid4().hex[:12]
    one_node.session().execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    return f"cassandra://{one_node.addresses[0]}/{name}"


def samples() -> dict[str, numpy.ndarray]:
    """`number` counts, and every element of `data` is that number."""
    ids = numpy.arange(SAMPLES, dtype=numpy.int64)
    return {"number": ids, "data": numpy.repeat(ids.astype(numpy.float32)[:, None], WIDTH, axis=1)}


def ids_of(data: ringfeed.Dataset) -> list[int]:
    """One epoch; data must fit its number."""
    ids = []
    for batch in ringfeed.Loader(data, 64, seed=7):
        assert torch.equal(batch["data"], batch["number"].to(torch.float32)[:, None].expand(-1, WIDTH))
        ids += batch["number"].tolist()
    return ids


def test_packed_is_as_local(keyspace: str, tmp_path: Path) -> None:
    url = f"{keyspace}/packed"
    assert ringfeed.write(url, samples(), seed=1, **LOGIN).splits == {"train": SAMPLES}
    ringfeed.write(tmp_path / "local.ring", samples(), seed=1)
    data, local = ringfeed.open(url, **LOGIN), ringfeed.open(tmp_path / "local.ring")
    assert ids_of(data) == ids_of(local)
    assert data.to_arrow().equals(local.to_arrow())
    assert data[1500:10:-3]["number"].tolist() == local[1500:10:-3]["number"].tolist()
    assert ringfeed.list(keyspace, **LOGIN) == [url]
    assert ringfeed.verify(url, **LOGIN).bytes > SAMPLES * WIDTH * 4
    back = ringfeed.copy(url, tmp_path / "back.ring", **LOGIN)
    assert ids_of(ringfeed.open(back.url)) == ids_of(local)
    assert ringfeed.delete(url, **LOGIN) == [1]
    assert ringfeed.list(keyspace, **LOGIN) == []


def pixels_of(data: ringfeed.Dataset, steps: str) -> list[bytes]:
    """The decoded pictures of two epochs, in their order."""
    loader = ringfeed.Loader(data, 16, seed=7, decode={"picture": steps}, columns=["picture"], as_numpy=True)
    return [pixels.tobytes() for _ in range(2) for batch in loader for pixels in batch["picture"]]


def test_pictures_have_the_same_pixels_as_locally(keyspace: str, tmp_path: Path) -> None:
    files = []
    for number in range(90):
        file = io.BytesIO()
        Image.fromarray(numpy.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=numpy.uint8)).save(file, "JPEG")
        files.append(file.getvalue())
    steps = "random_resized_crop:16,flip,color_jitter:saturation=0.5,normalize:imagenet"
    ringfeed.write(tmp_path / "local.ring", {"picture": files}, seed=1, chunk_bytes=8 << 10)
    local = pixels_of(ringfeed.open(tmp_path / "local.ring"), steps)
    assert len(set(local)) == 180
    packed, rows = f"{keyspace}/pictures_packed", f"{keyspace}/pictures_rows"
    ringfeed.write(packed, {"picture": files}, seed=1, chunk_bytes=8 << 10, **LOGIN)
    for cache in ({}, {"cache_dir": str(tmp_path / "cache")}, {"cache_dir": str(tmp_path / "cache")}):
        assert sorted(pixels_of(ringfeed.open(packed, **LOGIN, **cache), steps)) == sorted(local), cache
    # The rows of a table have numbers of their own, which a copy keeps.
    ringfeed.write(rows, {"picture": files}, seed=1, layout="rows", **LOGIN)
    ringfeed.copy(rows, tmp_path / "rows.ring", **LOGIN)
    assert sorted(pixels_of(ringfeed.open(rows, **LOGIN), steps)) == sorted(pixels_of(ringfeed.open(tmp_path / "rows.ring"), steps))


def test_rows_and_attach(keyspace: str, one_node: Running) -> None:
    url = f"{keyspace}/rows"
    ringfeed.write(url, samples(), layout="rows", **LOGIN)
    assert sorted(ids_of(ringfeed.open(url, **LOGIN))) == list(range(SAMPLES))
    name = keyspace.rpartition("/")[2]
    session = one_node.session()
    session.execute(f"CREATE TABLE {name}.own (k int PRIMARY KEY, x vector<float, 2>, note text)")
    for i in range(50):
        session.execute(f"INSERT INTO {name}.own (k, x, note) VALUES ({i}, [{i}, {i + 1}], 'n{i}')")
    own = f"{keyspace}/own"
    with pytest.raises(FileNotFoundError, match="attach"):
        ringfeed.open(own, **LOGIN)
    attached = ringfeed.attach(own, columns=["x", "note"], **LOGIN)
    assert attached.splits == {"train": 50}
    batch = ringfeed.load(own, 100, **LOGIN)
    assert sorted(batch["x"].tolist()) == [[i, i + 1] for i in range(50)]
    assert all(note == f"n{int(x[0])}" for x, note in zip(batch["x"], batch["note"], strict=True))
    ringfeed.attach(own, drop=["x"], **LOGIN)
    assert list(ringfeed.load(own, 1, **LOGIN)) == ["note"]


@pytest.mark.parametrize(("layout", "share"), [("packed", 0.05), ("rows", 0.02)])
def test_a_label_beside_pictures_costs_few_bytes(keyspace: str, tmp_path: Path, layout: str, share: float) -> None:
    count, picture_bytes = 150, 107_000
    random = numpy.random.default_rng(1)
    url = f"{keyspace}/pictures"
    ringfeed.write(url, {"picture": [random.bytes(picture_bytes) for _ in range(count)], "label": numpy.arange(count)}, layout=layout, **LOGIN)

    def read(columns: list[str] | None, **options: object) -> tuple[list[int], float]:
        """The labels in their order, and the bytes that the node answered with."""
        loader = ringfeed.Loader(ringfeed.open(url, **LOGIN, **options), 10, seed=7, columns=columns)
        labels = [label for batch in loader for label in batch["label"].tolist()]
        return labels, sum(value for name, value in loader.metrics().items() if name.startswith("ringfeed_node_bytes_total"))

    whole, bytes_of_whole = read(None)
    assert sorted(whole) == list(range(count))
    assert bytes_of_whole > count * picture_bytes
    labels, bytes_of_labels = read(["label"])
    assert labels == whole
    assert 0 < bytes_of_labels <= share * bytes_of_whole
    if layout == "packed":  # of which each column group is in the cache by itself
        cache = {"cache_dir": str(tmp_path / "cache"), "cache_bytes": 1 << 30}
        assert read(["label"], **cache)[0] == whole
        assert read(["label"], **cache) == (whole, 0)
        assert read(None, **cache)[1] > count * picture_bytes
        assert read(None, **cache) == (whole, 0)


def test_create_keyspace(one_node: Running) -> None:
    name = "python_" + uuid.uuid4().hex[:12]
    url = f"cassandra://{one_node.addresses[0]}/{name}/a"
    with pytest.raises(FileNotFoundError, match="CREATE KEYSPACE"):
        ringfeed.write(url, {"a": numpy.arange(3)}, **LOGIN)
    ringfeed.write(url, {"a": numpy.arange(3)}, create_keyspace="simple:1", **LOGIN)
    assert len(ringfeed.open(url, **LOGIN)) == 3


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_of_torchs_dataloader(keyspace: str, context: str) -> None:
    url = f"{keyspace}/packed"
    ringfeed.write(url, samples(), **LOGIN)
    data = ringfeed.TorchDataset(url, **LOGIN)
    data[0]  # connections are open before the fork
    loader = DataLoader(data, batch_size=100, shuffle=True, num_workers=2, multiprocessing_context=context, timeout=120)
    assert sorted(int(i) for batch in loader for i in batch["number"]) == list(range(SAMPLES))


def test_refusals_are_pythons_own(keyspace: str) -> None:
    with pytest.raises(PermissionError) as caught:
        ringfeed.open(f"{keyspace}/a", username="cassandra", password="a-wrong-secret")
    assert "a-wrong-secret" not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        ringfeed.open(f"{keyspace}/none", **LOGIN)
    with pytest.raises(ConnectionError):
        ringfeed.open("cassandra://127.0.77.99/a/b", connect_timeout_ms=500, **LOGIN)
    with pytest.raises(ValueError, match="password") as refused:
        ringfeed.open(keyspace.replace("//", "//cassandra:a-wrong-secret@") + "/a")
    assert "a-wrong-secret" not in str(refused.value)


@pytest.mark.quiet
def test_a_loader_is_closed_at_once_while_the_node_is_frozen(keyspace: str, one_node: Running) -> None:
    url = f"{keyspace}/wide"
    ringfeed.write(url, {"data": numpy.zeros((20_000, 256), numpy.float32)}, chunk_bytes=64 << 10, **LOGIN)
    data = ringfeed.open(url, request_timeout_ms=60_000, **LOGIN)
    loader = ringfeed.Loader(data, 64, prefetch_bytes=64 << 20)  # it reads from now on
    one_node.freeze(1)
    try:
        time.sleep(0.5)
        with Stopwatch() as watch:
            loader.close()
        assert watch.fair_seconds < 5
    finally:
        one_node.thaw(1)
    eventually(lambda: one_node.session().execute("SELECT key FROM system.local"))


@pytest.mark.quiet
def test_ctrl_c_while_the_node_is_frozen(keyspace: str, one_node: Running) -> None:
    url = f"{keyspace}/packed"
    ringfeed.write(url, samples(), chunk_bytes=4096, **LOGIN)
    script = """
import sys
import ringfeed

data = ringfeed.open(sys.argv[1], username="cassandra", password="cassandra", request_timeout_ms=60000)
loader = ringfeed.Loader(data, 64, prefetch_bytes=17 << 20)
print("open", flush=True)
sys.stdin.readline()
try:
    while True:
        for batch in loader:
            pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                               env={**os.environ, "PYTHONPATH": str(BUILD / "python")},
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        assert process.stdout.readline() == "open\n"
        one_node.freeze(1)
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(2)  # it waits for an answer by then
        with Stopwatch() as watch:
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            process.wait(timeout=60)
        assert watch.fair_seconds < 5
    finally:
        one_node.thaw(1)
        process.kill()
        process.communicate()
    eventually(lambda: one_node.session().execute("SELECT key FROM system.local"))
