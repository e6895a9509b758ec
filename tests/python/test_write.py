"""write(): data of every kind, written and read back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
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


@pytest.mark.parametrize("value", ["", b""])
def test_texts_and_bytes_may_all_be_empty(value: str | bytes, tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", {"text": [value, value], "id": [0, 1]})
    assert [sample["text"] for sample in ringfeed.open(tmp_path / "a.ring")] == [value, value]
    samples = ({"text": b"x" if i < 4096 else b"", "id": i} for i in range(5000))  # the second block has none
    ringfeed.write(tmp_path / "b.ring", samples)
    assert sum(len(sample["text"]) for sample in ringfeed.open(tmp_path / "b.ring")) == 4096


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
    ({"a": numpy.array([1.0, numpy.nan])}, ringfeed.BadDataError, "data: sample 1: column 'a'"),
    ({"a": numpy.zeros(2, complex)}, ValueError, "column 'a': complex128 cannot be held; give its real and imaginary parts"),
    ({"a": numpy.zeros(2, numpy.uint64)}, ValueError, "column 'a': uint64 cannot be held; cast it to int64 where that has its values, else make it text"),
    ({"a": numpy.zeros(2, numpy.longdouble)}, ValueError, "cast it to float64"),
    ({"a": numpy.zeros(2, [("x", int)])}, ValueError, "give its fields as columns"),
    (pandas.DataFrame({"a": pandas.to_datetime(["2026-11-28"])}), ValueError, "cast it to int64"),
    ({"a": numpy.zeros(2, "m8[s]")}, ValueError, "column 'a': timedelta64[s] cannot be held"),
    ({"a": numpy.zeros((2, 0))}, ValueError, "column 'a': samples of shape (0,) hold nothing"),
    ({"a": ["x", None]}, ringfeed.BadDataError, "column 'a': sample 1 is None, which is missing"),
    ({"a": [b"x", None]}, ringfeed.BadDataError, "column 'a': sample 1 is None, which is missing"),
    ({"a": ["x", "\ud800"]}, ringfeed.BadDataError, "column 'a': sample 1 has a lone surrogate"),
    ({"a": [1, None]}, ringfeed.BadDataError, "column 'a': sample 1 is None"),
    ({"a": 1}, ValueError, "column 'a' is int"),
    ({"a": "abc"}, ValueError, "column 'a' is str"),
    ([[numpy.zeros(2), 1]], ringfeed.BadDataError, "sample 0 is [array([0., 0.]), 1]"),
    ([{"a": torch.eye(2).to_sparse()}], ringfeed.InvalidArgumentError, "column 'a': a tensor of torch.float32 (torch.sparse_coo, on cpu) cannot"),
    (pandas.Series([1, 2]), ValueError, "data is Series, one column without a name"),
    (pyarrow.chunked_array([[1]]), ValueError, "data is ChunkedArray, one column without a name"),
    (pyarrow.table({"a": [[[1]]]}), ValueError, "lists are of numbers"),
    ({"a": torch.zeros(2, dtype=torch.bfloat16)}, ValueError, "column 'a': a tensor of torch.bfloat16"),
    ({"a": torch.zeros(2).to_sparse()}, ValueError, "torch.sparse_coo"),
    ({"a": torch.zeros(2, device="meta")}, ValueError, "on meta"),
    ({"a": pyarrow.array([1, None])}, ringfeed.BadDataError, "column 'a': sample 1 is None, which is missing"),
    ({"a": pyarrow.array(["x", None])}, ringfeed.BadDataError, "column 'a': sample 1 is None, which is missing"),
    ({"a": pandas.Series([1, None], dtype="Int64")}, ringfeed.BadDataError, "column 'a': sample 1 is None"),
    ({"": [1, 2]}, ringfeed.BadDataError, "column 1 has no name"),
    ({"n" * 1025: [1, 2]}, ringfeed.BadDataError, "1025 bytes, the limit is 1024"),
    ({str(i): [1] for i in range(65537)}, ringfeed.BadDataError, "65537 columns, the limit is 65536"),
    ({"a": [numpy.zeros((2, 2)), numpy.zeros((2, 3))]}, ringfeed.BadDataError, "different shapes"),
    ({}, ValueError, "no column"),
    ({"a": []}, ValueError, "no sample"),
    ([], ValueError, "no sample"),
    (7, ValueError, "data is int"),
    (pyarrow.table({"a": pyarrow.array([1, None])}), ringfeed.BadDataError, "data: sample 1: column 'a': the value is missing"),
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
    with pytest.raises(ringfeed.BadDataError, match=r"column 'x': samples have different shapes, \(2,\) and \(sample 4096\) \(3,\)"):
        ringfeed.write(tmp_path / "a.ring", ({"x": numpy.zeros(2 if i < 5000 else 3)} for i in range(4096 * 2) if i < 4096 or i >= 5000))


MASKED = numpy.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])


@pytest.mark.parametrize(("data", "sample"), [
    ({"x": MASKED}, 1),
    ({"x": [numpy.ma.array([1.0, 2.0, 3.0]), MASKED]}, 1),
    ({"x": [1.0, 2.0, numpy.ma.masked]}, 2),
    ({"x": [[1.0, 2.0], [1.0, numpy.ma.masked]]}, 1),
    ({"x": [[numpy.zeros(3), MASKED]]}, 0),
    ({"x": [[1, 2], [1, numpy.ma.array(2, mask=True)]]}, 1),
    ({"x": [1, numpy.ma.array(2, mask=True)]}, 1),
    ({"x": [[1, 2], numpy.ma.array([1, 2], mask=[False, True])]}, 1),
    (({"x": MASKED if i == 5000 else numpy.zeros(3)} for i in range(6000)), 5000),
    (({"x": numpy.ma.masked if i == 5000 else 1} for i in range(6000)), 5000),
])
def test_masked_values_are_missing(data: Any, sample: int, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ringfeed.BadDataError, match=f"column 'x': sample {sample} has a masked value"):
        ringfeed.write(tmp_path / "a.ring", data)


def test_columns_of_other_libraries(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", {"n": pyarrow.array([1, 2], pyarrow.int32()), "t": pyarrow.array(["x", "y"]),
                                         "l": pyarrow.chunked_array([[[1, 2]], [[]]]), "s": pandas.Series([3, 4], dtype="Int16")})
    samples = sorted(ringfeed.open(tmp_path / "a.ring"), key=lambda sample: sample["n"])
    assert [(sample["n"].dtype, sample["t"], sample["l"].tolist(), sample["s"].dtype) for sample in samples] == [
        ("int32", "x", [1, 2], "int16"), ("int32", "y", [], "int16")]


class OfPolars:
    """What a Series of polars has."""

    def __init__(self, values: list) -> None:
        self.to_list = lambda: values
        self.null_count = lambda: values.count(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_list())

    def __getitem__(self, number: int) -> Any:  # noqa: ANN401
        return self.to_list()[number]

    def to_numpy(self) -> numpy.ndarray:
        return numpy.array(self.to_list(), float)  # None becomes NaN

@pytest.mark.parametrize("values", [
    pandas.array([2**53 + 1, None], dtype="Int64"), pandas.array([1.5, None], dtype="Float64"), pandas.array([True, None], dtype="boolean"),
    pandas.array(["a", None], dtype="string"), pandas.Categorical(["a", None]), pandas.array([1, None], dtype=pandas.ArrowDtype(pyarrow.int64())),
    pyarrow.array([2**53 + 1, None]), pyarrow.chunked_array([[1.5], [None]]), pyarrow.array(["a", None]),
    OfPolars([2**53 + 1, None]),
], ids=lambda values: str(getattr(values, "dtype", getattr(values, "type", None))))
def test_what_is_missing_in_columns_of_other_libraries_is_no_nan(values: Any, tmp_path: Path) -> None:  # noqa: ANN401
    first = values[0].as_py() if hasattr(values[0], "as_py") else values[0]
    for data in ({"x": values}, *([pandas.DataFrame({"x": values})] if hasattr(values, "isna") else [])):
        for allow_nan in (False, True):
            with pytest.raises(ringfeed.BadDataError, match="column 'x': sample 1 is None, which is missing; fill it in"):
                ringfeed.write(tmp_path / "a.ring", data, allow_nan=allow_nan)
        ringfeed.write(tmp_path / "a.ring", data, on_bad="skip", overwrite=True)
        assert ringfeed.open(tmp_path / "a.ring")[0]["x"] == first


@pytest.mark.parametrize(("data", "text"), [
    ("titanic.csv", "data is 'titanic.csv', a text; files are stored by 'ringfeed ingest'"),
    (Path("titanic.csv"), "data is 'titanic.csv', a text"),
    (b"abc", "data is bytes; give a list with the bytes of each sample"),
    (pyarrow.array([1, 2]), "data is Int64Array, one column without a name; give it one"),
])
def test_what_would_be_taken_apart_is_refused(data: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ringfeed.InvalidArgumentError, match=text):
        ringfeed.write(tmp_path / "a.ring", data)


def test_record_batches(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", pyarrow.record_batch({"a": [1, 2]}))
    assert sorted(ringfeed.open(tmp_path / "a.ring")[:]["a"].tolist()) == [1, 2]


def test_a_mask_of_nothing_is_none(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", {"x": numpy.ma.array([1.0, 2.0], mask=False), "y": [numpy.ma.array([1]), numpy.ma.array([2])]})
    assert sorted(ringfeed.open(tmp_path / "a.ring")[:]["x"].tolist()) == [1, 2]


@pytest.mark.parametrize(("data", "text"), [
    ({"x": [1, 2**63]}, "sample 1 has 9223372036854775808, a whole number beyond int64"),
    ({"x": [2**63, 2**63]}, "sample 0 has 9223372036854775808, a whole number beyond int64"),
    ({"x": [1, 2**64]}, "sample 1 has 18446744073709551616, a whole number beyond int64"),
    ({"x": [0.5, 2**53 + 1]}, "sample 1 has 9007199254740993, a whole number that float64 does not hold exactly"),
    ({"x": [numpy.int64(2**53 + 1), 0.5]}, "sample 0 has 9007199254740993"),
    ({"x": [[1, 2], [0.5, 2**53 + 1]]}, "sample 1 has 9007199254740993"),
    ({"x": [numpy.array([0.5]), numpy.array([2**53 + 1])]}, "sample 1 has 9007199254740993, which float64 does not hold exactly"),
    ({"x": [numpy.array([2**63], numpy.uint64), numpy.array([1])]}, "uint64 cannot be held"),
    (({"x": 2**53 + 1 if i == 5000 else 0.5} for i in range(6000)), "sample 5000 has 9007199254740993"),
    (({"x": 0.5 if i < 4096 else 2**53 + i - 4999} for i in range(6000)), "sample 5000 has 9007199254740993, which float64"),
])
def test_whole_numbers_are_never_rounded(data: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="column 'x': ") as caught:
        ringfeed.write(tmp_path / "a.ring", data)
    assert text in str(caught.value)


def test_whole_numbers_that_floats_hold_stay(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", {"x": [0.5, 2**53, -(2**60), 3], "y": [2**63 - 1, -(2**63), 0, 1]})
    data = ringfeed.open(tmp_path / "a.ring")[:]
    assert sorted(data["x"].tolist()) == [-(2**60), 0.5, 3, 2**53]
    assert sorted(data["y"].tolist()) == [-(2**63), 0, 1, 2**63 - 1]


@pytest.mark.parametrize("kind", ["dict", "pandas", "samples", "arrays", "late"])
def test_an_empty_list_has_no_dtype(kind: str, tmp_path: Path) -> None:
    tokens: list[Any] = [[101, 2**53 + 1], [], [102]]
    given: Any = {"tok": tokens}
    dtype = "int64"
    match kind:
        case "pandas":
            given = pandas.DataFrame(given)
        case "samples":
            given = [{"tok": each} for each in tokens]
        case "arrays":
            given, dtype = {"tok": [numpy.array([7, 8], numpy.int32), [], numpy.zeros(0)]}, "int32"
        case "late":  # a block of samples behind those that said what the column is
            given = ({"tok": [i] * (i % 3 + 1) if i < 4096 else []} for i in range(5000))
    ringfeed.write(tmp_path / "a.ring", given)
    data = ringfeed.open(tmp_path / "a.ring")
    assert (data.schema[0].kind, data.schema[0].dtype) == ("list", dtype)
    if kind in ("dict", "pandas", "samples"):
        assert sorted(sample["tok"].tolist() for sample in data) == [[], [101, 2**53 + 1], [102]]


def test_lists_without_any_number(tmp_path: Path) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="column 'tok': all lists are empty, and say nothing of their dtype"):
        ringfeed.write(tmp_path / "a.ring", {"tok": [[], []]})
    ringfeed.write(tmp_path / "a.ring", {"tok": [numpy.zeros(0, numpy.int16), []]})
    assert ringfeed.open(tmp_path / "a.ring").schema[0] == ringfeed.Column("tok", "list", "int16", ())


def test_kinds_do_not_depend_on_blocks(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "a.ring", ({"x": 0.5 if i < 4096 else i, "y": numpy.zeros(1, numpy.int64 if i < 4096 else numpy.int8)}
                                         for i in range(5000)))
    assert [column.dtype for column in ringfeed.open(tmp_path / "a.ring").schema] == ["float64", "int64"]
    for late, text in ((0.5, r"from sample 4096 on values are float64, those before int64; say schema=\{'x': 'float64'\}"),
                       ("x", "sample 4096 is 'x'"), ([1], "sample 4096"), (None, "sample 4096 is None")):
        with pytest.raises(ringfeed.BadDataError, match=text):
            ringfeed.write(tmp_path / "b.ring", ({"x": 1 if i < 4096 else late} for i in range(5000)))


@pytest.mark.parametrize("columns", [None, ["a"], ["a", "b"]])
def test_a_frame_with_a_name_twice(columns: list[str] | None, tmp_path: Path) -> None:
    frame = pandas.DataFrame([[1, 2, 3], [4, 5, 6]], columns=["a", "a", "b"])
    with pytest.raises(ringfeed.InvalidArgumentError, match="the column 'a' stands twice"):
        ringfeed.write(tmp_path / "a.ring", frame, columns=columns)
    ringfeed.write(tmp_path / "a.ring", frame, columns=["b"])


@pytest.mark.parametrize("data", [{"a": [1], "b": [2]}, [(1, 2)], pyarrow.table({"a": [1], "b": [2]})])
@pytest.mark.parametrize(("columns", "text"), [(["a", "a"], "columns: 'a' stands twice"), ([], "columns is"), ("a", "columns is 'a'")])
def test_names_that_cannot_be(data: Any, columns: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ringfeed.InvalidArgumentError, match=text):
        ringfeed.write(tmp_path / "a.ring", data, columns=columns)


def test_columns_of_a_table_that_are_not_there(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [1], "b": [2]})
    for given in (table, table.to_reader()):
        with pytest.raises(ringfeed.InvalidArgumentError, match="columns: there is no column 'c'; the columns are a, b"):
            ringfeed.write(tmp_path / "a.ring", given, columns=["c"])


@pytest.mark.parametrize("kind", ["dict", "frame", "table", "reader", "samples"])
def test_columns_are_chosen_or_left_out(kind: str, tmp_path: Path) -> None:
    """What is left out is not looked at: a column of dates is no matter then."""
    data = {"a": [1, 2], "when": numpy.array(["2026-01-01", "2026-01-02"], "datetime64[s]"), "b": [3, 4]}
    frame = pandas.DataFrame(data)

    def given() -> Any:  # noqa: ANN401
        match kind:
            case "dict":
                return data
            case "frame":
                return frame
            case "samples":
                return iter(frame.to_dict("records"))
            case _:
                table = pyarrow.Table.from_pandas(frame, preserve_index=False)
                return table if kind == "table" else table.to_reader()

    ringfeed.write(tmp_path / "a.ring", given(), drop=["when"])
    assert [column.name for column in ringfeed.open(tmp_path / "a.ring").schema] == ["a", "b"]
    ringfeed.write(tmp_path / "b.ring", given(), columns=["b", "a"])
    assert [column.name for column in ringfeed.open(tmp_path / "b.ring").schema] == ["b", "a"]
    with pytest.raises(ringfeed.InvalidArgumentError, match="drop: there is no column 'c'"):
        ringfeed.write(tmp_path / "c.ring", given(), drop=["c"])
    with pytest.raises(ringfeed.InvalidArgumentError, match="give one of the two"):
        ringfeed.write(tmp_path / "c.ring", given(), columns=["a"], drop=["b"])


def test_text_becomes_classes(tmp_path: Path) -> None:
    data = {"label": ["dog", "cat", "dog"], "n": [7, -1, 7], "id": [0, 1, 2]}
    ringfeed.write(tmp_path / "a.ring", data, classes=["label", "n"])
    opened = ringfeed.open(tmp_path / "a.ring")
    assert opened.classes == {"label": ("cat", "dog"), "n": ("-1", "7")}
    assert opened.schema[0] == ringfeed.Column("label", "tensor", "int64", (), ("cat", "dog"))
    assert {int(sample["id"]): int(sample["label"]) for sample in opened} == {0: 1, 1: 0, 2: 1}
    ringfeed.write(tmp_path / "a.ring", {**data, "label": ["cat"] * 3}, splits={"val": 1}, append=True)
    assert ringfeed.open(tmp_path / "a.ring").classes["label"] == ("cat", "dog")
    assert [int(sample["label"]) for sample in ringfeed.open(f"{tmp_path}/a.ring?split=val")] == [0, 0, 0]
    with pytest.raises(ringfeed.BadDataError, match="data: sample 0: column 'label': 'eel' is none of the classes cat, dog"):
        ringfeed.write(tmp_path / "a.ring", {**data, "label": ["eel"] * 3}, classes=["label", "n"], append=True)
    samples = ({"label": label} for label in data["label"])
    with pytest.raises(ringfeed.InvalidArgumentError, match="a stream is read only once"):
        ringfeed.write(tmp_path / "b.ring", samples, classes=["label"])
    ringfeed.write(tmp_path / "b.ring", [{"label": label} for label in data["label"]], classes={"label": ["dog", "cat"]})
    assert ringfeed.open(tmp_path / "b.ring").classes == {"label": ("dog", "cat")}


def test_nan_where_it_is_allowed(tmp_path: Path) -> None:
    data = {"x": numpy.array([1.0, numpy.nan, -numpy.inf])}
    with pytest.raises(ringfeed.BadDataError, match="data: sample 1: column 'x'"):
        ringfeed.write(tmp_path / "a.ring", data)
    ringfeed.write(tmp_path / "a.ring", data, allow_nan=True)
    assert numpy.isfinite(ringfeed.open(tmp_path / "a.ring")[:]["x"]).sum() == 1
    assert ringfeed.verify(tmp_path / "a.ring").not_finite == 2


def test_the_order_of_the_data_and_the_numbers_of_its_samples(tmp_path: Path) -> None:
    data = {"x": numpy.arange(1000) * 2}
    ringfeed.write(tmp_path / "a.ring", data, permute=False, splits={"train": 0.9, "val": 0.1})
    assert ringfeed.open(tmp_path / "a.ring")[:]["x"].tolist() == data["x"][:900].tolist()
    assert ringfeed.open(tmp_path / "a.ring", split="val")[:]["x"].tolist() == data["x"][900:].tolist()
    loader = ringfeed.Loader(ringfeed.open(tmp_path / "a.ring"), batch_size=10, shuffle=False, as_numpy=True)
    assert next(iter(loader))["x"].tolist() == list(range(0, 20, 2))
    ringfeed.write(tmp_path / "b.ring", ({"x": x} for x in data["x"]), row_number="row")
    opened = ringfeed.open(tmp_path / "b.ring")[:]
    assert numpy.array_equal(opened["x"], opened["row"] * 2)
    assert opened["row"].tolist() != sorted(opened["row"])


def test_the_same_cell_again(tmp_path: Path) -> None:
    """The same data change nothing; other data are refused with the two ways on, in the words of Python."""
    url = tmp_path / "a.ring"
    first, second = {"x": [1, 2, 3]}, {"y": ["a", "b"]}
    ringfeed.write(url, first)
    assert ringfeed.write(url, {"x": [1, 2, 3]}).unchanged
    with pytest.raises(ringfeed.ConflictError) as caught:
        ringfeed.write(url, second)
    assert "append=True" in str(caught.value)
    assert "overwrite=True" in str(caught.value)
    assert "--" not in str(caught.value)
    reader = ringfeed.open(url)
    assert ringfeed.write(url, second, overwrite=True).version == 2
    assert ringfeed.write(url, second, overwrite=True).unchanged
    assert [column.name for column in ringfeed.open(url).schema] == ["y"]
    assert sorted(reader[:]["x"].tolist()) == [1, 2, 3]
    assert len(ringfeed.open(f"{url}?version=1")) == 3


@pytest.mark.parametrize(("value", "text"), [
    ({"bytes": b"x"}, "is a dict; give its parts as columns of their own"),
    (["a", "b"], "is a list of text; make it one text"),
    (None, "which is missing; fill it in, or leave the sample out"),
])
def test_values_that_are_no_numbers(value: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ringfeed.BadDataError, match="column 'x': sample 1 is") as caught:
        ringfeed.write(tmp_path / "a.ring", {"x": [[1.0, 2.0], value]})
    assert text in str(caught.value)
    with pytest.raises(ringfeed.BadDataError, match="column 'x': sample 1 is None, which is missing"):
        ringfeed.write(tmp_path / "a.ring", {"x": ["a", None]})


TEXTS = [["a"], ["b", "c"]]


@pytest.mark.parametrize("data", [{"tags": TEXTS, "y": [1, 2]}, {"tags": numpy.array([["a"], ["b"]]), "y": [1, 2]},
                                  {"tags": pyarrow.array(TEXTS), "y": [1, 2]}, [{"tags": [], "y": 1}, {"tags": ("a", "b"), "y": 2}],
                                  pandas.DataFrame({"tags": TEXTS, "y": [1, 2]}), pyarrow.table({"tags": TEXTS, "y": [1, 2]}),
                                  pyarrow.table({"tags": TEXTS, "y": [1, 2]}).to_reader(),
                                  pyarrow.table({"tags": pyarrow.array([["a"], ["b"]], pyarrow.large_list(pyarrow.large_string())), "y": [1, 2]})],
                         ids=["dict", "array", "column", "samples", "frame", "table", "reader", "large"])
def test_lists_of_text_are_refused_in_the_same_words(data: Any, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(ringfeed.BadDataError, match="column 'tags': .*a list of text.*; make it one text, as JSON does, or numbers, as a "
                                                    "tokenizer does, or leave the column out with drop") as caught:
        ringfeed.write(tmp_path / "a.ring", data)
    assert "\n" not in str(caught.value)
    if isinstance(data, pyarrow.RecordBatchReader):
        return
    ringfeed.write(tmp_path / "a.ring", data, drop=["tags"])
    assert sorted(sample["y"] for sample in ringfeed.open(tmp_path / "a.ring")) == [1, 2]


@pytest.mark.parametrize("kind", ["dict", "samples", "table", "frame"])
def test_bad_samples_are_left_out_and_listed(kind: str, tmp_path: Path) -> None:
    names: list[Any] = ["a", "b", None, "d", "e"]
    data = {"id": [0, 1, 2, 3, 4], "x": [0.0, float("nan"), 2.0, 3.0, 4.0], "name": names}
    given: Any = data
    if kind == "samples":
        given = ({name: data[name][i] for name in data} for i in range(5))
    if kind == "table":
        given = pyarrow.table(data)
    if kind == "frame":  # what is missing in text is NaN here
        given = pandas.DataFrame({**data, "name": ["a", "b", float("nan"), "d", "e"]})
    rejects = tmp_path / "rejects.txt"
    written = ringfeed.write(tmp_path / "a.ring", given, on_bad="skip", rejects=rejects, row_number="row")
    assert (written.rejected, written.splits) == (2, {"train": 3})
    opened = ringfeed.open(tmp_path / "a.ring")[:]
    assert sorted(opened["id"].tolist()) == [0, 3, 4]
    assert opened["row"].tolist() == opened["id"].tolist()
    first, second = rejects.read_text().splitlines()
    assert first == "data: sample 1: column 'x': nan is not a finite number (allow_nan=True admits it)"
    assert second.startswith("data: sample 2: column 'name'")
    with pytest.raises(ringfeed.InvalidArgumentError, match="a rejects file is written only when bad records are skipped"):
        ringfeed.write(tmp_path / "b.ring", {"id": [1]}, rejects=rejects)


@pytest.mark.parametrize(("values", "bad"), [
    ([None, "b", "c"], 0), ([1.5, "b", "c"], 0), ([1, "x", 2], 1), ([[1, 2], {"a": 1}, [3, 4]], 1), ([b"", "x", b"y"], 1),
])
def test_a_sample_of_another_kind_is_left_out(values: list[Any], bad: int, tmp_path: Path) -> None:
    """Also where it is the first one: the kind of a column is that of most samples then."""
    written = ringfeed.write(tmp_path / "a.ring", {"x": values, "id": [0, 1, 2]}, on_bad="skip")
    assert written.rejected == 1
    assert sorted(ringfeed.open(tmp_path / "a.ring")[:]["id"].tolist()) == [i for i in range(3) if i != bad]


def test_boxes_of_different_numbers(tmp_path: Path) -> None:
    boxes = [numpy.ones((2, 4)), numpy.ones((3, 4))]
    with pytest.raises(ringfeed.BadDataError, match=r"flatten each to one dimension, which may vary: value.reshape\(-1\)"):
        ringfeed.write(tmp_path / "a.ring", {"boxes": boxes})
    ringfeed.write(tmp_path / "a.ring", {"boxes": [box.reshape(-1) for box in boxes]})


@pytest.mark.parametrize(("keywords", "text"), [
    ({"splits": {"train": 0.5}}, "add up to"),
    ({"layout": "columns"}, "'packed' or 'rows'"),
    ({"chunk_bytes": 1}, "chunk_bytes is 1; it is a whole number from 4096 to 8388608"),
    ({"user": "me"}, r"there is no keyword 'user' \(did you mean 'username'\?\)"),
    ({"split": {"train": 1}}, r"there is no keyword 'split' \(did you mean 'splits'\?\); there are url, data, columns, drop, schema"),
    ({"lz4": "yes"}, "lz4 is 'yes'; it is True or False"),
    ({"username": 3}, "username is 3; it is a text"),
    ({"connections_per_host": "4"}, "connections_per_host is '4'; it is a whole number from 0"),
    ({"password": 3}, "password is int; it is a text"),
    ({"stratify": 3}, "stratify is 3; it is a text"),
    ({"row_number": 3}, "row_number is 3; it is a text"),
    ({"create_keyspace": True}, "create_keyspace is True; it is the replication of the keyspace: '3'"),
    ({"splits": {1: 0.5, "b": 0.5}}, "splits is 1; it is a text"),
    ({"progress": 3}, "progress is 3; it is True, False, or a function"),
    ({"row_number": "\ud800"}, r"row_number is '\\ud800', with a lone surrogate in it, which is no text"),
    ({"seed": -1}, "seed is -1; it is a whole number from 0 to 18446744073709551615"),
    ({"seed": 2**64}, "seed is 18446744073709551616; it is a whole number"),
    ({"seed": 1.5}, "seed is 1.5; it is a whole number"),
    ({"append": 1}, "append is 1; it is True or False"),
    ({"splits": [("train", 1.0)]}, "splits is .*; it is a dict of shares"),
    ({"tensors": "a=a::int8"}, "tensors is 'a=a::int8'; it is a list of texts"),
    ({"tensors": ["b=c::int8"]}, "^tensors b: there is no column 'c'"),
    ({"spill_bytes": 1}, "spill_bytes is 1"),
    ({"max_bytes_per_second": -1}, "max_bytes_per_second is -1"),
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


def test_ctrl_c_ends_what_is_connecting() -> None:
    """To a server that takes the connection and keeps silent: it would be waited for for 15 s."""
    script = """
import sys, time
import ringfeed

try:
    ringfeed.open(sys.argv[1])
except KeyboardInterrupt:
    print(time.monotonic() - float(sys.stdin.readline()))
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"cassandra://127.0.0.1:{server.getsockname()[1]}/k/t"
        process = subprocess.Popen([sys.executable, "-c", script, url], env={**os.environ, "PYTHONPATH": PACKAGE},
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        try:
            connection, _ = server.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                assert 0 <= float(process.communicate(f"{time.monotonic()}\n", timeout=SECONDS_MAX)[0]) < 4
        finally:
            process.kill()


def test_a_source_in_the_place_of_the_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="b.csv: it has the name of a file of samples"):
        ringfeed.write(tmp_path / "b.csv", {"x": numpy.arange(10)})
    assert not any(tmp_path.iterdir())


def test_memory_in_place_is_not_copied_to_a_spill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))  # where a spill would be
    ringfeed.write(tmp_path / "a.ring", arrays())
    check_arrays(ringfeed.open(tmp_path / "a.ring"))
    with pytest.raises(ringfeed.Error, match="missing"):
        ringfeed.write(tmp_path / "b.ring", iter([{"a": 1}]))


def test_what_is_in_one_copy_is_not_repaired(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "one.ring", {"x": numpy.arange(10)})
    with pytest.raises(ringfeed.InvalidArgumentError, match="without repair=True"):
        ringfeed.verify(tmp_path / "one.ring", repair=True)
    assert ringfeed.verify(tmp_path / "one.ring").bytes > 0


def test_a_dataset_of_hugging_face_is_its_rows_in_its_order(tmp_path: Path) -> None:
    class Rows:
        """What `write()` uses of a datasets.Dataset, whose table may have other rows than it."""

        num_rows = 3

        def __init__(self, form: str | None = None) -> None:
            self.form = form

        def with_format(self, form: str) -> Rows:
            return Rows(form)

        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: slice) -> pyarrow.Table:
            assert (self.form, place) == ("arrow", slice(None))
            return pyarrow.table({"x": [5, 3, 4], "text": ["e", "c", "d"]})

    written = ringfeed.write(tmp_path / "a.ring", Rows(), permute=False)
    batch = ringfeed.load(tmp_path / "a.ring", 3)
    assert batch["x"].tolist() == [5, 3, 4]
    assert batch["text"] == ["e", "c", "d"]
    assert ringfeed.write(tmp_path / "a.ring", Rows(), permute=False).unchanged and not written.unchanged
