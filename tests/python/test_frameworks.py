"""A Loader in Lightning, in Accelerate and in the Trainer of transformers, unchanged, on two ranks over Gloo; and in torchdata."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import forked
import pytest
import torch
from built import PACKAGE

import ringfeed

pytestmark = pytest.mark.program
HERE = Path(__file__).resolve().parent
SAMPLES, RANKS, GLOBAL_BATCH_SIZE, STEPS = 1003, 2, 48, 21
SECONDS_MAX = 300
HUGGINGFACE = str(HERE.parents[1] / ".deps/huggingface")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS))


def python(beside: str) -> str:
    """For all runs but the first with a framework."""
    if beside:
        return forked.python(("ringfeed", "torch.distributed.launcher", "transformers.trainer"), (PACKAGE, beside))
    return forked.python(("ringfeed", "torch.distributed.launcher", "pytorch_lightning"), (PACKAGE,))


def run(*arguments: str, beside: str = "", code: int = 0, anew: bool = False) -> str:
    """Python in a process of its own: what it leaves in torch.distributed or in the environment is gone. Gives what it wrote."""
    result = subprocess.run([sys.executable if anew else python(beside), *arguments], capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=dict(os.environ, PYTHONPATH=f"{PACKAGE}:{beside}", OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore"))
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


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
    run(str(HERE / "lightning_run.py"), numbers, str(folder), str(RANKS), "3", anew=True)
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


@pytest.mark.parametrize(("name", "epoch", "step"), [("step-step=32", 1, 32 - STEPS), ("epoch-epoch=0", 1, 0)])
def test_lightning_goes_on_where_the_number_of_steps_is_estimated(numbers: str, tmp_path: Path, expected: list, name: str, epoch: int,
                                                                  step: int) -> None:
    run(str(HERE / "lightning_run.py"), numbers, str(tmp_path), "1", "2", "--one-cycle")
    data = ringfeed.open(numbers)
    alone = ringfeed.Loader(data, global_batch_size=GLOBAL_BATCH_SIZE, seed=7)
    steps = [[batch["id"].tolist() for batch in alone] for _ in range(2)]
    assert [told(tmp_path, 1)[0]["seen"][str(number)] for number in range(2)] == steps
    run(str(HERE / "lightning_run.py"), numbers, str(tmp_path), "1", "2", str(tmp_path / f"{name}.ckpt"), "--one-cycle")
    assert told(tmp_path, 1)[0]["seen"][str(epoch)] == steps[epoch][step:]


def test_the_ledgers_of_a_killed_run_of_lightning_are_exact(numbers: str, tmp_path: Path) -> None:
    arguments = (str(HERE / "lightning_run.py"), numbers, str(tmp_path), str(RANKS), "2")
    run(*arguments, "--ledger", "--die", code=9)
    run(*arguments, str(tmp_path / "step-step=8.ckpt"), "--ledger")
    found = ringfeed.audit(tmp_path / "ledger", numbers)
    assert found.exact, found.offenders
    assert (found.epochs, found.samples, found.notes) == (2, 2 * SAMPLES, [])


def test_the_places_in_a_checkpoint_of_lightning_are_those_of_its_loaders(numbers: str) -> None:
    from ringfeed.lightning import LoaderState

    data = ringfeed.open(numbers)
    loaders = {"a": ringfeed.Loader(data, 100), "b": [ringfeed.Loader(data, 50)]}
    next(iter(loaders["a"]))
    kept: dict = {}
    LoaderState().on_save_checkpoint(SimpleNamespace(train_dataloader=loaders), None, kept)
    assert [state["samples"] for state in kept["ringfeed"]] == [100, 0]
    without: dict = {}
    LoaderState().on_save_checkpoint(SimpleNamespace(train_dataloader=torch.utils.data.DataLoader([1])), None, without)
    assert without == {}
    callback = LoaderState()
    callback.on_load_checkpoint(None, None, kept)
    with pytest.raises(ringfeed.InvalidArgumentError, match="has the places of 2 Loaders, and there are 1; let train_dataloader"):
        callback.on_train_start(SimpleNamespace(train_dataloader=ringfeed.Loader(data, 100)), None)


@pytest.fixture(scope="module")
def huggingface_folder(numbers: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs by two ranks, and their checkpoints."""
    folder = tmp_path_factory.mktemp("huggingface")
    run(*TORCHRUN, str(HERE / "huggingface_run.py"), numbers, str(folder), "2", beside=HUGGINGFACE, anew=True)
    return folder


def test_the_trainer_of_transformers_gives_each_sample_once_and_goes_on(numbers: str, tmp_path: Path, huggingface_folder: Path,
                                                                        expected: list) -> None:
    for rank, result in enumerate(told(huggingface_folder)):
        assert result == {"seen": sum(expected[rank][:2], []), "steps": 2 * STEPS}
    saved = STEPS + 11
    run(*TORCHRUN, str(HERE / "huggingface_run.py"), numbers, str(tmp_path), "3", str(huggingface_folder / f"checkpoint-{saved}"),
        beside=HUGGINGFACE)
    for rank, result in enumerate(told(tmp_path)):
        assert result == {"seen": sum(expected[rank], [])[saved:], "steps": 3 * STEPS}


def test_the_ledgers_of_a_killed_trainer_of_transformers_are_exact(numbers: str, tmp_path: Path) -> None:
    arguments = (*TORCHRUN, str(HERE / "huggingface_run.py"), numbers, str(tmp_path), "2", "--ledger")
    run(*arguments, "--die", beside=HUGGINGFACE, code=1)
    assert [*tmp_path.glob("checkpoint-*")] and not (tmp_path / "checkpoint-12").exists()
    run(*arguments, str(tmp_path / "checkpoint-8"), beside=HUGGINGFACE)
    found = ringfeed.audit(tmp_path / "ledger", numbers)
    assert found.exact, found.offenders
    assert (found.epochs, found.samples, found.notes) == (2, 2 * SAMPLES, [])


@pytest.mark.parametrize(("flags", "words"), [
    (("--skip",), "the Loader goes on by itself; give TrainingArguments(ignore_data_skip=True)"),
    (("--accumulate",), "gradient_accumulation_steps 2 does not divide the 21 steps of an epoch"),
    (("--skip", "--without"), "a Loader cannot be made into a DataLoader"),
])
def test_what_the_trainer_of_transformers_cannot_go_on_with_is_refused(numbers: str, tmp_path: Path, huggingface_folder: Path,
                                                                       flags: tuple[str, ...], words: str) -> None:
    text = run(str(HERE / "huggingface_run.py"), numbers, str(tmp_path), "2", str(huggingface_folder / "checkpoint-32"), *flags,
               beside=HUGGINGFACE, code=1)
    assert words in text.splitlines()[-1]


def test_skipping_by_accelerate_is_refused(numbers: str) -> None:
    from accelerate import skip_first_batches

    with pytest.raises(ringfeed.InvalidArgumentError, match=r"load_state_dict\(\) goes on in the middle of an epoch"):
        skip_first_batches(ringfeed.Loader(ringfeed.open(numbers), 100), 3)


def test_torchdata_goes_on(numbers: str) -> None:
    from torchdata.stateful_dataloader import StatefulDataLoader

    data = ringfeed.open(numbers)
    whole = [batch["id"].tolist() for batch in ringfeed.Loader(data, 100, seed=7)]
    first = StatefulDataLoader(ringfeed.Loader(data, 100, seed=7), batch_size=None)
    batches = iter(first)
    assert [next(batches)["id"].tolist() for _ in range(4)] == whole[:4]
    second = StatefulDataLoader(ringfeed.Loader(data, 100, seed=7), batch_size=None)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert [batch["id"].tolist() for batch in second] == whole[4:]
    again = StatefulDataLoader(ringfeed.Loader(data, 100, seed=8), batch_size=None)
    again.load_state_dict(first.state_dict())
    with pytest.raises(ringfeed.InvalidArgumentError, match="seed"):
        next(iter(again))


def test_accelerate_gives_each_sample_once_and_goes_on(numbers: str, tmp_path: Path, expected: list) -> None:
    run(*TORCHRUN, str(HERE / "accelerate_run.py"), numbers, str(tmp_path), anew=True)
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
