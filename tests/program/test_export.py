"""`ringfeed export`: what other libraries read of it, and what it leaves behind."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.parquet
import pytest
from conftest import DIGITS, TENSORS, Ringfeed, build_folder

pytestmark = pytest.mark.program

NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64")


def digits_of_the_source() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images and labels."""
    values = numpy.loadtxt(DIGITS, delimiter=",")
    return values[:, :64].reshape(-1, 8, 8).astype(numpy.float32), values[:, 64].astype(numpy.int64)


def mds_samples(folder: Path) -> Iterator[dict[str, Any]]:
    """The samples of a folder of MDS shards, by the layout that MosaicML Streaming documents."""
    index = json.loads((folder / "index.json").read_text())
    assert index["version"] == 2
    for shard in index["shards"]:
        assert (shard["version"], shard["format"], shard["compression"], shard["zip_data"]) == (2, "mds", None, None)
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"] <= shard["size_limit"]
        count = int(numpy.frombuffer(data, "<u4", 1)[0])
        assert count == shard["samples"]
        ends = numpy.frombuffer(data, "<u4", count + 1, 4)
        assert json.loads(data[4 * (count + 2):ends[0]])["column_names"] == shard["column_names"] == sorted(shard["column_names"])
        assert ends[-1] == len(data)
        for begin, end in zip(ends[:-1], ends[1:], strict=True):
            yield mds_sample(data[begin:end], shard)


def mds_sample(data: bytes, shard: dict[str, Any]) -> dict[str, Any]:
    """A sample: the lengths of columns that vary, then the values."""
    at = 4 * shard["column_sizes"].count(None)
    lengths = iter(numpy.frombuffer(data[:at], "<u4"))
    sample = {}
    for name, encoding, size in zip(shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True):
        length = int(size or next(lengths))
        sample[name] = mds_value(data[at:at + length], encoding)
        at += length
    assert at == len(data)
    return sample


def mds_value(data: bytes, encoding: str) -> Any:  # noqa: ANN401
    """A value by its encoding."""
    kind, *rest = encoding.split(":")
    if kind == "bytes":
        return data
    if kind == "str":
        return data.decode()
    if kind != "ndarray":
        return numpy.frombuffer(data, "int64" if kind == "int" else kind).item()
    if len(rest) == 2:
        return numpy.frombuffer(data, rest[0]).reshape([int(n) for n in rest[1].split(",")])
    assert data[0] >> 2 == 1
    width = 1 << (data[0] & 3)
    values = numpy.frombuffer(data[1 + width:], rest[0])
    assert int.from_bytes(data[1:1 + width], "little") == len(values)
    return values


def every_type(folder: Path, samples: int = 1000) -> pyarrow.Table:
    """A Parquet file with a column of each type."""
    random = numpy.random.default_rng(3)
    columns: dict[str, pyarrow.Array] = {}
    for dtype in NUMBERS:
        values = random.normal(size=samples).astype(dtype) if dtype.startswith("float") else random.integers(0, 100, samples).astype(dtype)
        columns[dtype] = pyarrow.array(values)
    columns["flag"] = pyarrow.array(random.random(samples) < 0.5)
    columns["text"] = pyarrow.array([f"Größe {i}" * (i % 4) for i in range(samples)])
    columns["blob"] = pyarrow.array([bytes([i % 256]) * (i % 700) for i in range(samples)])
    columns["tags"] = pyarrow.array([list(range(i % 300)) for i in range(samples)], pyarrow.list_(pyarrow.int16()))
    columns["bits"] = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(random.random(3 * samples) < 0.5), 3)
    columns["image"] = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(random.normal(size=(samples, 4, 5)).astype(numpy.float32))
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table, folder / "all.parquet")
    return table


def test_parquet_of_digits_is_the_source(digits: Ringfeed) -> None:
    digits("ingest", DIGITS, "ordered.ring", *TENSORS[:2], "--no-permute", "--classes", "f64")
    assert digits("export", "ordered.ring", "out", "--format", "parquet").stdout.startswith("out: version 1 of ordered.ring as parquet, ")
    assert [path.name for path in (digits.folder / "out").iterdir()] == ["train.parquet"]
    table = pyarrow.parquet.read_table(digits.folder / "out/train.parquet")
    images, labels = digits_of_the_source()
    assert isinstance(table.schema.field("image").type, pyarrow.FixedShapeTensorType)
    assert numpy.array_equal(table["image"].combine_chunks().to_numpy_ndarray(), images)
    assert numpy.array_equal(table["f64"].to_numpy(), labels)
    assert json.loads(table.schema.field("f64").metadata[b"ringfeed.classes"]) == [str(i) for i in range(10)]
    assert json.loads(table.schema.metadata[b"huggingface"])["info"]["features"] == {
        "f64": {"_type": "ClassLabel", "names": [str(i) for i in range(10)]}}
    assert [field.name for field in table.schema if field.nullable] == ["f64"]  # as datasets has it, which then takes the names
    digits("ingest", "out/train.parquet", "again.ring", "--no-permute")
    assert digits("diff", "ordered.ring", "again.ring").stdout == "diff: the same, 1797 samples and 1797\n"


def test_parquet_of_every_type_is_read_back_and_ingested_again(ringfeed: Ringfeed) -> None:
    table = every_type(ringfeed.folder)
    ringfeed("ingest", "all.parquet", "all.ring", "--no-permute", "--chunk-bytes", "4KiB")
    ringfeed("export", "all.ring", "out", "--format", "parquet")
    back = pyarrow.parquet.read_table(ringfeed.folder / "out/train.parquet")
    assert back.column_names == table.column_names
    for name in table.column_names:
        assert back[name].to_pylist() == table[name].to_pylist(), name
    ringfeed("ingest", "out/train.parquet", "again.ring", "--no-permute")
    assert ringfeed("diff", "all.ring", "again.ring").stdout.startswith("diff: the same, 1000 samples")


def test_nan_is_kept(ringfeed: Ringfeed) -> None:
    values = numpy.array([1, numpy.nan, numpy.inf, -0.0], numpy.float32)
    numpy.save(ringfeed.folder / "x.npy", values)
    ringfeed("ingest", "x.npy", "x.ring", "--allow-nan", "--no-permute")
    ringfeed("export", "x.ring", "parquet", "--format", "parquet")
    ringfeed("export", "x.ring", "mds", "--format", "mds")
    assert pyarrow.parquet.read_table(ringfeed.folder / "parquet/train.parquet")["x"].to_numpy().tobytes() == values.tobytes()
    assert numpy.array([sample["x"] for sample in mds_samples(ringfeed.folder / "mds/train")], numpy.float32).tobytes() == values.tobytes()


def test_row_groups_are_of_a_bounded_size(ringfeed: Ringfeed) -> None:
    numpy.save(ringfeed.folder / "x.npy", numpy.zeros((1500, 100_000), numpy.uint8))
    ringfeed("ingest", "x.npy", "x.ring")
    ringfeed("export", "x.ring", "out", "--format", "parquet")
    metadata = pyarrow.parquet.ParquetFile(ringfeed.folder / "out/train.parquet").metadata
    rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(rows) == 1500 and all(600 < count <= 671 for count in rows[:-1]) and len(rows) == 3


def test_mds_of_digits_is_the_source(digits: Ringfeed) -> None:
    digits("ingest", DIGITS, "ordered.ring", *TENSORS[:2], "--no-permute", "--classes", "f64")
    digits("export", "ordered.ring", "out", "--format", "mds")
    samples = list(mds_samples(digits.folder / "out/train"))
    images, labels = digits_of_the_source()
    assert numpy.array_equal([sample["image"] for sample in samples], images)
    assert numpy.array_equal([sample["f64"] for sample in samples], labels)
    index = json.loads((digits.folder / "out/train/index.json").read_text())
    assert index["classes"] == {"f64": [str(i) for i in range(10)]}
    assert index["shards"][0]["column_encodings"] == ["int", "ndarray:float32:8,8"]


def test_mds_of_every_type(ringfeed: Ringfeed) -> None:
    table = every_type(ringfeed.folder)
    ringfeed("ingest", "all.parquet", "all.ring", "--no-permute", "--chunk-bytes", "4KiB")
    ringfeed("export", "all.ring", "out", "--format", "mds")
    samples = list(mds_samples(ringfeed.folder / "out/train"))
    assert len(samples) == table.num_rows
    for name in table.column_names:
        values = [numpy.asarray(sample[name]).ravel().tolist() if isinstance(sample[name], numpy.ndarray) else sample[name] for sample in samples]
        assert values == table[name].to_pylist(), name


def test_shards_are_of_a_bounded_size(ringfeed: Ringfeed) -> None:
    numpy.save(ringfeed.folder / "x.npy", numpy.arange(1500, dtype=numpy.int32).repeat(25_000).reshape(1500, 25_000))
    ringfeed("ingest", "x.npy", "x.ring", "--no-permute")
    ringfeed("export", "x.ring", "out", "--format", "mds")
    assert sorted(path.name for path in (ringfeed.folder / "out/train").iterdir()) == [
        "index.json", "shard.00000.mds", "shard.00001.mds", "shard.00002.mds"]
    assert [int(sample["x"][-1]) for sample in mds_samples(ringfeed.folder / "out/train")] == list(range(1500))


def test_splits_versions_and_columns_are_those_that_were_asked_for(digits: Ringfeed) -> None:
    digits("ingest", DIGITS, "digits.ring", *TENSORS, "--append")
    result = json.loads(digits("export", "digits.ring", "all", "--format", "parquet", "--json").stdout)
    assert result["version"] == 2 and result["splits"]["train"] + result["splits"]["val"] == 2 * 1797
    assert sorted(path.name for path in (digits.folder / "all").iterdir()) == ["train.parquet", "val.parquet"]
    assert result["bytes"] == sum(path.stat().st_size for path in (digits.folder / "all").iterdir())
    digits("export", "digits.ring?split=val&version=1", "val", "--format", "mds", "--columns", "label")
    assert [path.name for path in (digits.folder / "val").iterdir()] == ["val"]
    samples = list(mds_samples(digits.folder / "val/val"))
    assert len(samples) == 359 and set(samples[0]) == {"label"}


def test_what_cannot_be_is_refused_and_nothing_is_left(digits: Ringfeed) -> None:
    (digits.folder / "there").mkdir()
    (digits.folder / "file").touch()
    (digits.folder / "link").symlink_to("nowhere")
    before = sorted(digits.folder.rglob("*"))
    for there in ("there", "there/", "file", "link"):
        assert f"{there.rstrip('/')}: it is there; choose another name" in digits.error("export", "digits.ring", there, "--format", "mds", code=1)
    assert "there is no folder no/where" in digits.error("export", "digits.ring", "no/where/out", "--format", "mds", code=2)
    assert "it is parquet or mds" in digits.error("export", "digits.ring", "out", "--format", "csv", code=2)
    assert "unknown column 'colour'" in digits.error("export", "digits.ring", "out", "--format", "mds", "--columns", "colour", code=2)
    assert "no split 'test'" in digits.error("export", "digits.ring?split=test", "out", "--format", "mds", code=2)
    assert sorted(digits.folder.rglob("*")) == before


@pytest.mark.parametrize("layout", ["parquet", "mds"])
def test_a_full_disk_leaves_nothing_behind(digits: Ringfeed, layout: str) -> None:
    before = sorted(digits.folder.rglob("*"))
    result = subprocess.run([str(build_folder() / "bin/ringfeed"), "export", "digits.ring", "out", "--format", layout], cwd=digits.folder,
                            capture_output=True, text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("ringfeed: out/train") and result.stderr.count("\n") == 1
    assert sorted(digits.folder.rglob("*")) == before


@pytest.mark.parametrize("layout", ["parquet", "mds"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(digits: Ringfeed, layout: str, number: signal.Signals) -> None:
    before = sorted(digits.folder.rglob("*"))
    result = digits.told_to_end(number, "export", "digits.ring", "out", "--format", layout)
    assert (result.returncode, result.stdout) == (130 if number == signal.SIGINT else 143, "")
    assert result.stderr == "ringfeed: interrupted; nothing was left behind\n"
    assert sorted(digits.folder.rglob("*")) == before
