"""A Loader in Lightning and in Accelerate, unchanged, on two ranks over Gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from built import PACKAGE

import ringfeed

pytestmark = pytest.mark.program
HERE = Path(__file__).resolve().parent
SAMPLES, RANKS, GLOBAL_BATCH_SIZE, STEPS = 1003, 2, 48, 21
SECONDS_MAX = 300
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS))


def run(*arguments: str) -> None:
    """Python in a process of its own: what it leaves in torch.distributed or in the environment is gone."""
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=dict(os.environ, PYTHONPATH=PACKAGE, OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore"))
    assert result.returncode == 0, result.stdout + result.stderr


def told(folder: Path, ranks: int = RANKS) -> list[dict]:
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(ranks)]


@pytest.fixture(scope="module")
def expected(numbers: str) -> list[list[list[list[int]]]]:
    """Ids by rank, epoch and step, from Loaders alone."""
    data = ringfeed.open(numbers)
    loaders = [ringfeed.Loader(data, global_batch_size=GLOBAL_BATCH_SIZE, seed=7, rank=rank, world_size=RANKS) for rank in range(RANKS)]
    return [[[batch["id"].tolist() for batch in loader] for _ in range(3)] for loader in loaders]


@pytest.fixture(scope="module")
def lightning_folder(numbers: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs by two ranks, and their checkpoints."""
    folder = tmp_path_factory.mktemp("lightning")
    run(str(HERE / "lightning_run.py"), numbers, str(folder), str(RANKS), "3")
    return folder


def test_lightning_gives_each_sample_once_in_the_order_of_the_loader(lightning_folder: Path, expected: list) -> None:
    ranks = told(lightning_folder)
    for rank, result in enumerate(ranks):
        assert result["steps"] == STEPS
        assert [result["seen"][str(epoch)] for epoch in range(3)] == expected[rank]
    for epoch in range(3):
        assert sorted(number for result in ranks for step in result["seen"][str(epoch)] for number in step) == list(range(SAMPLES))
    check, *passes = zip(*(result["validated"] for result in ranks), strict=True)
    assert len(sum(check, [])) == 2 * GLOBAL_BATCH_SIZE  # Lightning tries two steps before it trains
    assert len(passes) == 3 and all(sorted(sum(ids, [])) == list(range(SAMPLES)) for ids in passes)


@pytest.mark.parametrize(("name", "epoch", "step"), [("step-step=32", 1, 32 - STEPS), ("epoch-epoch=0", 1, 0)])
def test_lightning_goes_on_where_a_checkpoint_was_saved(numbers: str, tmp_path: Path, lightning_folder: Path, expected: list, name: str,
                                                        epoch: int, step: int) -> None:
    run(str(HERE / "lightning_run.py"), numbers, str(tmp_path), str(RANKS), "3", str(lightning_folder / f"{name}.ckpt"))
    for rank, result in enumerate(told(tmp_path)):
        assert result["seen"][str(epoch)] == expected[rank][epoch][step:]
        assert [result["seen"][str(later)] for later in range(epoch + 1, 3)] == expected[rank][epoch + 1:]


def test_accelerate_gives_each_sample_once_and_goes_on(numbers: str, tmp_path: Path, expected: list) -> None:
    run(*TORCHRUN, str(HERE / "accelerate_run.py"), numbers, str(tmp_path))
    ranks = told(tmp_path)
    for rank, result in enumerate(ranks):
        assert result["unchanged"] and result["steps"] == STEPS
        assert result["seen"] == expected[rank][:2]
        assert result["resumed"] == expected[rank][1][10:]
    for epoch in range(2):
        assert sorted(number for result in ranks for step in result["seen"][epoch] for number in step) == list(range(SAMPLES))


def test_iter_alone_begins_nothing(numbers: str) -> None:
    """Lightning tries iter(), and says later which epoch it is."""
    loader = ringfeed.Loader(ringfeed.open(numbers), 100)
    whole = [[batch["id"].tolist() for batch in loader] for _ in range(3)]
    loader = ringfeed.Loader(ringfeed.open(numbers), 100)
    iter(loader)
    batches = iter(loader)
    assert loader.state_dict()["epoch"] == 0
    loader.sampler.set_epoch(2)  # where Lightning looks for it
    assert [batch["id"].tolist() for batch in batches] == whole[2]


@pytest.mark.parametrize("as_tuple", [False, True])
def test_a_batch_that_is_moved_is_still_one(numbers: str, as_tuple: bool) -> None:
    batch = next(iter(ringfeed.Loader(ringfeed.open(numbers), 10, as_tuple=as_tuple)))
    moved = batch.to("meta")
    assert type(moved) is type(batch) and vars(moved) == vars(batch) and moved.size == 10
    assert all(values.device.type == "meta" for values in (moved if as_tuple else moved.values()))


def test_a_loader_made_before_the_rank_is_known_is_refused(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ringfeed.open(numbers)
    with monkeypatch.context() as environment:
        environment.setenv("WORLD_SIZE", "2")
        environment.delenv("RANK", raising=False)
        with pytest.raises(ringfeed.InvalidArgumentError, match="RANK is not set"):
            ringfeed.Loader(data)
    loader, given = ringfeed.Loader(data), ringfeed.Loader(data, rank=0, world_size=1)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(ringfeed.InvalidArgumentError, match="made for rank 0 of 1, but now this process is rank 1 of 2"):
        next(iter(loader))
    next(iter(given))
