"""Loader: the order, ranks, positions, and what a batch is made of."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
import pytest
import torch
from built import BUILD, PACKAGE, SECONDS_MAX, run_program

import ringfeed

pytestmark = pytest.mark.program
SAMPLES, WIDTH = 1003, 4  # of `numbers`


def ids_of(loader: ringfeed.Loader, epochs: int = 1) -> list[list[list[int]]]:
    """Of each step of each epoch; data must fit its id."""
    result = []
    for _ in range(epochs):
        steps = []
        for batch in loader:
            assert torch.equal(batch["data"], batch["id"].to(torch.float32)[:, None].expand(-1, WIDTH))
            steps.append(batch["id"].tolist())
        result.append(steps)
    return result


def test_the_order_is_that_of_the_library(numbers: str) -> None:
    told = subprocess.run([BUILD / "bin/feed_driver", numbers, "2", "100", str(17 << 20), "0"], capture_output=True, text=True,
                          check=True, timeout=SECONDS_MAX)
    expected: list[list[list[int]]] = [[]]
    for line in told.stdout.splitlines():
        if line.startswith("end"):
            expected.append([])
        else:
            expected[-1].append([int(word) for word in line.split()[1:]])
    assert [len(step) for step in expected[0]] == [len(step) for step in expected[1]] == [100] * 9 + [52, 51]
    loader = ringfeed.Loader(ringfeed.open(numbers), 100, seed=7)
    assert len(loader) == 11
    assert ids_of(loader, 2) == expected[:2]


@pytest.mark.parametrize("shuffle", ["block", "full", "none"])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_share_each_step(numbers: str, ranks: int, shuffle: str) -> None:
    data = ringfeed.open(numbers)
    whole = ids_of(ringfeed.Loader(data, global_batch_size=48, shuffle=shuffle, seed=1), 2)
    assert all(sorted(sum(epoch, [])) == list(range(SAMPLES)) for epoch in whole)
    assert (whole[0] == whole[1]) == (shuffle == "none")
    loaders = [ringfeed.Loader(data, global_batch_size=48, shuffle=shuffle, seed=1, rank=rank, world_size=ranks) for rank in range(ranks)]
    for epoch in whole:
        weights = 0.0
        for step, batches in enumerate(zip(*loaders, strict=True)):
            assert sorted(sum((batch["id"].tolist() for batch in batches), [])) == sorted(epoch[step])
            assert all(batch.step == step and batch.size == len(batch["id"]) for batch in batches)
            weights += sum(batch.weight for batch in batches)
        assert weights == pytest.approx(len(epoch) * ranks)


def test_batch_size_is_per_rank(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")  # as what starts ranks does
    loader = ringfeed.Loader(ringfeed.open(numbers), batch_size=16)
    assert (loader.rank, loader.world_size, loader.global_batch_size) == (1, 4, 64)
    sizes = [batch.size for batch in loader]
    assert sizes[:-2] == [16] * (len(loader) - 2) and max(sizes) == 16


@pytest.mark.parametrize("batch_size", [16, 32, 48, 64, 100, 500])
def test_no_batch_is_larger_than_asked_for(numbers: str, batch_size: int) -> None:
    data = ringfeed.open(numbers)
    sizes = [batch.size for batch in ringfeed.Loader(data, batch_size, seed=3)]
    assert sum(sizes) == SAMPLES and max(sizes) <= batch_size
    assert sizes[:-2] == [batch_size] * (len(sizes) - 2)
    joined = [batch.size for batch in ringfeed.Loader(data, batch_size, seed=3, tail="join")]
    assert sum(joined) == SAMPLES and joined[:-1] == [batch_size] * (len(joined) - 1)


def test_a_last_step_with_fewer_samples_than_ranks_is_refused(numbers: str) -> None:
    data = ringfeed.open(numbers)
    arguments = {"global_batch_size": 8, "rank": 0, "world_size": 8}  # 1,003 samples end in steps of 6 and 5
    with pytest.raises(ringfeed.InvalidArgumentError, match="8 ranks, but the last step of 1003 samples in batches of 8 has 5.*tail"):
        ringfeed.Loader(data, **arguments)
    for tail, last in (("drop", 1), ("join", 2)):
        assert [batch.size for batch in ringfeed.Loader(data, **arguments, tail=tail)][-1] in (1, last)


def test_drop_last(numbers: str) -> None:
    data = ringfeed.open(numbers)
    for batch_size in (48, 100, 300):
        dropped = ringfeed.Loader(data, batch_size, seed=3, drop_last=True)
        sizes = [batch.size for batch in dropped]
        assert sizes == [batch_size] * (SAMPLES // batch_size) and len(sizes) == len(dropped)
        assert dropped.state_dict()["epoch"] == 1
        assert [batch.epoch for batch in dropped] == [1] * len(dropped)
    with pytest.raises(ringfeed.InvalidArgumentError, match="all would be left out"):
        ringfeed.Loader(data, SAMPLES + 1, drop_last=True)
    with pytest.raises(ringfeed.InvalidArgumentError, match="choose one of the two"):
        ringfeed.Loader(data, 10, drop_last=True, tail="join")
    with pytest.raises(ringfeed.InvalidArgumentError, match="it is 'share', 'drop' or 'join'"):
        ringfeed.Loader(data, 10, tail="keep")


def test_a_ledger_of_epochs_that_leave_samples_out(numbers: str, tmp_path: Path) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), 48, drop_last=True, ledger=tmp_path / "ledger")
    for _ in range(2):
        for _ in loader:
            pass
    loader.close()
    audit = ringfeed.audit(tmp_path / "ledger", numbers)
    assert audit.exact and audit.epochs == 2
    assert (audit.samples, audit.left_out, audit.lost) == (2 * (SAMPLES - SAMPLES % 48), 2 * (SAMPLES % 48), 0)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_a_state_goes_on_with_any_number_of_ranks(numbers: str, ranks: int) -> None:
    data = ringfeed.open(numbers)
    whole = ids_of(ringfeed.Loader(data, global_batch_size=48, seed=5), 3)
    for step in range(len(whole[1]) + 1):
        loader = ringfeed.Loader(data, global_batch_size=48, seed=5)
        loader.set_epoch(1)
        batches = iter(loader)
        assert [next(batches)["id"].tolist() for _ in range(step)] == whole[1][:step]
        state = loader.state_dict()
        loaders = [ringfeed.Loader(data, global_batch_size=48, seed=5, rank=rank, world_size=ranks) for rank in range(ranks)]
        for resumed in loaders:
            resumed.load_state_dict(state)
            assert resumed.state_dict() == state
            resumed.set_epoch(1)  # as a loop over epochs does; it does not go back
        for epoch in (1, 2):
            rest = [sorted(sum((batch["id"].tolist() for batch in batches), [])) for batches in zip(*loaders, strict=True)]
            assert rest == [sorted(ids) for ids in (whole[1][step:] if epoch == 1 else whole[2])]


def test_a_state_that_does_not_fit_is_refused(numbers: str) -> None:
    data = ringfeed.open(numbers)
    state = ringfeed.Loader(data, 10, seed=5).state_dict()
    for name, loader in (("seed", ringfeed.Loader(data, 10, seed=6)), ("global_batch", ringfeed.Loader(data, 11, seed=5)),
                         ("shuffle", ringfeed.Loader(data, 10, seed=5, shuffle=False))):
        with pytest.raises(ringfeed.InvalidArgumentError, match=name):
            loader.load_state_dict(state)
    loader = ringfeed.Loader(data, 10, seed=5)
    with pytest.raises(ringfeed.InvalidArgumentError):
        loader.load_state_dict(state | {"samples": 7})  # inside a step
    for not_a_state in ({}, {"format": 1, "epoch": 0, "samples": 10}):
        with pytest.raises(ringfeed.InvalidArgumentError, match="not the state of a Loader"):
            loader.load_state_dict(not_a_state)
    assert len(list(loader)) == len(loader)


def test_the_state_of_a_data_set_made_anew_is_refused(tmp_path: Path) -> None:
    url = str(tmp_path / "set.ring")
    values = numpy.arange(1000)
    states = []
    for seed in (0, 1):
        ringfeed.write(url, {"id": values}, seed=seed)
        states.append(ringfeed.Loader(ringfeed.open(url), 100).state_dict())
        loader = ringfeed.Loader(ringfeed.open(url), 100)
        loader.load_state_dict(states[-1])
        ringfeed.delete(url)
    ringfeed.write(url, {"id": values}, seed=1)
    loader = ringfeed.Loader(ringfeed.open(url), 100)
    loader.load_state_dict(states[1])
    with pytest.raises(ringfeed.InvalidArgumentError, match="lineage"):
        loader.load_state_dict(states[0])


def test_the_program_s_checkpoint_and_the_loader_have_one_position(tmp_path: Path) -> None:
    url = str(tmp_path / "set.ring")
    ringfeed.write(url, {"data": numpy.random.default_rng(1).normal(size=(1003, 4)).astype(numpy.float32),
                         "target": numpy.zeros((1003, 1), numpy.float32)})
    run_program("train", url, "--model", "linear", "--loss", "mse", "--input", "data", "--target", "target", "--batch-size", "100", "--seed", "5",
                "--checkpoint-dir", tmp_path / "run", "--checkpoint-every", "3", "--checkpoint-keep", "100")
    loader = ringfeed.Loader(ringfeed.open(url), 100, seed=5)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    saved = json.loads(sorted((tmp_path / "run").glob("checkpoint-*"))[0].joinpath("checkpoint.json").read_text())
    assert loader.state_dict() == saved["checkpoint"]["run"]["position"]
    resumed = ringfeed.Loader(ringfeed.open(url), 100, seed=5)
    resumed.load_state_dict(saved["checkpoint"]["run"]["position"])
    assert torch.equal(next(iter(resumed))["data"], next(batches)["data"])


DROPPED = """
import sys, time, warnings
import ringfeed

url, cache, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    for _ in range(count):
        loader = ringfeed.Loader(ringfeed.open(url, cache_dir=cache, cache_bytes=1), batch_size=10)
        start = time.monotonic()
        del loader
        assert time.monotonic() - start < 5
print(len(caught))
left = ringfeed.Loader(ringfeed.open(url, cache_dir=cache, cache_bytes=1), batch_size=10)  # alive when Python ends
"""


def test_a_loader_that_is_dropped_while_its_store_warns(numbers: str, tmp_path: Path) -> None:
    """The store's thread says that the cache is too small while the Loader's end waits for that thread."""
    told = subprocess.run([sys.executable, "-c", DROPPED, numbers, str(tmp_path / "cache"), "1000"], check=True, capture_output=True, text=True,
                          timeout=10 * SECONDS_MAX, env=dict(os.environ, PYTHONPATH=str(PACKAGE)))
    assert int(told.stdout) > 0 and told.stderr == ""


def test_an_iteration_left_in_the_middle(numbers: str) -> None:
    data = ringfeed.open(numbers)
    whole = ids_of(ringfeed.Loader(data, 100), 3)
    loader = ringfeed.Loader(data, 100)
    for batch in loader:
        assert batch["id"].tolist() == whole[0][0]
        break
    assert loader.state_dict()["samples"] == 100
    first = iter(loader)
    assert next(first)["id"].tolist() == whole[1][0]
    assert ids_of(loader) == [whole[2]]
    with pytest.raises(ringfeed.InvalidArgumentError, match="another iteration"):
        next(first)
    loader.set_epoch(0)
    batches = iter(loader)
    assert next(batches)["id"].tolist() == whole[0][0]
    loader.close()
    with pytest.raises(ringfeed.InvalidArgumentError, match="closed"):
        next(batches)
    loader.set_epoch(0)
    assert ids_of(loader) == [whole[0]]


def test_every_kind_of_column(tmp_path: Path) -> None:
    rows = 50
    lists = [list(range(i % 4)) for i in range(rows)]
    table = pyarrow.table({
        "i": pyarrow.array(range(rows), pyarrow.int32()), "flag": pyarrow.array([i % 3 == 0 for i in range(rows)]),
        "text": pyarrow.array([f"é{i}" * (i % 3) for i in range(rows)]),
        "raw": pyarrow.array([bytes([i, 0, 255]) * (i % 2) for i in range(rows)], pyarrow.binary()),
        "list": pyarrow.array(lists, pyarrow.list_(pyarrow.float64())),
        "vector": pyarrow.array([[i, -i] for i in range(rows)], pyarrow.list_(pyarrow.float32(), 2))})
    pyarrow.parquet.write_table(table, tmp_path / "all.parquet")
    run_program("ingest", str(tmp_path / "all.parquet"), str(tmp_path / "all.ring"))
    data = ringfeed.open(tmp_path / "all.ring")
    kinds = {column.name: (column.kind, column.dtype, column.shape) for column in data.schema}
    assert kinds == {"i": ("tensor", "int32", ()), "flag": ("tensor", "bool", ()), "text": ("string", "uint8", ()),
                     "raw": ("binary", "uint8", ()), "list": ("list", "float64", ()), "vector": ("tensor", "float32", (2,))}
    for as_numpy in (False, True):
        seen = []
        for batch in ringfeed.Loader(data, 7, as_numpy=as_numpy):
            array = numpy.ndarray if as_numpy else torch.Tensor
            assert isinstance(batch["vector"], array) and all(isinstance(item, array) for item in batch["list"])
            assert str(batch["flag"].dtype).endswith("bool") and tuple(batch["vector"].shape) == (batch.size, 2)
            for k in range(batch.size):
                i = int(batch["i"][k])
                seen.append(i)
                assert bool(batch["flag"][k]) == (i % 3 == 0)
                assert batch["text"][k] == f"é{i}" * (i % 3) and batch["raw"][k] == bytes([i, 0, 255]) * (i % 2)
                assert batch["list"][k].tolist() == lists[i] and batch["vector"][k].tolist() == [i, -i]
        assert sorted(seen) == list(range(rows))
    batch = next(iter(ringfeed.Loader(data, 7, columns=["text", "i"], as_tuple=True)))
    assert isinstance(batch, tuple) and len(batch) == 2 and isinstance(batch[0][0], str) and batch.size == len(batch[1])
    batch = next(iter(ringfeed.Loader(data, 7, columns=["text", "i", "text"], as_tuple=True)))
    assert len(batch) == 3 and batch[0] == batch[2] and isinstance(batch[2][0], str)


def test_batches_outlive_the_loader(numbers: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), 10, as_numpy=True)
    batches = [dict(batch) for batch in loader]
    loader.close()
    del loader
    assert all((batch["data"] == batch["id"][:, None]).all() for batch in batches)
    batches[0]["data"][:] = 0  # they are the caller's
    assert (batches[1]["data"] != 0).any()


def test_errors_fit_python(numbers: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no data set") as caught:
        ringfeed.open(tmp_path / "nothing")
    assert isinstance(caught.value, ringfeed.NotFoundError) and not caught.value.retryable and caught.value.outcome_known
    data = ringfeed.open(numbers)
    with pytest.raises(FileNotFoundError, match="there is no split 'val'"):
        ringfeed.open(numbers, split="val")
    for wrong in ({"batch_size": 0}, {"columns": ["nothing"]}, {"columns": "id"}, {"shuffle": "random"}, {"rank": 0}, {"lanes": 0},
                  {"rank": 3, "world_size": 2}, {"prefetch_bytes": 1}, {"batch_size": 1, "rank": 0, "world_size": 100}):
        with pytest.raises(ValueError) as caught:
            ringfeed.Loader(data, **wrong)
        assert isinstance(caught.value, ringfeed.InvalidArgumentError)
    with pytest.raises(ValueError, match="no keyword 'pasword'"):
        ringfeed.open(numbers, pasword="x")
    with pytest.raises(ConnectionError) as caught:
        ringfeed.open("cassandra://127.0.0.1:1/keyspace/name", username="user", password="secret-word")
    assert isinstance(caught.value, ringfeed.UnavailableError) and caught.value.retryable
    assert "127.0.0.1:1" in str(caught.value) and "secret-word" not in str(caught.value)


def test_damage_is_an_error_and_nothing_wrong_is_delivered(numbers: str, tmp_path: Path) -> None:
    shutil.copytree(numbers, tmp_path / "damaged.ring")
    part = max((tmp_path / "damaged.ring").rglob("*.arrow"), key=lambda path: path.stat().st_size)
    with open(part, "r+b") as file:
        file.seek(part.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    loader = ringfeed.Loader(ringfeed.open(tmp_path / "damaged.ring"), 10)
    for _ in range(2):  # the second iteration is no way around it
        with pytest.raises(ringfeed.BadDataError, match="checksum"):
            for batch in loader:
                assert torch.equal(batch["data"][:, 0], batch["id"].to(torch.float32))


def use_in_child(loader: ringfeed.Loader, answers: multiprocessing.Queue) -> None:
    try:
        next(iter(loader))
    except ringfeed.InvalidArgumentError as error:
        answers.put(str(error))


def test_a_fork_is_refused_and_does_not_hang(numbers: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), 10)
    batches = iter(loader)
    next(batches)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=use_in_child, args=(loader, answers))
    child.start()
    assert "before the process was forked" in answers.get(timeout=SECONDS_MAX)
    child.join(SECONDS_MAX)
    assert child.exitcode == 0
    assert sum(batch.size for batch in batches) == SAMPLES - 10


def test_interrupted(numbers: str) -> None:
    program = """
import sys, ringfeed
loader = ringfeed.Loader(ringfeed.open(sys.argv[1]), 1)
next(iter(loader))
try:
    print("ready", flush=True)
    while True:
        for batch in loader:
            pass
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen([sys.executable, "-c", program, numbers], stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, PYTHONPATH=PACKAGE),
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
        assert process.wait(SECONDS_MAX) == 0
    finally:
        process.kill()


@pytest.mark.parametrize("as_tuple", [False, True])
def test_a_batch_on_another_device_keeps_what_it_knows(numbers: str, as_tuple: bool) -> None:
    batch = next(iter(ringfeed.Loader(ringfeed.open(numbers), 32, as_tuple=as_tuple, rank=1, world_size=2)))
    there = batch.to("meta")
    assert type(there) is type(batch)
    assert (there.epoch, there.step, there.size, there.weight) == (batch.epoch, batch.step, batch.size, batch.weight)
    for values in there if as_tuple else there.values():
        assert values.device.type == "meta"
        assert len(values) == batch.size


def test_a_ledger_is_exact_over_a_resume(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    loader = ringfeed.Loader(data, 100, seed=7, ledger=tmp_path / "ledger")
    for step, _ in enumerate(loader):
        if step == 4:
            break
    state = loader.state_dict()  # of what was handed out up to here; what follows does not count
    next(iter(loader))
    del loader
    resumed = ringfeed.Loader(data, 100, seed=7, ledger=tmp_path / "ledger")
    resumed.load_state_dict(state)
    for _ in range(2):
        assert sum(len(batch["id"]) for batch in resumed) > 0
    resumed.close()
    audit = ringfeed.audit(tmp_path / "ledger", numbers)
    assert audit == ringfeed.Audit(epochs=2, samples=2 * SAMPLES, left_out=0, lost=0, repeated=0, wrong=0, offences=0, offenders=[], notes=[])
    assert audit.exact
    path = tmp_path / "ledger/rank-0000-000.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    with pytest.raises(ringfeed.BadDataError, match="rank-0000-000.jsonl:3: this line, or one before it, is not as it was written"):
        ringfeed.audit(tmp_path / "ledger", numbers)
    path.write_text(lines[0])
    cut = ringfeed.audit(tmp_path / "ledger", numbers)
    assert not cut.exact and cut.lost > 0


def test_a_second_run_is_not_written_over_one_that_ended(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    cut = ringfeed.Loader(data, 100, ledger=tmp_path / "ledger")
    next(iter(cut))
    del cut
    loader = ringfeed.Loader(data, 100, ledger=tmp_path / "ledger")  # as a script that was killed before its first checkpoint
    for _ in loader:
        pass
    state = loader.state_dict()
    loader.close()
    audit = ringfeed.audit(tmp_path / "ledger", numbers)
    assert audit.exact and audit.notes == ["start 000 does not count: start 001 began anew"]
    with pytest.raises(ringfeed.ConflictError, match="the run of this ledger has ended, and another one begins here; choose another folder"):
        next(iter(ringfeed.Loader(data, 100, ledger=tmp_path / "ledger")))
    loader.load_state_dict(state)
    for _ in loader:
        pass
    loader.close()
    assert ringfeed.audit(tmp_path / "ledger", numbers).epochs == 2


def test_a_cache_holds_what_was_read(numbers: str, tmp_path: Path) -> None:
    plain = ids_of(ringfeed.Loader(ringfeed.open(numbers), 100, seed=3))
    for _ in range(2):
        cached = ringfeed.open(numbers, cache_dir=str(tmp_path / "cache"), cache_bytes=1 << 30)
        assert ids_of(ringfeed.Loader(cached, 100, seed=3)) == plain
    assert len(list((tmp_path / "cache").rglob("*.chunk"))) > 1


def ask_as_rank(rank: int, url: str, folder: str, different: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for kept in range(2):  # the same number of Loaders on each rank, each compared with its like
        next(iter(ringfeed.Loader(ringfeed.open(url), 50, seed=kept)))
    torch.distributed.barrier()
    arguments = {"seed": rank, "batch_size": 50} if different == "seed" else {"batch_size": 50 + rank}
    try:
        next(iter(ringfeed.Loader(ringfeed.open(url), **arguments)))
        told = ""
    except ringfeed.InvalidArgumentError as error:
        told = str(error)
    (Path(folder) / f"{different}-{rank}").write_text(told)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(("different", "words"), [("seed", ("seed 0", "seed 1")), ("global_batch_size", ("100", "102"))])
def test_ranks_that_ask_for_different_orders_are_named(numbers: str, tmp_path: Path, different: str, words: tuple[str, str]) -> None:
    torch.multiprocessing.spawn(ask_as_rank, (numbers, str(tmp_path), different), nprocs=2)
    told = sorted((tmp_path / f"{different}-{rank}").read_text() for rank in (0, 1))
    assert told[0] == ""  # of the rank that was first
    assert different.removesuffix("_size") in told[1] and "all ranks must make their Loaders alike" in told[1]
    assert all(word.split()[-1] in told[1] for word in words)


def log_as_rank(rank: int, url: str, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for _ in range(2):  # two starts of a run
        loader = ringfeed.Loader(ringfeed.open(url), 50, ledger=f"{folder}/ledger")
        if len(os.listdir(f"{folder}/ledger") if os.path.isdir(f"{folder}/ledger") else []) > 0:
            loader.set_epoch(1)
        torch.distributed.barrier()
        for _ in loader:
            pass
        loader.close()
        torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_ranks_agree_on_the_number_of_a_start(numbers: str, tmp_path: Path) -> None:
    torch.multiprocessing.spawn(log_as_rank, (numbers, str(tmp_path)), nprocs=2)
    assert sorted(path.name for path in (tmp_path / "ledger").iterdir()) == [
        f"rank-000{rank}-00{start}.jsonl" for rank in (0, 1) for start in (0, 1)]
    audit = ringfeed.audit(tmp_path / "ledger", numbers)
    assert audit.exact and audit.epochs == 2


def test_what_a_ledger_does_not_go_with(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    with pytest.raises(ringfeed.InvalidArgumentError, match=r"over torch\.distributed"):
        next(iter(ringfeed.Loader(data, 100, rank=0, world_size=2, ledger=tmp_path / "ledger")))
    with pytest.raises(ringfeed.NotFoundError, match="ledger"):
        ringfeed.audit(tmp_path / "nowhere", numbers)


def test_what_is_printed_is_short(numbers: str, tmp_path: Path) -> None:
    data = ringfeed.open(numbers)
    loader = ringfeed.Loader(data, 100, seed=7, columns=["id", "data"])
    assert repr(loader) == (f"<ringfeed.Loader of {numbers}, split train: 11 steps of 100, shuffle block, seed 7; at epoch 0, sample 0>")
    batch = next(iter(loader))
    assert repr(batch) == "<ringfeed.Batch id=int64 [100], data=float32 [100, 4], epoch 0, step 0, size 100, weight 1.0>"
    assert repr(loader).endswith("at epoch 0, sample 100>")
    share = ringfeed.Loader(data, global_batch_size=100, rank=1, world_size=2, as_numpy=True, as_tuple=True, columns=["id"])
    assert "rank 1 of 2" in repr(share)
    assert repr(next(iter(share))).startswith("<ringfeed.TupleBatch int64 [")
    url = str(tmp_path / "names.ring")
    ringfeed.write(url, {"name": ["a", "b"], "tags": [[1], [2, 3]]})
    batch = next(iter(ringfeed.Loader(ringfeed.open(url), 2)))
    assert repr(batch) == "<ringfeed.Batch name=list of 2, tags=list of 2, epoch 0, step 0, size 2, weight 1.0>"
    assert repr(ringfeed.Batch(x=1)) == "<ringfeed.Batch x=1>"
