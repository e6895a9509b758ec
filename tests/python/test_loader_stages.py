"""Loader: transform, collate, pinned memory and device, ahead of the loop and in its order."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import ringfeed

pytestmark = pytest.mark.program
SAMPLES = 1003  # of `numbers`


def doubled(sample: dict[str, Any]) -> dict[str, Any]:
    return {**sample, "data": sample["data"] * 2}


def ids_of(loader: ringfeed.Loader, epochs: int = 1) -> list[list[list[int]]]:
    return [[batch["id"].tolist() for batch in loader] for _ in range(epochs)]


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_a_transform_changes_the_values_and_nothing_else(numbers: str, threads: int | None) -> None:
    data = ringfeed.open(numbers)
    plain = ringfeed.Loader(data, 48, seed=3)
    loader = ringfeed.Loader(data, 48, seed=3, transform=doubled, transform_threads=threads)
    assert len(loader) == len(plain)
    for _ in range(2):
        for batch, before in zip(loader, plain, strict=True):
            assert isinstance(batch, ringfeed.Batch)
            assert (batch.epoch, batch.step, batch.size, batch.weight) == (before.epoch, before.step, before.size, before.weight)
            assert torch.equal(batch["id"], before["id"]) and torch.equal(batch["data"], 2 * before["data"])
            assert loader.state_dict() == plain.state_dict()


def test_a_transform_of_whole_batches(numbers: str) -> None:
    seen = []

    def scaled(batch: ringfeed.Batch) -> dict[str, Any]:
        seen.append(batch.size)
        return {"data": batch["data"] * batch.weight, "id": batch["id"]}

    loader = ringfeed.Loader(ringfeed.open(numbers), 100, transform=scaled, transform_batches=True)
    assert ids_of(loader) == ids_of(ringfeed.Loader(ringfeed.open(numbers), 100))
    assert sorted(seen) == sorted([100] * 9 + [52, 51])


def test_tuples_numpy_and_a_collate_of_ones_own(numbers: str) -> None:
    data = ringfeed.open(numbers)
    expected = ids_of(ringfeed.Loader(data, 100))[0]
    pairs = ringfeed.Loader(data, 100, transform=lambda sample: (sample["data"], int(sample["id"])))
    for ids, batch in zip(expected, pairs, strict=True):
        assert isinstance(batch, ringfeed.TupleBatch) and batch.size == len(ids)
        assert batch[0].shape == (len(ids), 4) and batch[1].tolist() == ids
    tuples = ringfeed.Loader(data, 100, as_tuple=True, columns=["id", "data"], transform=lambda sample: sample)
    for ids, batch in zip(expected, tuples, strict=True):
        assert isinstance(batch, ringfeed.TupleBatch) and batch[0].tolist() == ids
    arrays = ringfeed.Loader(data, 100, as_numpy=True, transform=lambda sample: {"id": sample["id"], "sum": sample["data"].sum()})
    for ids, batch in zip(expected, arrays, strict=True):
        assert isinstance(batch["id"], numpy.ndarray) and batch["id"].tolist() == ids and batch["sum"].shape == (len(ids),)
    lists = ringfeed.Loader(data, 100, collate=lambda samples: [int(sample["id"]) for sample in samples])
    assert list(lists) == expected


def test_transforms_run_beside_one_another_and_ahead_of_the_loop(numbers: str) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def met(batch: ringfeed.Batch) -> ringfeed.Batch:
        if batch.step < 2:
            meeting.wait()  # broken unless two batches are worked on at once
        return batch

    loader = ringfeed.Loader(ringfeed.open(numbers), 100, transform=met, transform_batches=True, transform_threads=2)
    assert len(list(loader)) == len(loader)


def test_what_a_transform_raises_names_the_sample_and_the_next_iteration_starts_there(numbers: str) -> None:
    data = ringfeed.open(numbers)
    whole = ids_of(ringfeed.Loader(data, 100, seed=2))[0]
    bad = whole[4][7]

    def picky(sample: dict[str, Any]) -> dict[str, Any]:
        if int(sample["id"]) == bad:
            raise ValueError("not this one")
        return sample

    loader = ringfeed.Loader(data, 100, seed=2, transform=picky, transform_threads=3)
    seen = []
    with pytest.raises(ValueError, match="not this one") as raised:
        for batch in loader:
            seen.append(batch["id"].tolist())
    assert seen == whole[:4]
    assert "sample 7 of step 4 of epoch 0" in raised.value.__notes__[0]
    bad = -1
    assert ids_of(loader)[0] == whole[4:]


def test_resume_in_the_middle_with_batches_under_way(numbers: str) -> None:
    data = ringfeed.open(numbers)
    whole = ids_of(ringfeed.Loader(data, 48, seed=5), 2)
    for step in (0, 1, 7, 20):
        loader = ringfeed.Loader(data, 48, seed=5, transform=doubled, transform_threads=4)
        batches = iter(loader)
        assert [next(batches)["id"].tolist() for _ in range(step)] == whole[0][:step]
        resumed = ringfeed.Loader(data, 48, seed=5, transform=doubled)
        resumed.load_state_dict(loader.state_dict())
        assert ids_of(resumed, 2) == [whole[0][step:], whole[1]]


def test_a_ledger_has_what_the_loop_was_given(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    loader = ringfeed.Loader(data, 48, transform=doubled, transform_threads=4, ledger=tmp_path / "ledger")
    batches = iter(loader)
    for _ in range(5):
        next(batches)
    state = loader.state_dict()
    loader.close()
    left = ringfeed.audit(tmp_path / "ledger", numbers)
    assert left.exact and left.samples == 5 * 48
    resumed = ringfeed.Loader(data, 48, transform=doubled, ledger=tmp_path / "ledger")
    resumed.load_state_dict(state)
    for _ in resumed:
        pass
    resumed.close()
    audit = ringfeed.audit(tmp_path / "ledger", numbers)
    assert audit.exact and (audit.epochs, audit.samples) == (1, SAMPLES)


def test_an_iteration_that_is_left_ends_its_transforms(numbers: str) -> None:
    before = set(threading.enumerate())
    loader = ringfeed.Loader(ringfeed.open(numbers), 10, transform=doubled, transform_threads=2)
    first = iter(loader)
    next(first)
    assert set(threading.enumerate()) - before
    assert len(ids_of(loader)[0]) == len(loader)
    with pytest.raises(ringfeed.InvalidArgumentError, match="another iteration"):
        next(first)
    loader.close()
    end = time.monotonic() + 20
    while set(threading.enumerate()) - before:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_device_and_pinned_memory_without_cuda(numbers: str) -> None:
    data = ringfeed.open(numbers)
    loader = ringfeed.Loader(data, 100, device="cpu")
    assert ids_of(loader) == ids_of(ringfeed.Loader(data, 100))
    if not torch.cuda.is_available():
        with pytest.warns(UserWarning, match="no CUDA device"):
            pinned = ringfeed.Loader(data, 100, pin_memory=True)
        assert not next(iter(pinned))["data"].is_pinned()


@pytest.mark.cuda
def test_batches_are_copied_to_the_device(numbers: str) -> None:
    data = ringfeed.open(numbers)
    for transform in (None, doubled):
        loader = ringfeed.Loader(data, 100, device="cuda:0", transform=transform)
        for batch, before in zip(loader, ringfeed.Loader(data, 100), strict=True):
            assert batch["data"].device == torch.device("cuda:0")
            assert torch.equal(batch["data"].cpu(), before["data"] * (1 if transform is None else 2))


def test_torch_s_dataloader_takes_it(numbers: str) -> None:
    data = ringfeed.open(numbers)
    expected = ids_of(ringfeed.Loader(data, 100), 2)
    loader = torch.utils.data.DataLoader(ringfeed.Loader(data, 100), batch_size=None)
    assert isinstance(loader.dataset, torch.utils.data.IterableDataset)
    assert [[batch["id"].tolist() for batch in loader] for _ in range(2)] == expected


def test_arguments_of_dataloader_are_answered_with_ours(numbers: str) -> None:
    data = ringfeed.open(numbers)
    for name, words in (("num_workers", "transform_threads"), ("collate_fn", "collate="), ("sampler", "the order is its own"),
                        ("transfrom", "did you mean 'transform'"), ("zzz", "")):
        with pytest.raises(TypeError, match=f"no argument '{name}'.*{words}"):
            ringfeed.Loader(data, 10, **{name: 2})  # type: ignore[arg-type]


@pytest.mark.parametrize(("arguments", "words"), [
    ({"transform": 3}, "transform is 3"), ({"collate": "x"}, "collate is 'x'"), ({"transform": doubled, "transform_threads": 0}, "from 1 to 256"),
    ({"transform_batches": True}, "give a transform"), ({"as_numpy": True, "device": "cpu"}, "as_numpy"),
])
def test_what_does_not_go_together(numbers: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ringfeed.InvalidArgumentError, match=words):
        ringfeed.Loader(ringfeed.open(numbers), 10, **arguments)
