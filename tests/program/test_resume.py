"""Checkpoints, resuming and the ledger of the whole program, with kills of ranks under the real torchrun."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import DIGITS, SECONDS_MAX, TENSORS, Ringfeed, build_folder

pytestmark = pytest.mark.program

SAMPLES = 1438
BATCH = 10
STEPS = 144  # of an epoch: the last two share 18 samples
TRAIN = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "16", "--threads", "1", "--batch-size", str(BATCH))


def train_with(option: str, value: str) -> tuple[str, ...]:
    """TRAIN with another value."""
    words = [*TRAIN]
    words[words.index(option) + 1] = value
    return tuple(words)


def losses(ringfeed: Ringfeed, output: str) -> list[float]:
    """Of a run with --output."""
    return json.loads((ringfeed.folder / output / "summary.json").read_text())["losses"]


def audit(ringfeed: Ringfeed, ledger: str, epochs: int) -> None:
    """The ledger is exact, over so many epochs."""
    line = ringfeed("audit", ledger, "digits.ring", "--quiet").stdout.rstrip("\n")
    assert line == f"audit: exact, {epochs} epochs, {epochs * SAMPLES} samples, 0 lost, 0 repeated, 0 wrong"


def checkpoints(folder: Path) -> list[str]:
    """Names in a folder of checkpoints, all."""
    return sorted(path.name for path in folder.iterdir())


def newest_in(folder: Path) -> str:
    """The name of the newest checkpoint; empty when there is none, whatever else is in the folder."""
    return max((path.name for path in folder.glob("checkpoint-*")), default="")


def children(pid: int) -> list[int]:
    """Processes that this one started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        if parent == pid:
            found.append(int(folder.name))
    return found


class Torchrun:
    """`torchrun --no-python` over the program; ends it, and with it its ranks, at the end of the block."""

    def __init__(self, ringfeed: Ringfeed, ranks: int, restarts: int, *arguments: str) -> None:
        self.log = ringfeed.folder / "torchrun.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "torch.distributed.run", "--no-python", "--standalone", "--nproc-per-node", str(ranks),
                 "--max-restarts", str(restarts), "--monitor-interval", "0.05", str(build_folder() / "bin/ringfeed"), *arguments],
                cwd=ringfeed.folder, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**os.environ, "TORCHELASTIC_ERROR_FILE": "", "OMP_NUM_THREADS": "1"})

    def __enter__(self) -> Torchrun:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)

    def ranks(self) -> list[int]:
        """Processes of the program."""
        return children(self.process.pid)

    def finish(self) -> None:
        """Waits for its end, which is a good one."""
        assert self.process.wait(timeout=SECONDS_MAX) == 0, self.log.read_text()


def header(path: Path) -> dict:
    """The first line of a ledger."""
    with path.open() as lines:
        return json.loads(lines.readline())


def test_ranks_killed_at_20_random_steps_the_ledger_is_exact_and_the_losses_are_the_same(digits: Ringfeed) -> None:
    kills, epochs = 20, 40
    train = (*TRAIN, "--epochs", str(epochs))
    digits(*train, "--nproc", "2", "--output", "unbroken")
    folder = digits.folder / "checkpoints"
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    run = (*train, "--output", "broken", "--ledger", "ledger", "--checkpoint-dir", "checkpoints", "--checkpoint-every", "7",
           "--resume", "auto")
    with Torchrun(digits, 2, kills, *run) as torchrun:
        last = ""
        for _ in range(kills):
            deadline = time.monotonic() + 60
            # A start of its own each time: kills before the first step of one prove little.
            while (newest := newest_in(folder)) == last:
                assert torchrun.process.poll() is None and time.monotonic() < deadline, torchrun.log.read_text()
                time.sleep(0.002)
            last = newest
            time.sleep(choose.uniform(0, 0.1))
            ranks = torchrun.ranks()
            if not ranks:  # it is between two starts, or at its end
                continue
            os.kill(choose.choice(ranks), signal.SIGKILL)
            while set(torchrun.ranks()) & set(ranks):
                time.sleep(0.002)
            last = newest_in(folder)
        torchrun.finish()
    assert losses(digits, "broken") == losses(digits, "unbroken")
    audit(digits, "ledger", epochs)
    starts = [header(path)["position"]["epoch"] for path in sorted((digits.folder / "ledger").glob("rank-0000-*"))
              if path.stat().st_size > 0]
    assert len(starts) > kills / 2
    assert any(starts.count(epoch) >= 3 for epoch in starts), f"no epoch was broken twice: {starts}"
    kept = checkpoints(folder)
    best = Path(json.loads((digits.folder / "broken/summary.json").read_text())["best"]["checkpoint"]).name
    assert kept == sorted({*kept[-3:], best}) and len(kept) >= 3 and not [name for name in kept if name.startswith(".")]


def test_resumes_on_other_numbers_of_ranks(digits: Ringfeed) -> None:
    run = (*TRAIN, "--ledger", "ledger", "--checkpoint-dir", "checkpoints", "--resume", "auto")
    for epochs, ranks in enumerate((1, 3, 2, 5, 1), start=1):
        digits(*run, "--epochs", str(epochs), "--nproc", str(ranks), "--output", "run")
    audit(digits, "ledger", 5)
    digits(*TRAIN, "--epochs", "5", "--output", "unbroken")
    assert losses(digits, "run") == pytest.approx(losses(digits, "unbroken"), rel=1e-3)


def test_a_checkpoint_in_an_epoch_gives_the_losses_of_the_unbroken_run(digits: Ringfeed) -> None:
    train = (*TRAIN, "--epochs", "2", "--nproc", "2")
    digits(*train, "--output", "unbroken", "--checkpoint-dir", "checkpoints", "--checkpoint-every", "100", "--checkpoint-keep", "9")
    assert checkpoints(digits.folder / "checkpoints") == [f"checkpoint-00000{i}" for i in range(4)]
    # 1,438 samples in batches of 10 are 144 steps: the last two share 18.
    for number, (epoch, samples) in enumerate([(0, 1000), (1, 0), (1, 560), (2, 0)]):
        result = digits(*train, "--output", f"run{number}", "--resume", f"checkpoints/checkpoint-00000{number}", "--json")
        summary = json.loads(result.stdout.splitlines()[-1])
        assert summary["start"] == {"epoch": epoch, "samples": samples}
        assert losses(digits, f"run{number}") == losses(digits, "unbroken")
        weights = "weights.safetensors"
        assert (digits.folder / f"run{number}" / weights).read_bytes() == (digits.folder / "unbroken" / weights).read_bytes()


def test_what_does_not_fit_is_refused(digits: Ringfeed) -> None:
    digits(*TRAIN, "--checkpoint-dir", "checkpoints")
    resume = ("--checkpoint-dir", "checkpoints", "--resume", "auto")
    path = "checkpoints/checkpoint-000000"
    assert "--resume auto" in digits.error(*TRAIN, "--checkpoint-dir", "checkpoints", code=1)
    assert f"{path}: the position is of an order with seed 0, and here it is 1" in digits.error(*TRAIN, *resume, "--seed", "1", code=2)
    assert "global_batch 10, and here it is 20" in digits.error(*train_with("--batch-size", "20"), *resume, code=2)
    assert "of hidden [16], and here it is [8]" in digits.error(*train_with("--hidden", "8"), *resume, code=2)
    assert "--checkpoint-dir" in digits.error(*TRAIN, "--resume", "auto", code=2)
    assert "--checkpoint-dir" in digits.error(*TRAIN, "--checkpoint-every", "5", code=2)
    assert "nowhere: there is no checkpoint here" in digits.error(*TRAIN, "--resume", "nowhere", code=2)
    optimizer = digits.folder / path / "optimizer.pt"
    data = bytearray(optimizer.read_bytes())
    data[len(data) // 2] ^= 1
    optimizer.write_bytes(data)
    assert f"{path}/optimizer.pt: not as it was written" in digits.error(*TRAIN, *resume, code=3)


def test_audit_ends_with_3_and_the_first_offenders(digits: Ringfeed) -> None:
    digits(*TRAIN, "--nproc", "2", "--ledger", "ledger")
    audit(digits, "ledger", 1)
    path = digits.folder / "ledger/rank-0001-000.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4] + lines[5:]))
    assert "rank-0001-000.jsonl:5: this line, or one before it, is not as it was written" in digits.error(
        "audit", "ledger", "digits.ring", code=3)
    path.unlink()
    result = digits("audit", "ledger", "digits.ring", code=3)
    assert result.stdout.startswith("audit: not exact, 1 epochs, ")
    assert "rank-0001-000.jsonl is missing, or empty; there were 2 ranks" in result.stdout
    assert "val" in digits.error("audit", "ledger", "digits.ring?split=val", code=2)
    assert "there is no ledger here" in digits.error("audit", ".", "digits.ring", code=2)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_without_a_damaged_checkpoint_the_one_before_it_goes_on(digits: Ringfeed) -> None:
    digits(*TRAIN, "--epochs", "3", "--output", "unbroken")
    run = (*TRAIN, "--checkpoint-dir", "checkpoints", "--resume", "auto", "--output", "broken", "--epochs")
    digits(*run, "2")
    folder = digits.folder / "checkpoints"
    newest = folder / newest_in(folder)
    shutil.copytree(newest, digits.folder / "whole")
    before = f"checkpoints/checkpoint-{int(newest.name[-6:]) - 1:06}"
    for name in ("weights.safetensors", "optimizer.pt", "checkpoint.json"):
        for damage in (cut, flip, Path.unlink):
            if (name, damage) == ("checkpoint.json", Path.unlink):  # what a checkpoint is known by
                continue
            shutil.copytree(digits.folder / "whole", newest, dirs_exist_ok=True)
            damage(newest / name)
            line = digits.error(*run, "3", code=3)
            assert line.startswith(f"ringfeed: checkpoints/{newest.name}/{name}: "), line
            assert line.endswith(f"; remove this checkpoint, and resume from the one before it, {before}"), line
    shutil.rmtree(newest)
    digits(*run, "3")
    assert losses(digits, "broken") == losses(digits, "unbroken")


def test_a_checkpoint_of_another_data_set_is_refused(digits: Ringfeed) -> None:
    digits(*TRAIN, "--checkpoint-dir", "checkpoints")
    shutil.rmtree(digits.folder / "digits.ring")
    digits("ingest", DIGITS, "digits.ring", *TENSORS, "--split", "train=0.8,val=0.2", "--stratify", "label", "--seed", "1")
    line = digits.error(*TRAIN, "--checkpoint-dir", "checkpoints", "--resume", "auto", "--epochs", "2", code=2)
    assert "checkpoints/checkpoint-000000: the position is of a data set with lineage" in line

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_an_audit(digits: Ringfeed, number: signal.Signals) -> None:
    digits(*TRAIN, "--ledger", "ledger")
    files = sorted(digits.folder.rglob("*"))
    result = digits.told_to_end(number, "audit", "ledger", "digits.ring")
    assert (result.returncode, result.stdout, result.stderr) == (130 if number == signal.SIGINT else 143, "", "ringfeed: interrupted\n")
    assert sorted(digits.folder.rglob("*")) == files
    audit(digits, "ledger", 1)


def test_ranks_with_other_options_are_found_and_named(digits: Ringfeed) -> None:
    script = digits.folder / "rank.sh"
    program = build_folder() / "bin/ringfeed"
    script.write_text(f"#!/bin/sh\nexec '{program}' {' '.join(TRAIN)} --seed $RANK\n")
    script.chmod(0o755)
    result = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--no-python", "--standalone", "--nproc-per-node", "2",
                             str(script)], cwd=digits.folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert result.returncode != 0
    assert "ringfeed: rank 1 has order/seed 1, and rank 0 has 0" in result.stderr


def start(ringfeed: Ringfeed, *arguments: str, ignored: signal.Signals | None = None) -> subprocess.Popen[str]:
    """The program, which goes on; its first line of stdout is read: with --json that of the first epoch. A hangup counts, also where the
    tests run under nohup, unless it is `ignored`."""
    def set_signals() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    process = subprocess.Popen([str(build_folder() / "bin/ringfeed"), *arguments], cwd=ringfeed.folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=set_signals)
    assert process.stdout and process.stdout.readline()
    return process


def steps_in(ledger: Path) -> int:
    """Lines of rank 0 that are steps, of all starts."""
    return sum(1 for path in ledger.glob("rank-0000-*") for line in path.read_text().splitlines() if '"step"' in line)


@pytest.mark.parametrize(("ranks", "number"), [(1, signal.SIGTERM), (1, signal.SIGHUP), (2, signal.SIGTERM), (2, signal.SIGHUP)])
def test_a_run_that_is_told_to_end_writes_a_checkpoint_and_goes_on_behind_it(digits: Ringfeed, ranks: int, number: int) -> None:
    epochs = 40 if ranks == 1 else 12  # one rank is quick: it shall not be done before the signal comes
    train = (*TRAIN, "--epochs", str(epochs), "--nproc", str(ranks))
    run = (*train, "--output", "broken", "--ledger", "ledger", "--checkpoint-dir", "checkpoints", "--resume", "auto", "--json")
    digits(*train, "--output", "unbroken")
    process = start(digits, *run)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert stderr == ("ringfeed: interrupted; a checkpoint was written to checkpoints, and --resume auto goes on from there\n")
    first = steps_in(digits.folder / "ledger")
    summary = json.loads(digits(*run).stdout.splitlines()[-1])
    start_of = summary["start"]
    assert first == start_of["epoch"] * STEPS + start_of["samples"] // BATCH < epochs * STEPS
    assert steps_in(digits.folder / "ledger") == epochs * STEPS  # none twice
    assert losses(digits, "broken") == losses(digits, "unbroken")
    audit(digits, "ledger", epochs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_rank_that_is_told_to_end_is_the_program_told(digits: Ringfeed, number: int) -> None:
    epochs = 12
    run = (*TRAIN, "--epochs", str(epochs), "--nproc", "2", "--output", "broken", "--ledger", "ledger", "--checkpoint-dir", "checkpoints",
           "--resume", "auto", "--json")
    process = start(digits, *run)
    os.kill(children(process.pid)[1], number)
    _, stderr = process.communicate(timeout=60)
    assert stderr == "ringfeed: interrupted; a checkpoint was written to checkpoints, and --resume auto goes on from there\n"
    assert process.returncode == 143
    assert steps_in(digits.folder / "ledger") < epochs * STEPS
    digits(*run)
    assert steps_in(digits.folder / "ledger") == epochs * STEPS  # none twice
    audit(digits, "ledger", epochs)


@pytest.mark.parametrize("folder", [(), ("--checkpoint-dir", "checkpoints")])
@pytest.mark.parametrize(("number", "code", "words"), [
    (signal.SIGINT, 130, "was told to end by signal 2 (Interrupt): interrupted"),
    (signal.SIGTERM, 143, "was told to end by signal 15 (Terminated): interrupted; the weights were not saved"),
    (signal.SIGKILL, 1, "was ended by signal 9 (Killed); did the host run out of memory?"),
    (signal.SIGSEGV, 1, "was ended by signal 11 (Segmentation fault)"),
])
def test_the_exit_code_says_what_ended_a_rank(digits: Ringfeed, folder: tuple[str, ...], number: int, code: int, words: str) -> None:
    process = start(digits, *TRAIN, "--epochs", "100", "--nproc", "2", *folder, "--json")
    ranks = children(process.pid)
    os.kill(ranks[1], number)
    _, stderr = process.communicate(timeout=60)
    if not (folder and number == signal.SIGTERM):  # that finishes the step, as the test above has it
        assert re.match(f"ringfeed: rank \\d {re.escape(words)}", stderr.splitlines()[-1])
    assert process.returncode == code
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


@pytest.mark.parametrize("whom", ["torchrun", "one rank"])
def test_ranks_of_torchrun_end_at_the_same_step(digits: Ringfeed, whom: str) -> None:
    epochs = 12
    run = (*TRAIN, "--epochs", str(epochs), "--output", "broken", "--ledger", "ledger", "--checkpoint-dir", "checkpoints",
           "--resume", "auto")
    folder = digits.folder / "checkpoints"
    with Torchrun(digits, 2, 0, *run) as torchrun:
        deadline = time.monotonic() + 60
        while not newest_in(folder):
            assert torchrun.process.poll() is None and time.monotonic() < deadline, torchrun.log.read_text()
            time.sleep(0.002)
        os.kill(torchrun.process.pid if whom == "torchrun" else torchrun.ranks()[1], signal.SIGTERM)
        assert torchrun.process.wait(timeout=60) != 0
    assert "ringfeed: interrupted; a checkpoint was written to checkpoints" in torchrun.log.read_text()
    assert steps_in(digits.folder / "ledger") < epochs * STEPS
    digits(*run, "--nproc", "2")
    assert steps_in(digits.folder / "ledger") == epochs * STEPS
    audit(digits, "ledger", epochs)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_hangup_is_ignored_where_nohup_says_so(digits: Ringfeed, ranks: int) -> None:
    run = (*TRAIN, "--epochs", "12", "--nproc", str(ranks), "--checkpoint-dir", "checkpoints", "--json")
    process = start(digits, *run, ignored=signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_second_signal_ends_at_once(digits: Ringfeed) -> None:
    wide = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4096,4096", "--threads", "1", "--batch-size",
            str(SAMPLES // 2))  # a step takes seconds
    process = subprocess.Popen([str(build_folder() / "bin/ringfeed"), *wide, "--checkpoint-dir", "checkpoints"], cwd=digits.folder,
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (digits.folder / "checkpoints/.lock").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)  # the one or the other is the second
    assert process.wait(timeout=60) in (130, 143)
    assert checkpoints(digits.folder / "checkpoints") == [".lock"]
