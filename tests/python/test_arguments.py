"""Arguments that cannot be: each is refused as an InvalidArgumentError in Python's names and types."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from built import PACKAGE

import ringfeed

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parents[2]
WHOLE = "it is a whole number from"


@pytest.mark.parametrize(("arguments", "text"), [
    ({"seed": -1}, f"seed is -1; {WHOLE} 0 to 18446744073709551615"),
    ({"seed": None}, f"seed is None; {WHOLE}"),
    ({"seed": 1.5}, f"seed is 1.5; {WHOLE}"),
    ({"seed": 2**64}, f"seed is 18446744073709551616; {WHOLE}"),
    ({"seed": True}, f"seed is True; {WHOLE}"),
    ({"batch_size": -1}, f"batch_size is -1; {WHOLE} 1 to"),
    ({"batch_size": 0}, f"batch_size is 0; {WHOLE} 1 to"),
    ({"batch_size": 32.0}, f"batch_size is 32.0; {WHOLE} 1 to"),
    ({"global_batch_size": "8"}, f"global_batch_size is '8'; {WHOLE} 1 to"),
    ({"batch_size": 4, "global_batch_size": 8}, "batch_size and global_batch_size are both given; give one of them"),
    ({"shuffle": None}, "shuffle is None; it is True, False, 'block', 'full' or 'none'"),
    ({"shuffle": 1}, "shuffle is 1; it is True, False, 'block'"),
    ({"shuffle": "random"}, "shuffle is 'random'; it is True"),
    ({"drop_last": 1}, "drop_last is 1; it is True or False"),
    ({"as_numpy": "yes"}, "as_numpy is 'yes'; it is True or False"),
    ({"lanes": 0}, f"lanes is 0; {WHOLE} 1"),
    ({"window": 0.5}, f"window is 0.5; {WHOLE} 1"),
    ({"prefetch_bytes": -1}, f"prefetch_bytes is -1; {WHOLE} 0"),
    ({"read_threads": 257}, f"read_threads is 257; {WHOLE} 1 to 256"),
    ({"assemble_threads": None}, f"assemble_threads is None; {WHOLE} 1 to 256"),
    ({"rank": 2, "world_size": 2}, f"rank is 2; {WHOLE} 0 to 1"),
    ({"rank": 0, "world_size": 0}, f"world_size is 0; {WHOLE} 1"),
    ({"columns": "id"}, "columns is 'id'; it is a list of texts: ['id']"),
    ({"columns": []}, "columns is empty; leave it out to take all"),
    ({"ledger": ""}, "ledger is ''; a path is not empty, and has no zero byte"),
    ({"ledger": "a\0b"}, "ledger is 'a\\x00b'; a path is not empty, and has no zero byte"),
    ({"columns": ["ids"]}, "there is no column 'ids' (did you mean 'id'?); there are id, data"),
    ({"columns": [1]}, "columns has 1 in it"),
    ({"ledger": 7}, "ledger is 7; it is a text or a path"),
    ({"pin_memory": 1}, "pin_memory is 1; it is True or False"),
    ({"transform": print, "transform_batches": 1}, "transform_batches is 1; it is True or False"),
    ({"device": "gpu"}, "device is 'gpu'; it is one of torch, as 'cpu' or 'cuda:0'"),
    ({"device": 3.5}, "device is 3.5; it is one of torch"),
])
def test_a_loader(arguments: dict[str, Any], text: str, numbers: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError) as caught:
        ringfeed.Loader(ringfeed.open(numbers), **arguments)
    assert text in str(caught.value)


def test_numbers_of_numpy_are_numbers(numbers: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), numpy.int64(10), seed=numpy.uint64(2**64 - 1))
    loader.set_epoch(numpy.int32(1))
    assert len(loader) == len(ringfeed.Loader(ringfeed.open(numbers), 10))


def test_a_loader_of_something_else(numbers: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match=r"dataset is str; give what ringfeed\.open\(url\) returns"):
        ringfeed.Loader(numbers)  # type: ignore[arg-type]


def test_epochs_and_states(numbers: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), 10)
    for epoch in (1.0, -1, None):
        with pytest.raises(ringfeed.InvalidArgumentError, match=f"epoch is {epoch}; {WHOLE} 0"):
            loader.set_epoch(epoch)  # type: ignore[arg-type]
    state = loader.state_dict()
    for wrong in ({"samples": -1}, {"samples": "0"}, {"epoch": 1.0}):
        with pytest.raises(ringfeed.BadDataError, match=f"not a position: {next(iter(wrong))}"):
            loader.load_state_dict(state | wrong)
    with pytest.raises(ringfeed.InvalidArgumentError, match="the state is NoneType; give what state_dict"):
        loader.load_state_dict(None)  # type: ignore[arg-type]
    loader.load_state_dict(state)


def test_a_loader_cannot_be_pickled(numbers: str) -> None:
    with pytest.raises(TypeError, match="a Loader cannot be pickled.*make one in each process"):
        pickle.dumps(ringfeed.Loader(ringfeed.open(numbers)))


def test_ranks_of_the_environment(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ringfeed.open(numbers)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    with pytest.warns(UserWarning, match="RANK=0 and WORLD_SIZE=4 are set, so this Loader gives one of 4 shares"):
        assert ringfeed.Loader(data, 10).world_size == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ringfeed.Loader(data, 10, rank=0, world_size=4)
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        ringfeed.Loader(data, 10)
    for rank, text in (("4", "ranks go from 0 to 3"), ("-1", "RANK is '-1'"), ("one", "RANK is 'one'")):
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(ringfeed.InvalidArgumentError, match=text):
            ringfeed.Loader(data)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "two")
    with pytest.raises(ringfeed.InvalidArgumentError, match="LOCAL_WORLD_SIZE is 'two'; it is a whole number"):
        ringfeed.Loader(data, 10, transform=lambda sample: sample)


@pytest.mark.parametrize("call", [
    lambda **keywords: ringfeed.write("a.ring", {"a": [1]}, **keywords), lambda **keywords: ringfeed.open("a.ring", **keywords),
    lambda **keywords: ringfeed.load("a.ring", 1, **keywords), lambda **keywords: ringfeed.verify("a.ring", **keywords),
    lambda **keywords: ringfeed.copy("a.ring", "b.ring", **keywords), lambda **keywords: ringfeed.list(".", **keywords),
    lambda **keywords: ringfeed.delete("a.ring", **keywords), lambda **keywords: ringfeed.audit("ledger", "a.ring", **keywords),
    lambda **keywords: ringfeed.check("a.ring", **keywords), lambda **keywords: ringfeed.diff("a.ring", "b.ring", **keywords),
    lambda **keywords: ringfeed.export("a.ring", "folder", format="mds", **keywords),
    lambda **keywords: ringfeed.attach("cassandra://127.0.0.1/a/b", **keywords),
    lambda **keywords: ringfeed.TorchDataset("a.ring", **keywords),
])
def test_a_keyword_that_is_none_is_answered_with_the_nearest(call: Callable[..., Any]) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match=r"there is no keyword 'pasword' \(did you mean 'password'\?\); there are "):
        call(pasword="x")


def test_a_bound_of_no_cache_is_told(numbers: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="^cache_bytes bounds a folder, and none is given; name one with cache_dir$"):
        ringfeed.open(numbers, cache_bytes=1 << 20)


def test_what_is_not_there_is_told_how_python_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ringfeed.NotFoundError, match=r"there is no data set here; check the path, or make one with write\(\)$"):
        ringfeed.open(tmp_path / "none.ring")


@pytest.mark.parametrize("call", [
    lambda path: ringfeed.open(path), lambda path: ringfeed.write(path, {"x": [1]}), lambda path: ringfeed.export("a.ring", path, format="mds"),
    lambda path: ringfeed.open("a.ring", cache_dir=path), lambda path: ringfeed.audit(path, "a.ring"),
    lambda path: ringfeed.write("a.ring", {"x": [1]}, on_bad="skip", rejects=path),
])
@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_that_cannot_be_is_told(call: Callable[[str], Any], path: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="a path is not empty, and has no zero byte"):
        call(path)


def test_addresses_are_texts_or_paths() -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match="split is 1; it is a text"):
        ringfeed.open("a.ring", split=1)  # type: ignore[arg-type]
    with pytest.raises(ringfeed.InvalidArgumentError, match=r"split is '\\ud800', with a lone surrogate"):
        ringfeed.open("a.ring", split="\ud800")
    for call in (lambda: ringfeed.open(None), lambda: ringfeed.write(7, {"a": [1]}), lambda: ringfeed.list(b".")):
        with pytest.raises(ringfeed.InvalidArgumentError, match="the address is .*; it is a text or a path"):
            call()


def test_messages_that_came_from_the_core(numbers: str, tmp_path: Path) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: ringfeed.Loader(ringfeed.open(numbers), prefetch_bytes=1),
        lambda: ringfeed.write(numbers, {"a": [1]}),
        lambda: ringfeed.write(tmp_path / "a.ring", {"a": [1]}, append=True),
        lambda: ringfeed.write(tmp_path / "a.ring", {"a": [1]}, tensors=["x"]),
        lambda: ringfeed.write(tmp_path / "a.ring", {"a": [1]}, tensors=["x=b::int8"]),
        lambda: ringfeed.write(tmp_path / "a.ring", {"a": ["t"]}, tensors=["x=a::int8"]),
        lambda: ringfeed.open("cassandra://127.0.0.1/a/b", password="x"),
    ]
    for call in calls:
        with pytest.raises(ringfeed.Error) as caught:
            call()
        assert "--" not in str(caught.value)


def test_samples_are_asked_for_by_numbers(numbers: str) -> None:
    data = ringfeed.open(numbers)
    some = data[[5, 1]]["id"].tolist()
    assert data[torch.tensor([5, 1])]["id"].tolist() == data[numpy.array([5, 1])]["id"].tolist() == some
    mask = numpy.zeros(len(data), bool)
    for key, remedy in (("id", "a column is ds.take"), (1.5, "nor a slice or a list"), (mask, "of a mask give numpy.flatnonzero"),
                        ([True, False], "of a mask give"), (None, "nor a slice")):
        with pytest.raises(TypeError, match=f"is no number of a sample.*{remedy}"):
            data[key]  # type: ignore[index]
