"""Dataset: samples by number, Arrow and pandas, pickles and forks; load(), copy(), verify(), list(), delete()."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy
import pandas
import pyarrow
import pytest
import torch

import ringfeed

pytestmark = pytest.mark.program
SAMPLES, WIDTH = 1003, 4  # of `numbers`


def stored_ids(data: ringfeed.Dataset) -> list[int]:
    return [int(number) for batch in ringfeed.Loader(data, 97, shuffle="none", lanes=1) for number in batch["id"]]


def test_samples_by_number(numbers: str) -> None:
    data = ringfeed.open(numbers)
    ids = stored_ids(data)
    assert sorted(ids) == list(range(SAMPLES))
    assert [int(data[i]["id"]) for i in (0, 1, 500, SAMPLES - 1, -1, -SAMPLES)] == [ids[i] for i in (0, 1, 500, -1, -1, 0)]
    assert data[5]["data"].tolist() == [float(ids[5])] * WIDTH
    assert data[numpy.int64(7)]["id"] == ids[7]
    for part in (slice(None), slice(3, 900), slice(900, 3, -7), slice(5, 5), slice(-3, None)):
        got = data[part]
        assert got["id"].tolist() == ids[part]
        assert got["data"].shape == (len(ids[part]), WIDTH)
    random = numpy.random.default_rng(0).integers(-SAMPLES, SAMPLES, 300)
    for key in (random, random.tolist(), tuple(random.tolist())):
        assert data[key]["id"].tolist() == [ids[i] for i in random]
    assert data.head(3)["id"].tolist() == ids[:3]
    assert [int(sample["id"]) for sample in data] == ids
    for bad in (SAMPLES, -SAMPLES - 1):
        with pytest.raises(IndexError, match=f"there is no sample {bad}"):
            data[bad]
    with pytest.raises(TypeError):
        data["id"]


def test_columns_of_samples_by_number(numbers: str) -> None:
    data = ringfeed.open(numbers)
    part = data.take([5, -1, 5], columns=["id"])
    assert list(part) == ["id"] and part["id"].tolist() == data[[5, -1, 5]]["id"].tolist()
    assert list(data._samples["id",].read([5])) == ["id"]  # the others are not copied and then dropped
    assert list(data.take([0], columns=["data", "id"])) == ["data", "id"]
    with pytest.raises(ringfeed.InvalidArgumentError, match="none"):
        data.take([0], columns=["none"])
    with pytest.raises(IndexError):
        data.take([len(data)])


def test_what_a_notebook_shows(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    assert data.columns == ("data", "id") or data.columns == ("id", "data")
    assert repr(data) == f"<ringfeed.Dataset {numbers} version 1, split train: {SAMPLES} samples>"
    page = data._repr_html_()
    assert "train: 1,003 samples" in page and "<td>data</td><td>tensor</td><td>float32</td><td>[4]</td>" in page
    url = str(tmp_path / "names.ring")
    ringfeed.write(url, {"<b>": ["a", "b"]})
    assert "<td>&lt;b&gt;</td><td>string</td>" in ringfeed.open(url)._repr_html_()


def test_arrow_and_pandas(numbers: str) -> None:
    data = ringfeed.open(numbers)
    ids = stored_ids(data)
    table = data.to_arrow()
    assert table.column("id").to_pylist() == ids
    assert table.column("data").to_pylist() == [[float(i)] * WIDTH for i in ids]
    assert pyarrow.table(data).equals(table)
    assert data.to_arrow(["id"]).column_names == ["id"]
    frame = data.to_pandas(["data", "id"])
    assert list(frame.columns) == ["data", "id"]
    assert isinstance(frame, pandas.DataFrame)
    assert frame["id"].tolist() == ids
    with pytest.raises(ValueError, match="'none'"):
        data.to_arrow(["none"])
    del data
    assert table.column("id").to_pylist() == ids  # its memory outlives the data set


def test_parts_as_batches(numbers: str) -> None:
    data = ringfeed.open(numbers)
    for parts in (1, 3, 7, 1000):
        read = [data.to_batches(["id"], part=part, parts=parts).read_all() for part in range(parts)]
        assert pyarrow.concat_tables(read)["id"].to_pylist() == stored_ids(data)
    assert data.to_batches().schema.names == [*data.columns]
    for part, parts in ((3, 3), (0, 0), (0, (1 << 20) + 1), (-1, 2)):
        with pytest.raises(ringfeed.InvalidArgumentError, match="part"):
            data.to_batches(part=part, parts=parts)


def test_damage_is_an_error_of_the_stream(numbers: str, tmp_path: Path) -> None:
    ringfeed.copy(numbers, tmp_path / "a.ring")
    part = next((tmp_path / "a.ring").rglob("*.arrow"))
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 1
    part.write_bytes(raw)
    data = ringfeed.open(tmp_path / "a.ring")
    with pytest.raises(OSError, match="checksum"):
        data.to_arrow()
    with pytest.raises(ringfeed.BadDataError, match="checksum"):
        data[:]
    with pytest.raises(ringfeed.BadDataError):
        ringfeed.verify(tmp_path / "a.ring")


def test_pickle_opens_the_same_version(numbers: str, tmp_path: Path) -> None:
    url = tmp_path / "a.ring"
    ringfeed.write(url, {"a": numpy.arange(10)})
    data = ringfeed.open(url)
    ringfeed.write(url, {"a": numpy.arange(5)}, append=True)
    again = pickle.loads(pickle.dumps(data))
    assert (again.version, again.split, len(again)) == (1, "train", 10)
    assert again[:]["a"].tolist() == data[:]["a"].tolist()


def _child(data: ringfeed.Dataset, queue: multiprocessing.Queue) -> None:
    try:
        data[0]
        queue.put("read")
    except ringfeed.Error as error:
        queue.put(str(error))
    queue.put(int(data.reopen()[0]["id"]))


def test_a_fork_is_refused_and_can_open_again(numbers: str) -> None:
    data = ringfeed.open(numbers)
    first = int(data[0]["id"])
    queue: multiprocessing.Queue = multiprocessing.get_context("fork").Queue()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(data, queue))
    process.start()
    assert "before the process was forked" in queue.get(timeout=60)
    assert queue.get(timeout=60) == first
    process.join(60)
    assert process.exitcode == 0


def test_load(numbers: str) -> None:
    batch = ringfeed.load(numbers, 10)
    ids = stored_ids(ringfeed.open(numbers))
    assert batch["id"].tolist() == ids[:10]
    assert isinstance(batch["data"], torch.Tensor)
    assert batch["data"].shape == (10, WIDTH)
    assert len(ringfeed.load(numbers, 10**6)["id"]) == SAMPLES
    assert len(ringfeed.load(numbers, 0)["id"]) == 0


def test_copy_verify_list_delete(numbers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = str(tmp_path / "b.ring")
    made = ringfeed.copy(numbers, url)
    assert (made.url, made.version, made.unchanged) == (url, 1, False)
    assert ringfeed.copy(numbers, url).unchanged
    assert stored_ids(ringfeed.open(url)) == stored_ids(ringfeed.open(numbers))
    verified = ringfeed.verify(url)
    assert (verified.versions, verified.not_finite) == ([1], None) and verified.bytes > SAMPLES * WIDTH * 4
    ringfeed.write(tmp_path / "a.ring", {"x": numpy.zeros(3)})
    assert [Path(each).name for each in ringfeed.list(tmp_path)] == ["a.ring", "b.ring"]
    monkeypatch.chdir(tmp_path)
    assert ringfeed.list() == ["./a.ring", "./b.ring"]
    ringfeed.write(url, {"id": numpy.arange(2), "data": numpy.zeros((2, WIDTH), numpy.float32)}, append=True)
    assert ringfeed.delete(f"{url}?version=1") == [1]
    assert len(ringfeed.open(url)) == SAMPLES + 2
    assert ringfeed.delete(url) == [2]
    assert [Path(each).name for each in ringfeed.list(tmp_path)] == ["a.ring"]
    with pytest.raises(FileNotFoundError):
        ringfeed.delete(url)
    with pytest.raises(ValueError, match="split"):
        ringfeed.delete(f"{tmp_path}/a.ring?split=train")
