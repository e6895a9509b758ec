"""Training on CUDA devices (`make test-cuda`; needs at least one, and two for what is between devices)."""

from __future__ import annotations

import json

import numpy
import pytest
from conftest import Ringfeed

pytestmark = pytest.mark.cuda

OPTIONS = ["digits.ring", "--input", "image", "--target", "label", "--epochs", "3", "--batch-size", "64", "--json", "--quiet"]


def devices() -> int:
    import torch

    return torch.cuda.device_count()


def train(ringfeed: Ringfeed, *options: str, **environment: str) -> dict:
    return json.loads(ringfeed("train", *options, **environment).stdout.splitlines()[-1])


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn"])
def test_one_device_learns_what_the_cpu_does(digits: Ringfeed, model: str) -> None:
    options = [*OPTIONS, "--model", model, "--class-weights", "1,2,1,1,1,1,1,1,1,1"]
    cpu = train(digits, *options, "--device", "cpu")
    cuda = train(digits, *options, "--device", "cuda", "--output", "run")
    again = train(digits, *options, "--device", "cuda")
    assert cuda["device"] == "cuda:0"
    assert again["losses"] == cuda["losses"]  # to the last digit
    numpy.testing.assert_allclose(cuda["losses"], cpu["losses"], rtol=2e-2)
    assert (digits.folder / "run/weights.safetensors").exists()


def test_auto_takes_the_device(digits: Ringfeed) -> None:
    assert train(digits, *OPTIONS)["device"] == "cuda:0"


def test_ranks_without_a_device_of_their_own(digits: Ringfeed) -> None:
    ranks = str(devices() + 1)
    assert "rank" in digits.error("train", *OPTIONS, "--device", "cuda", "--nproc", ranks, code=2)
    assert train(digits, *OPTIONS, "--device", "auto", "--nproc", ranks)["device"] == "cpu"


@pytest.mark.parametrize("parallel", [["--parallel", "data-parallel"], ["--nproc", "2"]])
def test_two_devices_learn_what_one_does(digits: Ringfeed, parallel: list[str]) -> None:
    assert devices() >= 2, "needs two CUDA devices"
    one = train(digits, *OPTIONS, "--device", "cuda", CUDA_VISIBLE_DEVICES="0")
    two = train(digits, *OPTIONS, "--device", "cuda", *parallel)
    numpy.testing.assert_allclose(two["losses"], one["losses"], rtol=2e-2)
