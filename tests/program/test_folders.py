"""Folders that a run fills: one run at a time, none left behind empty, and no file in the place of one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import SECONDS_MAX, Ringfeed, build_folder

pytestmark = pytest.mark.program

TRAIN = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4", "--threads", "1", "--batch-size", "64")


@pytest.mark.parametrize("ranks", ["1", "2"])
def test_two_runs_do_not_write_into_one_output(digits: Ringfeed, ranks: str) -> None:
    run = digits.folder / "new/run"
    command = [str(build_folder() / "bin/ringfeed"), *TRAIN, "--epochs", "1000000", "--nproc", ranks, "--output", "new/run", "--quiet"]
    with subprocess.Popen(command, cwd=digits.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as first:
        end = time.monotonic() + SECONDS_MAX
        while not (run / ".output.lock").exists() or not (run / ".output.lock").read_text():
            assert time.monotonic() < end and first.poll() is None
            time.sleep(0.01)
        for options in ((), ("--overwrite",), ("--checkpoint-dir", "checkpoints", "--resume", "auto")):
            refused = digits.error(*TRAIN, "--output", "new/run", *options, code=1)
            assert refused.startswith("ringfeed: new/run: process ") and refused.endswith(
                " trains into this folder now; wait until it has ended, or choose another folder"), refused
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=SECONDS_MAX) == 130
    assert not run.exists()  # it got nothing
    digits(*TRAIN, "--output", "new/run", "--checkpoint-dir", "new/run", "--ledger", "new/run")
    assert not (run / ".output.lock").exists() and (run / "weights.safetensors").exists()


@pytest.mark.parametrize("bytes_max", [0, 4096], ids=["nothing", "little"])
def test_a_full_disk_leaves_no_empty_folder(digits: Ringfeed, bytes_max: int) -> None:
    refused = subprocess.run([str(build_folder() / "bin/ringfeed"), *TRAIN, "--hidden", "64", "--output", "run", "--quiet"], cwd=digits.folder,
                             capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max)))
    assert refused.returncode == 1 and "the file would exceed the limit for one file" in refused.stderr, refused
    assert not (digits.folder / "run").exists()


def make(kind: str, path: Path) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")


@pytest.mark.parametrize("kind", ["file", "FIFO", "link"])
@pytest.mark.parametrize("option", ["--output", "--checkpoint-dir", "--ledger", "--cache", "--tensorboard"])
def test_what_is_no_folder_is_told_before_training(digits: Ringfeed, option: str, kind: str) -> None:
    make(kind, digits.folder / "taken")
    for path in ("taken", "taken/deeper"):
        assert digits.error(*TRAIN, option, path, code=2) == "ringfeed: taken: it is no folder; choose another name, or move it away"
    if kind == "file":
        assert (digits.folder / "taken").read_text() == "precious"


def test_a_run_without_resume_does_not_hide_the_ledger_of_another(digits: Ringfeed) -> None:
    digits(*TRAIN, "--ledger", "ledger")
    assert digits.error(*TRAIN, "--ledger", "ledger", "--seed", "1", code=1) == (
        "ringfeed: ledger: there is the ledger of a run here; go on with it by --resume auto, or choose another folder")
    assert "the run of this ledger has ended" in digits.error(*TRAIN, "--ledger", "ledger", "--checkpoint-dir", "new", "--resume", "auto", code=1)
    assert digits("audit", "ledger", "digits.ring").stdout.startswith("audit: exact, 1 epochs, 1438 samples")
