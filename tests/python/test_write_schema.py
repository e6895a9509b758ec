"""write(schema=): what a schema says, what it casts and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.dataset
import pytest
import torch

import ringfeed

pytestmark = pytest.mark.program


def test_a_schema_says_what_the_first_samples_do_not_show(tmp_path: Path) -> None:
    schema = {"ids": "list<int64>", "x": ("float32", (2,)), "y": "float64", "e": "list<int16>"}
    ringfeed.write(tmp_path / "a.ring", ({"y": i if i != 4199 else 0.5, "ids": [1, 2] if i != 4199 else [1, 2, 3], "x": [0.1, i], "e": [],
                                          "t": "t"} for i in range(4200)), schema=schema)
    data = ringfeed.open(tmp_path / "a.ring")
    assert data.schema == (ringfeed.Column("y", "tensor", "float64", ()), ringfeed.Column("ids", "list", "int64", ()),
                           ringfeed.Column("x", "tensor", "float32", (2,)), ringfeed.Column("e", "list", "int16", ()),
                           ringfeed.Column("t", "string", "uint8", ()))
    last = next(sample for sample in data if sample["y"] == 0.5)
    assert last["ids"].tolist() == [1, 2, 3] and last["x"].tolist() == [numpy.float32(0.1), 4199]
    ringfeed.write(tmp_path / "b.ring", {"a": numpy.array([[1, 2], [3, 4]]), "b": pandas.Series([1.0, 2.0])},
                   schema={"a": "list<uint8>", "b": "int8"})
    assert [column.dtype for column in ringfeed.open(tmp_path / "b.ring").schema] == ["uint8", "int8"]
    ringfeed.write(tmp_path / "c.ring", {"a": [1], "b": [[1, 2]], "c": [1], "d": [True]},
                   schema={"a": numpy.float32, "b": (torch.float16, (2,)), "c": numpy.dtype("int8"), "d": numpy.bool_})
    assert [column.dtype for column in ringfeed.open(tmp_path / "c.ring").schema] == ["float32", "float16", "int8", "bool"]


@pytest.mark.parametrize(("schema", "text"), [
    ({"a": "float32", "c": "int8"}, "schema: there is no column 'c'; there are a, b"),
    ({"a": "float"}, "schema: 'a' is 'float'; it is a dtype"),
    ({"a": ("int8", 3)}, "schema: 'a' is ('int8', 3)"),
    ({"a": "list<text>"}, "schema: 'a' is 'list<text>'"),
    (["a"], "schema is ['a']; it is a dict"),
    ({"a": "uint8"}, "column 'a': sample 1 has 300, which uint8 does not hold exactly"),
    ({"b": "int64"}, "column 'b': sample 0 has 0.5, which int64 does not hold exactly"),
    ({"a": ("int64", (2,))}, "column 'a': sample 0 has the shape (), the schema (2,); correct either"),
    ({"a": "string"}, "column 'a': sample 0 is 1, where text is due; make it that"),
])
def test_a_schema_that_does_not_fit(schema: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    for data in ({"a": [1, 300], "b": [0.5, 1.0]}, [{"a": 1, "b": 0.5}, {"a": 300, "b": 1.0}]):
        with pytest.raises(ValueError) as caught:
            ringfeed.write(tmp_path / "a.ring", data, schema=schema)
        assert text in str(caught.value)


ARROW = {"n": pyarrow.array([1, 300], pyarrow.int64()), "x": pyarrow.array([[0.5, 1.0]] * 2, pyarrow.list_(pyarrow.float64(), 2)),
         "l": pyarrow.array([[1, 2, 3, 4]] * 2, pyarrow.list_(pyarrow.int64())), "f": pyarrow.array([[1, 2], [3, 4]], pyarrow.list_(
             pyarrow.int64(), 2)), "t": pyarrow.array(["a", "b"], pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))}


@pytest.mark.parametrize("kind", ["table", "batch", "reader", "dataset", "stream"])
def test_a_schema_casts_arrow_data(kind: str, tmp_path: Path) -> None:
    table = pyarrow.table(ARROW)
    data = {"table": table, "batch": table.combine_chunks().to_batches()[0], "reader": table.to_reader(),
            "dataset": pyarrow.dataset.dataset(table), "stream": polars_like(table)}[kind]
    schema = {"n": "float32", "x": ("float16", (2, 1)), "l": ("int8", (2, 2)), "f": "list<uint8>", "t": "string"}
    written = ringfeed.write(tmp_path / "a.ring", data, schema=schema, permute=False)
    assert written.splits == {"train": 2}
    data = ringfeed.open(tmp_path / "a.ring")
    assert data.schema == (ringfeed.Column("n", "tensor", "float32", ()), ringfeed.Column("x", "tensor", "float16", (2, 1)),
                           ringfeed.Column("l", "tensor", "int8", (2, 2)), ringfeed.Column("f", "list", "uint8", ()),
                           ringfeed.Column("t", "string", "uint8", ()))
    second = data[1]
    assert (second["n"], second["t"]) == (300, "b")
    assert [second[name].tolist() for name in ("x", "l", "f")] == [[[0.5], [1.0]], [[1, 2], [3, 4]], [3, 4]]


def polars_like(table: pyarrow.Table) -> Any:  # noqa: ANN401
    """What has an Arrow stream and nothing else."""
    return type("Stream", (), {"__arrow_c_stream__": lambda self, requested_schema=None: table.__arrow_c_stream__(requested_schema)})()


@pytest.mark.parametrize(("schema", "text"), [
    ({"n": "uint8"}, "data: sample 1: column 'n': 300 is out of the range of uint8"),
    ({"x": ("int64", (2,))}, "data: sample 0: column 'x': 0.5 is not a whole number, as int64 needs"),
    ({"l": ("int64", (3,))}, "data: sample 0: column 'l': the list has 4 elements, the shape 3 takes 3"),
    ({"f": ("int64", (3,))}, "schema: column 'f' is int64 [2], which does not become int64 [3]; cast it before"),
    ({"n": "string"}, "schema: column 'n' is int64, which does not become string; cast it before"),
    ({"t": "binary"}, "schema: column 't' is string, which does not become binary; cast it before"),
    ({"c": "int8"}, "schema: there is no column 'c'"),
    ({"n": "float"}, "schema: 'n' is 'float'; it is a dtype"),
])
def test_a_schema_that_does_not_fit_arrow_data(schema: Any, text: str, tmp_path: Path) -> None:  # noqa: ANN401
    table = pyarrow.table(ARROW)
    for data in (table, table.to_reader()):
        with pytest.raises(ValueError) as caught:
            ringfeed.write(tmp_path / "a.ring", data, schema=schema)
        assert text in str(caught.value)
        assert "--" not in str(caught.value)
    assert not (tmp_path / "a.ring").exists()


@pytest.mark.parametrize("data", [{"a": [2**24 + 1]}, [{"a": 2**24 + 1}], {"a": numpy.array([2**24 + 1])}, pandas.DataFrame({"a": [2**24 + 1]}),
                                  pyarrow.table({"a": [2**24 + 1]})], ids=["dict", "samples", "array", "frame", "arrow"])
def test_a_schema_rounds_to_a_float_and_not_beyond_it(data: Any, tmp_path: Path) -> None:  # noqa: ANN401
    ringfeed.write(tmp_path / "a.ring", data, schema={"a": "float32"})
    assert ringfeed.open(tmp_path / "a.ring")[0]["a"] == 2**24
    with pytest.raises(ringfeed.BadDataError, match=r"column 'a': .*16777217"):
        ringfeed.write(tmp_path / "b.ring", data, schema={"a": "float16"}, allow_nan=True)
