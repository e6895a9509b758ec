"""Folders of MosaicML Streaming and of Hugging Face's datasets, and Arrow files, as sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.parquet
import pytest
from conftest import DIGITS, TENSORS, Ringfeed

pytestmark = pytest.mark.program


def write_mds(folder: Path, columns: dict[str, tuple[str, int | None]], samples: list[dict[str, bytes]], shard_samples: int = 1000) -> None:
    """A folder of shards, by the layout of MosaicML Streaming; the values are encoded."""
    folder.mkdir(parents=True)
    names = sorted(columns)
    config = {"column_names": names, "column_encodings": [columns[name][0] for name in names], "column_sizes": [columns[name][1] for name in names],
              "compression": None, "format": "mds", "hashes": [], "size_limit": 1 << 26, "version": 2}
    shards = []
    for first in range(0, len(samples), shard_samples):
        encoded = []
        for sample in samples[first:first + shard_samples]:
            head = b"".join(numpy.uint32(len(sample[name])).tobytes() for name in names if columns[name][1] is None)
            encoded.append(head + b"".join(sample[name] for name in names))
        text = json.dumps(config).encode()
        ends = numpy.cumsum([0, *map(len, encoded)]) + 4 * (len(encoded) + 2) + len(text)
        data = numpy.uint32(len(encoded)).tobytes() + ends.astype(numpy.uint32).tobytes() + text + b"".join(encoded)
        name = f"shard.{len(shards):05}.mds"
        (folder / name).write_bytes(data)
        shards.append({**config, "samples": len(encoded), "zip_data": None, "raw_data": {"basename": name, "bytes": len(data), "hashes": {}}})
    (folder / "index.json").write_text(json.dumps({"version": 2, "shards": shards}))


def change_index(folder: Path, **shard: Any) -> None:  # noqa: ANN401
    """Other values in the first shard of an index."""
    index = json.loads((folder / "index.json").read_text())
    index["shards"][0].update(shard)
    (folder / "index.json").write_text(json.dumps(index))


def numbers(count: int = 10) -> list[dict[str, bytes]]:
    return [{"x": numpy.int64(i).tobytes()} for i in range(count)]


def save_to_disk(folder: Path, table: pyarrow.Table, files: int) -> None:
    """As Dataset.save_to_disk() does it."""
    folder.mkdir()
    names = [f"data-{i:05}-of-{files:05}.arrow" for i in range(files)]
    each = -(-table.num_rows // files)
    for i, name in enumerate(names):
        with pyarrow.OSFile(str(folder / name), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table.slice(i * each, each), max_chunksize=100)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names], "_fingerprint": "1", "_split": None}))
    (folder / "dataset_info.json").write_text("{}")


@pytest.mark.parametrize("layout", ["mds", "parquet"])
def test_what_was_exported_is_ingested_as_it_was(digits: Ringfeed, layout: str) -> None:
    digits("ingest", DIGITS, "named.ring", *TENSORS[:2], "--classes", "f64", "--split", "train=0.8,val=0.2")
    digits("export", "named.ring?split=train", "out", "--format", layout)
    digits("ingest", "out/train" if layout == "mds" else "out/train.parquet", "again.ring", "--no-permute")
    assert digits("diff", "named.ring?split=train", "again.ring?split=train").stdout == "diff: the same, 1438 samples and 1438\n"


def test_shards_of_every_encoding_that_is_held(ringfeed: Ringfeed) -> None:
    columns: dict[str, tuple[str, int | None]] = {dtype: (dtype, numpy.dtype(dtype).itemsize) for dtype in
        ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float16", "float32", "float64")}
    columns |= {"int": ("int", 8), "str": ("str", None), "bytes": ("bytes", None), "jpeg": ("jpeg", None), "json": ("json", None),
                "list": ("ndarray:int32", None), "image": ("ndarray:uint16:2,3", 12)}
    samples = []
    for i in range(2500):
        sample = {name: numpy.dtype(name).type(i % 100).tobytes() for name in columns if name[-1] in "2468"}
        values = numpy.arange(i % 400, dtype=numpy.int32)
        head = bytes([4, len(values)]) if len(values) < 256 else bytes([5]) + numpy.uint16(len(values)).tobytes()
        sample |= {"int": numpy.int64(i).tobytes(), "str": f"Größe {i}".encode(), "bytes": bytes([i % 256] * (i % 9)), "jpeg": b"\xff\xd8",
                   "json": json.dumps({"i": i}).encode(), "list": head + values.tobytes(), "image": numpy.full((2, 3), i, numpy.uint16).tobytes()}
        samples.append(sample)
    write_mds(ringfeed.folder / "shards", columns, samples)
    assert len(list((ringfeed.folder / "shards").iterdir())) == 4
    ringfeed("ingest", "shards", "a.ring", "--no-permute")
    types = {column["name"]: column["type"] for column in json.loads(ringfeed("inspect", "a.ring", "--json").stdout)["columns"]}
    assert types == {**{dtype: dtype for dtype in columns if dtype[:3] in ("int", "flo", "uin")}, "uint16": "int32", "uint32": "int64", "int": "int64",
                     "str": "string", "json": "string", "bytes": "binary", "jpeg": "binary", "list": "list<int32>", "image": "int32 [2, 3]"}
    for i, line in enumerate(ringfeed("head", "a.ring", "-n", "700", "--json").stdout.splitlines()[:700]):
        sample = json.loads(line)["sample"]
        assert (sample["int"], sample["str"], sample["json"]) == (i, f"Größe {i}", json.dumps({"i": i}))
        assert (sample["bytes"], sample["list"], sample["image"]) == ((bytes([i % 256] * (i % 9))).hex(), list(range(i % 400)), [[i] * 3] * 2)
        assert sample["uint32"] == sample["float16"] == sample["int8"] == i % 100
    assert ringfeed("ingest", "shards", "a.ring", "--no-permute").stdout.count("unchanged") == 1


def test_a_column_that_cannot_be_held_can_be_left_out(ringfeed: Ringfeed) -> None:
    columns: dict[str, tuple[str, int | None]] = {"x": ("int", 8), "p": ("pkl", None)}
    write_mds(ringfeed.folder / "shards", columns, [{**sample, "p": b"\x80"} for sample in numbers()])
    assert "column 'p': the encoding 'pkl' cannot be held; leave the column out" in ringfeed.error("ingest", "shards", "a.ring", code=3)
    assert "train: 10 samples" in ringfeed("ingest", "shards", "a.ring", "--drop", "p").stdout


def test_a_bad_sample_of_a_shard_is_named_or_left_out(ringfeed: Ringfeed) -> None:
    samples = [{"x": bytes([4, 1, i])} for i in range(10)]
    samples[3]["x"] = bytes([8, 1, 1, 3])
    samples[7]["x"] = bytes([4, 9, 7])
    write_mds(ringfeed.folder / "shards", {"x": ("ndarray:uint8", None)}, samples)
    assert ringfeed.error("ingest", "shards", "a.ring", code=3).startswith(
        "ringfeed: shards/shard.00000.mds:4: the array has 2 dimensions, not 1; ")
    assert "train: 8 samples" in ringfeed("ingest", "shards", "a.ring", "--on-bad", "skip", "--rejects", "bad.txt").stdout
    assert (ringfeed.folder / "bad.txt").read_text().splitlines()[1] == "shards/shard.00000.mds:8: the array claims 9 elements, and has 1 bytes"


@pytest.mark.parametrize(("change", "words"), [
    ({"raw_data": {"basename": "../x.npy", "bytes": 136, "hashes": {}}}, "'../x.npy' is no name of a file in this folder"),
    ({"raw_data": {"basename": "/etc/passwd", "bytes": 1, "hashes": {}}}, "'/etc/passwd' is no name of a file in this folder"),
    ({"raw_data": {"basename": "link", "bytes": 136, "hashes": {}}}, "link"),
    ({"samples": 11}, "shard.00000.mds: it has 10 samples where index.json has 11"),
    ({"samples": 4_000_000_000}, "shard.00000.mds: it is cut off"),
    ({"samples": -1}, "must be a whole number of 0 to 4294967295"),
    ({"compression": "zstd"}, "a shard is compressed; write the shards without compression"),
    ({"version": 1}, "a shard is not of the format mds, version 2"),
    ({"format": "json"}, "a shard is not of the format mds, version 2"),
    ({"column_sizes": [1 << 40]}, "a size must be a whole number of 0 to 8388608"),
    ({"column_sizes": [4]}, "column 'x': 'int' cannot have 4 bytes"),
])
def test_an_index_of_strangers_reads_nothing_else(ringfeed: Ringfeed, change: dict[str, Any], words: str) -> None:
    write_mds(ringfeed.folder / "shards", {"x": ("int", 8)}, numbers())
    numpy.save(ringfeed.folder / "x.npy", numpy.arange(1))
    (ringfeed.folder / "shards/link").symlink_to("../x.npy")
    change_index(ringfeed.folder / "shards", **change)
    assert words in ringfeed.error("ingest", "shards", "a.ring", code=3)
    assert not (ringfeed.folder / "a.ring").exists()


def test_a_shard_that_was_cut_is_named(ringfeed: Ringfeed) -> None:
    write_mds(ringfeed.folder / "shards", {"x": ("int", 8)}, numbers())
    path = ringfeed.folder / "shards/shard.00000.mds"
    path.write_bytes(path.read_bytes()[:-1])
    assert "shards/shard.00000.mds: it has " in ringfeed.error("ingest", "shards", "a.ring", code=3)
    path.unlink()
    assert "shards/shard.00000.mds" in ringfeed.error("ingest", "shards", "a.ring", code=2)


def test_a_folder_of_save_to_disk_is_the_table(ringfeed: Ringfeed) -> None:
    random = numpy.random.default_rng(1)
    table = pyarrow.table({
        "id": pyarrow.array(range(1000)), "text": [f"a text {i}" * (i % 5) for i in range(1000)],
        "label": pyarrow.array(random.integers(0, 9, 1000)),
        "tokens": pyarrow.array([list(range(i % 50)) for i in range(1000)], pyarrow.list_(pyarrow.int32())),
        "image": pyarrow.FixedShapeTensorArray.from_numpy_ndarray(random.normal(size=(1000, 2, 3)).astype(numpy.float32)),
    })
    save_to_disk(ringfeed.folder / "saved", table, 3)
    pyarrow.parquet.write_table(table, ringfeed.folder / "same.parquet")
    ringfeed("ingest", "saved", "a.ring", "--no-permute")
    ringfeed("ingest", "same.parquet", "b.ring", "--no-permute")
    assert ringfeed("diff", "a.ring", "b.ring", "--key", "id").stdout == "diff: the same, 1000 samples and 1000\n"
    assert [json.loads(line)["sample"]["id"] for line in ringfeed("head", "a.ring", "-n", "1000", "--json").stdout.splitlines()[:1000]] == list(range(1000))


def test_arrow_files_are_sources(digits: Ringfeed) -> None:
    values = numpy.loadtxt(DIGITS, delimiter=",")
    images = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(values[:, :64].reshape(-1, 8, 8).astype(numpy.float32))
    table = pyarrow.table({"image": images, "label": values[:, 64].astype(numpy.int64)})
    for name, writer in (("stream.arrow", pyarrow.ipc.new_stream), ("file.arrow", pyarrow.ipc.new_file)):
        with writer(str(digits.folder / name), table.schema) as file:
            file.write_table(table)
        digits("ingest", name, f"{name}.ring")
        assert digits("diff", "digits.ring", f"{name}.ring", "--json", code=3).stdout.count('"added":0') == 1
    digits("ingest", DIGITS, "same.ring", *TENSORS)
    assert digits("diff", "same.ring", "stream.arrow.ring").stdout == "diff: the same, 1797 samples and 1797\n"


def test_pictures_of_hugging_face_are_the_bytes_of_their_files(ringfeed: Ringfeed) -> None:
    files = [{"bytes": bytes([i]) * i, "path": f"{i}.png"} for i in range(20)]
    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    table = pyarrow.table({"image": pyarrow.array(files, picture), "label": list(range(20))})
    pyarrow.parquet.write_table(table, ringfeed.folder / "a.parquet")
    save_to_disk(ringfeed.folder / "saved", table, 2)
    for source in ("a.parquet", "saved"):
        ringfeed("ingest", source, f"{source}.ring", "--no-permute")
        seen = [json.loads(line)["sample"] for line in ringfeed("head", f"{source}.ring", "-n", "20", "--json").stdout.splitlines()[:20]]
        assert seen == [{"image": file["bytes"].hex(), "label": i} for i, file in enumerate(files)]
    files[3]["bytes"] = None
    files[4] = None
    pyarrow.parquet.write_table(pyarrow.table({"image": pyarrow.array(files, picture)}), ringfeed.folder / "b.parquet")
    assert "b.parquet:4: column 'image': the value is missing (null)" in ringfeed.error("ingest", "b.parquet", "b.ring", code=3)
    assert "train: 18 samples" in ringfeed("ingest", "b.parquet", "b.ring", "--on-bad", "skip").stdout
    other = pyarrow.table({"x": pyarrow.array([{"a": 1}] * 3), "label": [1, 2, 3]})
    pyarrow.parquet.write_table(other, ringfeed.folder / "c.parquet")
    assert "column x" in ringfeed.error("ingest", "c.parquet", "c.ring", code=3)


def labels(names: list[str], values: list[int], kind: str = "ClassLabel") -> pyarrow.Table:
    """A table as Hugging Face's datasets describe it, with a label of these classes."""
    features = {"label": {"names": names, "_type": kind}, "n": {"dtype": "int64", "_type": "Value"}}
    return pyarrow.table({"label": pyarrow.array(values, pyarrow.int64()), "n": range(len(values))}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})})


def shown(ringfeed: Ringfeed, name: str) -> tuple[list[str], list[int]]:
    """The names of the classes, and the labels of all splits."""
    inspected = json.loads(ringfeed("inspect", name, "--json").stdout)
    samples = [json.loads(line)["sample"]["label"] for split in inspected["splits"]
               for line in ringfeed("head", f"{name}?split={split}", "-n", "100", "--json").stdout.splitlines() if "sample" in json.loads(line)]
    return next(column.get("classes", []) for column in inspected["columns"] if column["name"] == "label"), samples


@pytest.mark.parametrize("source", ["a.parquet", "a.arrow", "saved"])
def test_classes_of_hugging_face_keep_their_names(ringfeed: Ringfeed, source: str) -> None:
    def write(name: str, table: pyarrow.Table) -> str:
        path = ringfeed.folder / name
        if name.endswith(".parquet"):
            pyarrow.parquet.write_table(table, path)
        elif name.endswith(".arrow"):
            with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
                stream.write_table(table)
        else:
            save_to_disk(path, table, 1)
        return name

    ringfeed("ingest", write(source, labels(["neg", "pos"], [0, 1, 1])), "a.ring", "--no-permute")
    assert shown(ringfeed, "a.ring") == (["neg", "pos"], [0, 1, 1])
    ringfeed("ingest", write(f"b{source}", labels(["pos", "neg"], [0, 1])), "a.ring", "--no-permute", "--append", "--split", "val=1")
    assert shown(ringfeed, "a.ring") == (["neg", "pos"], [0, 1, 1, 1, 0])  # those of the data set
    other = write(f"c{source}", labels(["pos", "other"], [0, 1]))
    assert "'other' is none of the classes neg, pos" in ringfeed.error("ingest", other, "a.ring", "--append", code=3)
    ringfeed("ingest", source, "named.ring", "--no-permute", "--classes", "label")
    assert shown(ringfeed, "named.ring") == (["neg", "pos"], [0, 1, 1])
    missing = write(f"d{source}", labels(["neg", "pos"], [0, -1, 2]))
    assert "-1 is the number of no class, 0 to 1; --schema takes the numbers" in ringfeed.error("ingest", missing, "d.ring", code=3)
    ringfeed("ingest", missing, "d.ring", "--no-permute", "--schema", "label=int64")
    assert shown(ringfeed, "d.ring") == ([], [0, -1, 2])
    for name, table in (("e", labels(["twice", "twice"], [0])), ("f", labels(["a"], [0], "Value"))):
        ringfeed("ingest", write(name + source, table), f"{name}.ring", "--no-permute")
        assert shown(ringfeed, f"{name}.ring") == ([], [0])


def test_files_with_other_classes_are_no_one_source(ringfeed: Ringfeed) -> None:
    pyarrow.parquet.write_table(labels(["neg", "pos"], [0]), ringfeed.folder / "a.parquet")
    pyarrow.parquet.write_table(labels(["pos", "neg"], [0]), ringfeed.folder / "b.parquet")
    assert "int64 with the classes pos, neg where a.parquet has int64 with the classes neg, pos" in ringfeed.error(
        "ingest", "a.parquet", "b.parquet", "a.ring", code=3)


def test_a_list_of_files_of_strangers_names_nothing_outside(ringfeed: Ringfeed) -> None:
    save_to_disk(ringfeed.folder / "saved", pyarrow.table({"x": [1, 2]}), 1)
    (ringfeed.folder / "outside.arrow").write_bytes((ringfeed.folder / "saved/data-00000-of-00001.arrow").read_bytes())
    (ringfeed.folder / "saved/link.arrow").symlink_to("../outside.arrow")
    state = ringfeed.folder / "saved/state.json"
    for name in ("../outside.arrow", "link.arrow", str(ringfeed.folder / "outside.arrow")):
        state.write_text(json.dumps({"_data_files": [{"filename": name}]}))
        ringfeed.error("ingest", "saved", "a.ring", code=3)
    for text in ("{", "[]", '{"_data_files": []}', '{"_data_files": [{"filename": 7}]}', "[" * 100_000,
                 '{"_data_files": [{"filename": "data.arrow"}], "_indices_data_files": [{"filename": "chosen.arrow"}]}'):
        state.write_text(text)
        assert ringfeed.error("ingest", "saved", "a.ring", code=3).startswith("ringfeed: saved/state.json: ")


def test_a_compressed_arrow_file_is_refused(ringfeed: Ringfeed) -> None:
    with pyarrow.OSFile(str(ringfeed.folder / "a.arrow"), "wb") as file, pyarrow.ipc.new_stream(
            file, pyarrow.schema([("x", pyarrow.int64())]), options=pyarrow.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(pyarrow.table({"x": [1] * 10_000}))
    assert "write the file again, without compression" in ringfeed.error("ingest", "a.arrow", "a.ring", code=3)
