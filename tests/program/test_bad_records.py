"""Bad records and files of each format: the first one is named, or all are left out, counted and listed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pyarrow
import pytest
from conftest import Ringfeed
from PIL import Image
from pyarrow import parquet

pytestmark = pytest.mark.program

RECORDS = 2000  # each second one is bad, the first one is good
SCHEMA = {"csv": ("--schema", "v=float32"), "jsonl": ("--schema", "v=float32"), "parquet": (), "npy": ()}
NAN = float("nan")
NOT_FINITE = "is not a finite number"


def write_records(path: Path) -> list[str]:
    """Writes the file; column x, or v[0] of npy, is the number of the record. Gives words that are told of each bad one, in their order."""
    kinds: dict[str, list[tuple[str, str]]] = {
        "csv": [("{}", "1 field where 2 are due"), ("{},1,2", "3 fields where 2 are due"), ("{},nan", NOT_FINITE), ("{},inf", NOT_FINITE),
                ("{},abc", "'abc'"), ("{},", "column 'v'")],
        "jsonl": [('{{"x":{},"v":NaN}}', "is not JSON"), ('{{"x":{},"v":"a"}}', "text where"),
                  ('{{"x":{}}}', "column 'v': the value is missing"),
                  ('{{"x":{},"v":[1]}}', "lists of"), ('{{"x":{},"v":null}}', "the value is null")],
        "parquet": [("nan", NOT_FINITE), ("inf", NOT_FINITE), ("null", "the value is missing (null)")],
        "npy": [("nan", NOT_FINITE), ("inf", NOT_FINITE)],
    }
    format_ = path.suffix[1:]
    bad = [kinds[format_][i // 2 % len(kinds[format_])] for i in range(1, RECORDS, 2)]
    if format_ in ("csv", "jsonl"):
        good = "{},1.5\n" if format_ == "csv" else '{{"x":{},"v":1.5}}\n'
        lines = [good.format(i) if i % 2 == 0 else bad[i // 2][0].format(i) + "\n" for i in range(RECORDS)]
        path.write_text(("x,v\n" if format_ == "csv" else "") + "".join(lines))
    else:
        values = [1.5 if i % 2 == 0 else {"nan": NAN, "inf": float("inf"), "null": None}[bad[i // 2][0]] for i in range(RECORDS)]
        if format_ == "parquet":
            parquet.write_table(pyarrow.table({"x": range(RECORDS), "v": values}), path)
        else:
            numpy.save(path, numpy.stack([numpy.arange(RECORDS), values], axis=1).astype(numpy.float32))
    return [words for _, words in bad]


@pytest.mark.parametrize("format_", SCHEMA)
def test_the_first_bad_record_is_named_or_each_is_left_out_and_listed(ringfeed: Ringfeed, format_: str) -> None:
    source = f"a.{format_}"
    told = write_records(ringfeed.folder / source)
    header = 1 if format_ == "csv" else 0
    line = ringfeed.error("ingest", source, "x.ring", *SCHEMA[format_], code=3)
    assert line.startswith(f"ringfeed: {source}:{2 + header}: ") and told[0] in line
    assert line.endswith("leave bad records out with --on-bad skip")
    assert not (ringfeed.folder / "x.ring").exists()
    result = ringfeed("ingest", source, "x.ring", *SCHEMA[format_], "--on-bad", "skip", "--rejects", "rejects.txt")
    assert f"train: {RECORDS // 2} samples" in result.stdout and f"{RECORDS // 2} records rejected" in result.stdout
    rejects = (ringfeed.folder / "rejects.txt").read_text().splitlines()
    assert len(rejects) == len(told)
    for i, (reject, words) in enumerate(zip(rejects, told, strict=True)):
        assert reject.startswith(f"{source}:{2 * i + 2 + header}: ") and words in reject, reject
    samples = [json.loads(line)["sample"] for line in ringfeed("head", "x.ring", "-n", str(RECORDS), "--json").stdout.splitlines()[:-1]]
    assert sorted(sample["a"][0] if format_ == "npy" else sample["x"] for sample in samples) == list(range(0, RECORDS, 2))


@pytest.mark.parametrize("skip", [(), ("--on-bad", "skip")])
def test_files_that_do_not_go_together_are_named(ringfeed: Ringfeed, skip: tuple[str, ...]) -> None:
    """No record is at fault there, so none is skipped."""
    (ringfeed.folder / "a.csv").write_text("x,v\n1,2\n")
    (ringfeed.folder / "b.csv").write_text("x,w\n1,2\n")
    for name, values in (("a", [1, 2]), ("b", [1.5, 2.5]), ("c", ["a", "b"])):
        parquet.write_table(pyarrow.table({"x": values}), ringfeed.folder / f"{name}.parquet")
    numpy.save(ringfeed.folder / "a.npy", numpy.zeros((3, 2)))
    numpy.save(ringfeed.folder / "b.npy", numpy.zeros((4, 2)))
    for sources, words in (
        (("a.csv", "b.csv"), "b.csv:1: the first row is not the header of a.csv (x, v)"),
        (("a.parquet", "b.parquet"), "b.parquet: column 'x' is float64 where a.parquet has int64"),
        (("a.parquet", "c.parquet"), "c.parquet: column 'x' is string where a.parquet has int64"),
        (("a.npy", "b.npy"), "b.npy"),
    ):
        assert words in ringfeed.error("ingest", *sources, "x.ring", *skip, code=3)
        assert not (ringfeed.folder / "x.ring").exists()


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.npy", "a.idx", "a.parquet", "a.csv.gz"])
def test_a_file_of_no_bytes_is_named(ringfeed: Ringfeed, name: str) -> None:
    (ringfeed.folder / name).touch()
    for skip in ((), ("--on-bad", "skip")):
        assert f"ringfeed: {name}: the file is empty" in ringfeed.error("ingest", name, "x.ring", *skip, code=3)


def test_a_source_without_samples_publishes_nothing(ringfeed: Ringfeed) -> None:
    numpy.save(ringfeed.folder / "a.npy", numpy.zeros((0, 2)))
    parquet.write_table(pyarrow.table({"x": pyarrow.array([], pyarrow.int64())}), ringfeed.folder / "a.parquet")
    (ringfeed.folder / "a.csv").write_text("x,v\n")
    for name in ("a.npy", "a.parquet", "a.csv"):
        line = ringfeed.error("ingest", name, "x.ring", code=3)
        assert ": there is no sample; a data set needs at least one" in line or "a.csv: there is no good record" in line
        assert not (ringfeed.folder / "x.ring").exists()


@pytest.mark.parametrize(("name", "text", "line"), [
    ("a.jsonl", "{}\n\n[1]\n{x: 2}\n", "a.jsonl:3: "),
    ("a.jsonl", "x,y\n1,2\n", "a.jsonl:1: "),
    ("a.csv", "x,y\n1\n1,2,3\n", "a.csv:2: 1 field where 2 are due"),
])
def test_of_records_that_are_all_bad_the_first_is_named(ringfeed: Ringfeed, name: str, text: str, line: str) -> None:
    (ringfeed.folder / name).write_text(text)
    told = ringfeed.error("ingest", name, "x.ring", "--on-bad", "skip", code=3)
    assert told.startswith(f"ringfeed: {line}") and told.endswith("; there is no good record to tell the columns by: correct them"), told


def test_rejects_are_no_standard_output(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("x\n1\nb\n")
    told = ringfeed.error("ingest", "a.csv", "x.ring", "--schema", "x=int64", "--on-bad", "skip", "--rejects", "-", code=2)
    assert told.startswith("ringfeed: --rejects: ") and "standard output" in told and "./-" in told
    ringfeed("ingest", "a.csv", "x.ring", "--schema", "x=int64", "--on-bad", "skip", "--rejects", "./-")
    assert (ringfeed.folder / "-").read_text().startswith("a.csv:3: ")


def test_rejects_replace_no_source(ringfeed: Ringfeed) -> None:
    """Nor anything in a folder that is one: a picture, an index of shards."""
    for folder in ("photos/a", "photos/b"):
        (ringfeed.folder / folder).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8)).save(ringfeed.folder / folder / f"{number}.png")
    ringfeed("ingest", "photos", "photos.ring")
    ringfeed("export", "photos.ring", "out", "--format", "mds", "--columns", "image,label")
    for source, file in (("photos", "photos/a/0.png"), ("photos", "photos/new.txt"), ("out/train", "out/train/index.json")):
        before = {path: path.read_bytes() for path in ringfeed.folder.glob("**/*") if path.is_file()}
        told = ringfeed.error("ingest", source, "x.ring", "--on-bad", "skip", "--rejects", file, code=2)
        assert f"{file}: the rejects file would replace a source, or stand in the folder of one" in told
        assert {path: path.read_bytes() for path in ringfeed.folder.glob("**/*") if path.is_file()} == before
    (ringfeed.folder / "photos/b/bad\nname.png").write_text("no picture")
    ringfeed("ingest", "photos", "y.ring", "--on-bad", "skip", "--rejects", "photos.txt")  # beside it, by a name that begins alike
    lines = (ringfeed.folder / "photos.txt").read_text().splitlines()
    assert len(lines) == 1 and "bad\\nname.png" in lines[0]
