"""write(): data of every kind, written and read back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pytest
import torch
from built import PACKAGE, SECONDS_MAX

import ringfeed

pytestmark = pytest.mark.program
SAMPLES = 1003


def arrays() -> dict[str, numpy.ndarray]:
    """`id` counts; the others are functions of it."""
    ids = numpy.arange(SAMPLES, dtype=numpy.int64)
    return {"id": ids, "image": numpy.repeat(ids.astype(numpy.float32), 6).reshape(-1, 2, 3), "flag": ids % 2 == 1,
            "half": (ids % 100).astype(numpy.float16)}


def by_id(data: ringfeed.Dataset) -> list[dict[str, Any]]:
    return sorted(data, key=lambda sample: sample["id"])


def check_arrays(data: ringfeed.Dataset) -> None:
    """All of `arrays()`, each sample once."""
    expected = arrays()
    samples = by_id(data)
    assert len(samples) == len(data) == SAMPLES
    for name, values in expected.items():
        got = numpy.stack([sample[name] for sample in samples])
        assert got.dtype == values.dtype
        assert numpy.array_equal(got, values)


@pytest.mark.parametrize("kind", ["numpy", "torch", "fortran", "arrow", "reader", "pandas", "samples", "dataset"])
def test_what_comes_in_comes_out(kind: str, tmp_path: Path) -> None:
    data = arrays()
    columns = None
    match kind:
        case "numpy":
            given: Any = data
        case "torch":
            given = {name: torch.from_numpy(values) for name, values in data.items()}
        case "fortran":
            given = {name: numpy.asfortranarray(values[::-1]) for name, values in data.items()}
        case "arrow" | "reader":
            image = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(data["image"])
            given = pyarrow.table({**data, "image": image})
            given = given.to_reader(max_chunksize=100) if kind == "reader" else given
        case "pandas":
            frame = pandas.DataFrame({name: list(values) if values.ndim > 1 else values for name, values in data.items()})
            given = frame[frame["id"] >= 0].sample(frac=1, random_state=1)  # an index of its own, which is no column
        case "samples":
            given = ({name: values[i] for name, values in data.items()} for i in range(SAMPLES))
        case "dataset":
            given = torch.utils.data.TensorDataset(*(torch.from_numpy(values) for values in data.values()))
            columns = list(data)
    written = ringfeed.write(tmp_path / "a.ring", given, columns=columns)
    assert (written.version, written.splits, written.unchanged) == (1, {"train": SAMPLES}, False)
    check_arrays(ringfeed.open(written.url))


def test_big_endian_and_wider_numbers(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", {"a": numpy.array([1, 2], ">f4"), "b": numpy.array([1, 65535], numpy.uint16),
                                         "c": [3, 4], "d": [0.5, 1.5], "e": [True, False]})
    data = ringfeed.open(tmp_path / "a.ring")
    assert [column.dtype for column in data.schema] == ["float32", "int32", "int64", "float64", "bool"]
    assert sorted(data[:]["b"].tolist()) == [1, 65535]
    assert sorted(data[:]["a"].tolist()) == [1, 2]


def test_text_bytes_and_lists(tmp_path: Path) -> None:
    given = {"id": list(range(5)), "text": ["", "a", "ü", "bcd", "e"], "raw": [b"\0", b"", b"xyz", b"1", b"2"],
             "tokens": [numpy.arange(i, dtype=numpy.int32) for i in range(5)]}
    ringfeed.write(tmp_path / "a.ring", given)
    data = ringfeed.open(tmp_path / "a.ring")
    assert [(column.name, column.kind) for column in data.schema] == [("id", "tensor"), ("text", "string"), ("raw", "binary"),
                                                                      ("tokens", "list")]
    for sample in data:
        i = int(sample["id"])
        assert (sample["text"], sample["raw"], sample["tokens"].tolist()) == (given["text"][i], given["raw"][i], list(range(i)))
        assert sample["tokens"].dtype == numpy.int32


def test_samples_of_tuples_have_names(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "pairs.ring", [(torch.full((4,), float(i)), i) for i in range(10)])
    data = ringfeed.open(tmp_path / "pairs.ring")
    assert [column.name for column in data.schema] == ["data", "target"]
    assert all(sample["data"].tolist() == [float(sample["target"])] * 4 for sample in data)
    with pytest.raises(ValueError, match="a sample has 3 values; name each with columns"):
        ringfeed.write(tmp_path / "b.ring", [(1, 2, 3)])


def test_splits_strata_and_append(tmp_path: Path) -> None:
    url = tmp_path / "a.ring"
    label = numpy.arange(1000) % 4
    written = ringfeed.write(url, {"label": label}, splits={"train": 0.8, "val": 0.2}, stratify="label", seed=3)
    assert written.splits == {"train": 800, "val": 200}
    assert numpy.bincount(ringfeed.open(url, split="val")[:]["label"]).tolist() == [50] * 4
    again = ringfeed.write(url, {"label": label.copy()}, splits={"train": 0.8, "val": 0.2}, stratify="label", seed=3)
    assert again.unchanged
    assert again.version == 1
    with pytest.raises(ringfeed.ConflictError, match="append"):
        ringfeed.write(url, {"label": label + 1}, splits={"train": 0.8, "val": 0.2})
    more = ringfeed.write(url, {"label": label[:500]}, splits={"train": 0.8, "val": 0.2}, append=True)
    assert (more.version, more.splits) == (2, {"train": 1200, "val": 300})
    assert len(ringfeed.open(f"{url}?version=1")) == 800


def test_tensors_are_packed(tmp_path: Path) -> None:
    frame = pandas.DataFrame({f"f{i}": numpy.arange(20) + i for i in range(4)} | {"y": numpy.arange(20)})
    ringfeed.write(tmp_path / "a.ring", frame, tensors=["x=f0..f3:2x2:float32", "y=y::int64"])
    for sample in ringfeed.open(tmp_path / "a.ring"):
        assert sample["x"].tolist() == [[sample["y"], sample["y"] + 1], [sample["y"] + 2, sample["y"] + 3]]


@pytest.mark.parametrize(("data", "error", "text"), [
    ({"a": numpy.zeros(3), "b": numpy.zeros(2)}, ValueError, "different numbers of samples (a: 3, b: 2)"),
    ({"a": numpy.array([1.0, numpy.nan])}, ringfeed.BadDataError, "data:2: column 'a'"),
    ({"a": numpy.zeros(2, complex)}, ValueError, "column 'a': a data set cannot hold this dtype"),
    ({"a": numpy.zeros(2, numpy.uint64)}, ValueError, "cast it to int64"),
    ({"a": ["x", None]}, ringfeed.BadDataError, "column 'a'"),
    ({"a": [1, None]}, ringfeed.BadDataError, "value 1 is None"),
    ({"a": [numpy.zeros((2, 2)), numpy.zeros((2, 3))]}, ringfeed.BadDataError, "different shapes"),
    ({}, ValueError, "no column"),
    ({"a": []}, ValueError, "no sample"),
    ([], ValueError, "no sample"),
    (7, ValueError, "data is int"),
    (pyarrow.table({"a": pyarrow.array([1, None])}), ringfeed.BadDataError, "data:2: column 'a': the value is missing"),
    ([{"a": 1}, {"b": 2}], ringfeed.BadDataError, "sample 1 has the columns b"),
])
def test_bad_data_are_named_and_leave_nothing(data: Any, error: type[Exception], text: str, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(error) as caught:
        ringfeed.write(tmp_path / "a.ring", data)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        ringfeed.open(tmp_path / "a.ring")


def test_shapes_that_change_late_are_named(tmp_path: Path) -> None:
    with pytest.raises(ringfeed.BadDataError, match=r"column 'x' is float64 \[3\] from sample 4096 on, and float64 \[2\] before"):
        ringfeed.write(tmp_path / "a.ring", ({"x": numpy.zeros(2 if i < 5000 else 3)} for i in range(4096 * 2) if i < 4096 or i >= 5000))


@pytest.mark.parametrize(("keywords", "text"), [
    ({"splits": {"train": 0.5}}, "add up to"),
    ({"layout": "columns"}, "'packed' or 'rows'"),
    ({"chunk_bytes": 1}, "chunk-bytes"),
    ({"user": "me"}, "there is no keyword 'user'"),
    ({"lz4": "yes"}, "keyword 'lz4' does not take a value of type str"),
    ({"seed": -1}, "keyword 'seed'"),
])
def test_bad_arguments(keywords: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match=text):
        ringfeed.write(tmp_path / "a.ring", {"a": numpy.zeros(4)}, **keywords)


def test_what_the_data_raise_comes_out(tmp_path: Path) -> None:
    def samples() -> Iterator[dict[str, int]]:
        yield from ({"a": i} for i in range(5000))
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        ringfeed.write(tmp_path / "a.ring", samples())
    assert not (tmp_path / "a.ring").exists() or not ringfeed.list(tmp_path)


def test_samples_are_read_by_the_thread_that_writes(tmp_path: Path) -> None:
    import threading

    threads = set()

    def samples() -> Iterator[dict[str, int]]:
        for i in range(10000):
            threads.add(threading.get_ident())
            yield {"a": i}

    ringfeed.write(tmp_path / "a.ring", samples())
    assert threads == {threading.get_ident()}


def test_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    ringfeed.write(tmp_path / "a.ring", arrays(), progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert [stage for stage, _, _ in seen][-1] == "publishing"
    assert {stage for stage, _, _ in seen} == {"reading", "writing", "publishing"}
    ringfeed.write(tmp_path / "b.ring", arrays())
    assert capsys.readouterr().err == ""  # it is no terminal
    ringfeed.write(tmp_path / "c.ring", arrays(), progress=True)
    assert "publishing" in capsys.readouterr().err


def test_ctrl_c_leaves_nothing_and_the_next_write_is_whole(tmp_path: Path) -> None:
    script = """
import sys, time
import ringfeed

def samples():
    for i in range(10**9):
        if i == 5000:
            print("reading", flush=True)
        yield {"a": i}

try:
    ringfeed.write(sys.argv[1], samples())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path / "a.ring"], env={**os.environ, "PYTHONPATH": PACKAGE},
                               stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=SECONDS_MAX)[0] == "interrupted\n"
    finally:
        process.kill()
    with pytest.raises(FileNotFoundError):
        ringfeed.open(tmp_path / "a.ring")
    ringfeed.write(tmp_path / "a.ring", arrays())
    check_arrays(ringfeed.open(tmp_path / "a.ring"))


def test_memory_in_place_is_not_copied_to_a_spill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))  # where a spill would be
    ringfeed.write(tmp_path / "a.ring", arrays())
    check_arrays(ringfeed.open(tmp_path / "a.ring"))
    with pytest.raises(ringfeed.Error, match="missing"):
        ringfeed.write(tmp_path / "b.ring", iter([{"a": 1}]))
