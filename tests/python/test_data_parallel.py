"""The program against torch's DistributedDataParallel in processes of its own: from the same weights and batches, the same weights
(ddp_run.py has the cases)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ddp_run
import pytest
import torch
from built import BUILD, PACKAGE, SECONDS_MAX, run_program
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
DIGITS = HERE.parents[1] / "data/digits/digits.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_program("ingest", str(DIGITS), str(tmp_path / "digits.ring"), "--tensor", "image=f0..f63:8x8:float32", "--tensor", "label=f64::int64")
    return tmp_path


def ours(folder: Path, case: str, dtype: torch.dtype, ranks: int) -> dict[str, torch.Tensor]:
    torch.jit.script(ddp_run.first_module(case, dtype)).save(str(folder / "net.pt"))
    run_program("train", str(folder / "digits.ring"), "--model", str(folder / "net.pt"), "--input", "image", "--target", "label", "--batch-size",
                str(ddp_run.BATCH), "--tail", "drop", "--optimizer", "sgd", "--lr", str(ddp_run.LEARNING_RATE), "--momentum",
                str(ddp_run.MOMENTUM), "--epochs", str(ddp_run.EPOCHS), "--threads", "1", "--nproc", str(ranks), "--output", str(folder / "run"),
                *ddp_run.OPTIONS.get(case, ()))
    return load_file(folder / "run/weights.safetensors")


def theirs(folder: Path, case: str, dtype: torch.dtype, ranks: int) -> dict[str, torch.Tensor]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks), str(HERE / "ddp_run.py"),
               str(folder), case, str(dtype).removeprefix("torch.")]
    environment = os.environ | {"PYTHONPATH": PACKAGE, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return load_file(folder / "theirs.safetensors")


@pytest.mark.parametrize(("ranks", "dtype"), [(1, torch.float32), (2, torch.float32), (3, torch.float64)])
@pytest.mark.parametrize("case", ddp_run.MODULES)
def test_weights_are_those_of_torchs_own(folder: Path, case: str, ranks: int, dtype: torch.dtype) -> None:
    weights, expected = ours(folder, case, dtype, ranks), theirs(folder, case, dtype, ranks)
    first = ddp_run.first_module(case, dtype).state_dict()
    assert weights.keys() == expected.keys() == first.keys()
    for name, tensor in weights.items():
        if ranks < 3:
            assert torch.equal(tensor, expected[name]), (name, (tensor - expected[name]).abs().max())
        else:
            assert torch.allclose(tensor.double(), expected[name].double(), rtol=0, atol=1e-9), name
        assert torch.equal(tensor, first[name]) == name.startswith("unused"), name
