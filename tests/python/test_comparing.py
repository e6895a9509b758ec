"""`check()`, `diff()` and `export()`: what they find and write, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
import pytest
from built import PACKAGE  # noqa: F401 (the package under test)

import ringfeed
from ringfeed import SampleName

pytestmark = pytest.mark.program
SAMPLES = 300


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A data set without duplicates, in the order of its ids."""
    return write(tmp_path / "a.ring", numpy.arange(SAMPLES))


def write(path: Path, ids: numpy.ndarray) -> str:
    images = numpy.repeat(ids.astype(numpy.float32), 6).reshape(-1, 2, 3)
    ringfeed.write(path, {"id": ids, "image": images}, permute=False, splits={"train": 0.5, "val": 0.5}, overwrite=True)
    return str(path)


def test_duplicates_are_named(url: str, tmp_path: Path) -> None:
    assert ringfeed.check(url) == ringfeed.Duplicates(SAMPLES, SAMPLES, 0, 0, {}, [])
    other = write(tmp_path / "b.ring", numpy.array([7, 500, 501, 500]))
    found = ringfeed.check([url, Path(other)], memory_bytes=1 << 20)
    assert found.found and (found.samples, found.distinct, found.groups, found.repeated) == (SAMPLES + 4, SAMPLES + 2, 2, 2)
    assert found.overlaps == {((url, "train"), (other, "train")): 1, ((other, "train"), (other, "val")): 1}
    assert found.shown == [[SampleName(url, "train", 7), SampleName(other, "train", 0)], [SampleName(other, "train", 1), SampleName(other, "val", 1)]]
    assert not ringfeed.check(f"{other}?split=train").found
    assert ringfeed.check(other, across_splits=True, columns=["image"]).groups == 1


def test_differences_of_versions_are_named(url: str, tmp_path: Path) -> None:
    write(Path(url), numpy.arange(2, SAMPLES + 2))
    found = ringfeed.diff(f"{url}?version=1", url, key="id")
    assert (found.removed, found.added, found.changed, found.moved, found.same) == (2, 2, 0, 2, False)
    assert found.first_removed == [SampleName(f"{url}?version=1", "train", 0), SampleName(f"{url}?version=1", "train", 1)]
    assert found.compared == ["image"] and found.columns == []
    assert ringfeed.diff(url, f"{url}?version=2").same
    other = str(tmp_path / "c.ring")
    images = numpy.repeat(numpy.arange(2, SAMPLES + 2, dtype=numpy.float32), 6).reshape(-1, 2, 3)
    images[3] = -1
    ringfeed.write(other, {"id": numpy.arange(2, SAMPLES + 2), "image": images, "more": numpy.zeros(SAMPLES)}, permute=False)
    changed = ringfeed.diff(f"{url}?split=train", other, key="id")
    assert changed.columns == [("more", "", "float64")] and changed.changed == 1
    assert changed.first_changed == [(SampleName(f"{url}?split=train", "train", 3), SampleName(other, "train", 3))]


def test_an_export_is_read_back(url: str, tmp_path: Path) -> None:
    done = ringfeed.export(url, tmp_path / "out", format="parquet", columns=["image"])
    assert (done.version, done.splits) == (1, {"train": SAMPLES // 2, "val": SAMPLES // 2})
    assert done.bytes == sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    table = pyarrow.parquet.read_table(tmp_path / "out/val.parquet")
    assert table.column_names == ["image"]
    assert table["image"].combine_chunks().to_numpy_ndarray()[:, 1, 2].tolist() == list(range(SAMPLES // 2, SAMPLES))
    ringfeed.export(f"{url}?split=val", tmp_path / "shards", format="mds")
    assert os.listdir(tmp_path / "shards") == ["val"]
    with pytest.raises(ringfeed.ConflictError, match="it is there"):
        ringfeed.export(url, tmp_path / "out", format="mds")


def test_progress_is_told(url: str, tmp_path: Path) -> None:
    told: list[str] = []
    ringfeed.check(url, progress=lambda stage, *_: told.append(stage))
    ringfeed.export(url, tmp_path / "out", format="mds", progress=lambda stage, *_: told.append(stage))
    assert set(told) <= {"reading", "comparing", "exporting"} and told


def test_wrong_arguments_are_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="urls has no address"):
        ringfeed.check([])
    with pytest.raises(ringfeed.InvalidArgumentError, match="memory_bytes is 7"):
        ringfeed.check(url, memory_bytes=7)
    with pytest.raises(ringfeed.InvalidArgumentError, match="val is named twice"):
        ringfeed.check([url, f"{url}?split=val"])
    with pytest.raises(ringfeed.InvalidArgumentError, match="unknown column 'colour'"):
        ringfeed.diff(url, url, key="colour")
    with pytest.raises(ringfeed.InvalidArgumentError, match="format is 'csv'"):
        ringfeed.export(url, tmp_path / "out", format="csv")
    with pytest.raises(ringfeed.NotFoundError, match="there is no data set here"):
        ringfeed.check(tmp_path / "nowhere.ring")
