"""Columns apart: who names columns reads the chunks of their groups alone, and gets the same samples in the same order."""

import json
from pathlib import Path

import numpy as np
import pytest
import ringfeed

PICTURE_BYTES = 107_000
COUNT = 200


def pictures(count: int = COUNT) -> dict:
    """Blobs of the size of a JPEG beside a label."""
    random = np.random.default_rng(1)
    return {"picture": [random.bytes(PICTURE_BYTES) for _ in range(count)], "label": np.arange(count) % 7}


def bytes_read(loader: ringfeed.Loader) -> int:
    """The bytes of the blocks that the store gave to a loader, of one epoch."""
    for _ in loader:
        pass
    return int(loader.metrics()["ringfeed_block_bytes_total"])


def groups_of(folder: Path, version: int = 1) -> list[list[int]]:
    return json.loads((folder / f"versions/{version}.json").read_text())["manifest"]["groups"]


def test_a_label_beside_pictures_is_read_without_them(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "set", pictures())
    assert groups_of(tmp_path / "set") == [[0], [1]]
    url = str(tmp_path / "set")
    whole = bytes_read(ringfeed.Loader(ringfeed.open(url), global_batch_size=20, seed=3))
    label = bytes_read(ringfeed.Loader(ringfeed.open(url), global_batch_size=20, seed=3, columns=["label"]))
    assert whole > COUNT * PICTURE_BYTES
    assert label <= 0.05 * whole


def test_the_samples_and_their_order_are_those_of_one_group(tmp_path: Path) -> None:
    data = pictures(60)
    ringfeed.write(tmp_path / "apart", data, seed=5)
    ringfeed.write(tmp_path / "one", data, seed=5, column_groups=[])
    assert groups_of(tmp_path / "one") == [[0, 1]]
    order = {"global_batch_size": 7, "seed": 9}
    apart = [*ringfeed.Loader(ringfeed.open(tmp_path / "apart"), **order)]
    one = [*ringfeed.Loader(ringfeed.open(tmp_path / "one"), **order)]
    label = [*ringfeed.Loader(ringfeed.open(tmp_path / "apart"), columns=["label"], **order)]
    assert len(apart) == len(one) == len(label)
    for a, b, c in zip(apart, one, label, strict=True):
        assert a["label"].tolist() == b["label"].tolist() == c["label"].tolist()
        assert [*a["picture"]] == [*b["picture"]]


def test_groups_are_chosen_by_name(tmp_path: Path) -> None:
    data = {"a": np.arange(10), "b": np.arange(10.0), "c": np.arange(10), "d": np.arange(10)}
    ringfeed.write(tmp_path / "set", data, column_groups=[["d", "b"], ["c"]])
    assert groups_of(tmp_path / "set") == [[0], [1, 3], [2]]
    ringfeed.write(tmp_path / "set", data, append=True)
    assert groups_of(tmp_path / "set", 2) == [[0], [1, 3], [2]]
    with pytest.raises(ringfeed.InvalidArgumentError, match="column_groups"):
        ringfeed.write(tmp_path / "set", data, append=True, seed=1, column_groups=[["a"]])


@pytest.mark.parametrize(("groups", "words"), [([["x"]], "x"), ([["a"], ["a"]], "a stands twice"), ([[]], "has no column"),
                                               ("a", "list of lists"), (["a"], "list of texts")])
def test_groups_that_cannot_be_are_refused(tmp_path: Path, groups: object, words: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match=words):
        ringfeed.write(tmp_path / "set", {"a": np.arange(3)}, column_groups=groups)


def test_a_position_holds_whatever_columns_are_read(tmp_path: Path) -> None:
    ringfeed.write(tmp_path / "set", pictures(40))
    order = {"global_batch_size": 8, "seed": 1}
    loader = ringfeed.Loader(ringfeed.open(tmp_path / "set"), **order)
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    expected = [batch["label"].tolist() for batch in batches]
    again = ringfeed.Loader(ringfeed.open(tmp_path / "set"), columns=["label"], **order)
    again.load_state_dict(state)
    assert [batch["label"].tolist() for batch in again] == expected
