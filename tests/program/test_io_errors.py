"""A disk that fails: the kernel answers system calls of the program with EIO, as it does for a broken disk."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import DIGITS, SECONDS_MAX, TENSORS, Ringfeed, build_folder

pytestmark = pytest.mark.program

# The numbers of write and fsync, and the name of the machine as the kernel's filters have it.
WRITE, FSYNC, MACHINE = {"x86_64": (1, 74, 0xC000003E), "aarch64": (64, 82, 0xC00000B7)}[platform.machine()]
EIO = 5
BYTES_MIN = 4096  # of a write that fails: what is written to files alone is that long
TRAIN = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "64", "--threads", "1", "--batch-size", "64")
WORDS = "Input/output error"


def refuse(call: str) -> None:
    """From now on each fsync, or each long write, of this process fails (seccomp(2), with a program of classic BPF)."""
    def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, value)

    load, equal, greater, answer = 0x20, 0x15, 0x25, 0x06  # a word of the call's data; jumps; the end
    allow, fail = instruction(answer, 0x7FFF0000), instruction(answer, 0x00050000 | EIO)
    check = {
        "fsync": [instruction(equal, FSYNC, 0, 1), fail, allow],
        "write": [instruction(equal, WRITE, 0, 3), instruction(load, 32), instruction(greater, BYTES_MIN - 1, 0, 1), fail, allow],
    }[call]
    program = b"".join([instruction(load, 4), instruction(equal, MACHINE, 1, 0), allow, instruction(load, 0), *check])
    memory = ctypes.create_string_buffer(program)
    filter_of = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0 or libc.prctl(set_filter, filter_mode, filter_of, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def on_a_broken_disk(ringfeed: Ringfeed, call: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(build_folder() / "bin/ringfeed"), *arguments], cwd=ringfeed.folder, capture_output=True, text=True,
                          timeout=SECONDS_MAX, stdin=subprocess.DEVNULL, preexec_fn=lambda: refuse(call), check=False)


def losses(ringfeed: Ringfeed, output: str) -> list[float]:
    return json.loads((ringfeed.folder / output / "summary.json").read_text())["losses"]


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_what_is_published_before_stays_and_the_next_try_is_whole(ringfeed: Ringfeed, call: str) -> None:
    ingest = ("ingest", DIGITS, "x.ring", *TENSORS)
    refused = on_a_broken_disk(ringfeed, call, *ingest)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1 and WORDS in refused.stderr, refused
    assert json.loads(ringfeed("list", ".", "--json").stdout.splitlines()[-1]) == {"datasets": []}
    ringfeed(*ingest)
    ringfeed("verify", "x.ring")
    refused = on_a_broken_disk(ringfeed, call, *ingest, "--append")
    assert refused.returncode == 1 and WORDS in refused.stderr, refused
    assert json.loads(ringfeed("inspect", "x.ring", "--json").stdout.splitlines()[-1])["version"] == 1
    ringfeed("verify", "x.ring")
    ringfeed(*ingest, "--append")
    ringfeed("verify", "x.ring")


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_the_last_good_checkpoint_stays(digits: Ringfeed, call: str) -> None:
    digits(*TRAIN, "--epochs", "3", "--output", "unbroken")
    run = (*TRAIN, "--checkpoint-dir", "checkpoints", "--resume", "auto", "--output", "broken", "--epochs")
    digits(*run, "1")
    before = {path.name: path.read_bytes() for path in (digits.folder / "checkpoints/checkpoint-000000").iterdir()}
    refused = on_a_broken_disk(digits, call, *run, "3")
    assert refused.returncode == 1 and WORDS in refused.stderr and "checkpoints/" in refused.stderr, refused
    assert [path.name for path in (digits.folder / "checkpoints").glob("checkpoint-*")] == ["checkpoint-000000"]
    assert {path.name: path.read_bytes() for path in (digits.folder / "checkpoints/checkpoint-000000").iterdir()} == before
    digits(*run, "3")
    assert losses(digits, "broken") == losses(digits, "unbroken")


def test_the_cache_is_turned_off_with_one_warning(digits: Ringfeed) -> None:
    told = on_a_broken_disk(digits, "write", *TRAIN, "--epochs", "2", "--cache", "cache")
    assert told.returncode == 0, told
    warnings = [line for line in told.stderr.splitlines() if WORDS in line]
    assert len(warnings) == 1 and warnings[0].startswith("ringfeed: the cache is off, and the store is read instead: cache/")
    epochs = [line for line in told.stderr.splitlines() if line.startswith("epoch ")]
    again = digits(*TRAIN, "--epochs", "2", "--cache", "cache").stderr.splitlines()
    assert len(epochs) == 2 and epochs == [line for line in again if line.startswith("epoch ")]
    assert not list((digits.folder / "cache").rglob("*.tmp*"))


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_ledger_that_cannot_be_written_ends_the_run_and_proves_nothing(digits: Ringfeed, call: str) -> None:
    refused = on_a_broken_disk(digits, call, *TRAIN, "--ledger", "ledger")
    assert refused.returncode == 1 and WORDS in refused.stderr.splitlines()[-1], refused
    digits.error("audit", "ledger", "digits.ring", code=2)
