"""Training on CUDA devices (`make test-cuda`; needs at least one, and two for what is between devices)."""

from __future__ import annotations

import json

import numpy
import pytest
from conftest import ROOT, Ringfeed

pytestmark = pytest.mark.cuda

DIGITS = ["--input", "image", "--target", "label", "--epochs", "3", "--batch-size", "64", "--json", "--quiet"]


@pytest.fixture
def digits(ringfeed: Ringfeed) -> str:
    ringfeed("ingest", str(ROOT / "data/digits/digits.csv"), "digits.ring", "--tensor", "image=f0..f63:8x8:float32",
             "--tensor", "label=f64::int64", "--split", "train=0.8,val=0.2", "--stratify", "label", "--quiet")
    return "digits.ring"


def devices() -> int:
    import torch

    return torch.cuda.device_count()


def train(ringfeed: Ringfeed, *options: str, **environment: str) -> dict:
    return json.loads(ringfeed("train", *options, **environment).stdout.splitlines()[-1])


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn"])
def test_one_device_learns_what_the_cpu_does(ringfeed: Ringfeed, digits: str, model: str) -> None:
    options = [digits, *DIGITS, "--model", model, "--class-weights", "1,2,1,1,1,1,1,1,1,1"]
    cpu = train(ringfeed, *options, "--device", "cpu")
    cuda = train(ringfeed, *options, "--device", "cuda", "--output", "run")
    again = train(ringfeed, *options, "--device", "cuda")
    assert cuda["device"] == "cuda:0"
    assert again["losses"] == cuda["losses"]  # to the last digit
    numpy.testing.assert_allclose(cuda["losses"], cpu["losses"], rtol=2e-2)
    assert (ringfeed.folder / "run/weights.safetensors").exists()


def test_auto_takes_the_device(ringfeed: Ringfeed, digits: str) -> None:
    assert train(ringfeed, digits, *DIGITS)["device"] == "cuda:0"


def test_ranks_without_a_device_of_their_own(ringfeed: Ringfeed, digits: str) -> None:
    ranks = str(devices() + 1)
    assert "rank" in ringfeed.error("train", digits, *DIGITS, "--device", "cuda", "--nproc", ranks, code=2)
    assert train(ringfeed, digits, *DIGITS, "--device", "auto", "--nproc", ranks)["device"] == "cpu"


@pytest.mark.parametrize("parallel", [["--parallel", "data-parallel"], ["--nproc", "2"]])
def test_two_devices_learn_what_one_does(ringfeed: Ringfeed, digits: str, parallel: list[str]) -> None:
    assert devices() >= 2, "needs two CUDA devices"
    one = train(ringfeed, digits, *DIGITS, "--device", "cuda", CUDA_VISIBLE_DEVICES="0")
    two = train(ringfeed, digits, *DIGITS, "--device", "cuda", *parallel)
    numpy.testing.assert_allclose(two["losses"], one["losses"], rtol=2e-2)
