"""resnet18 and resnet50 of the program against torchvision's: what is trained loads there, and gives the same accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch
import torchvision
from built import run_program
from safetensors.torch import load_file

import ringfeed

pytestmark = pytest.mark.program


@pytest.mark.parametrize(("name", "ranks"), [("resnet18", 2), ("resnet50", 1)])
def test_what_is_trained_is_torchvisions_net(name: str, ranks: int, tmp_path: Path) -> None:
    """What was evaluated is what was saved, batch norm's statistics among it, also of several ranks."""
    pixels = numpy.random.default_rng(0).integers(0, 90, (48, 3, 32, 32), dtype=numpy.uint8)
    labels = numpy.arange(48) % 3
    pixels[numpy.arange(48), labels] += 100  # a class is a colour
    url = str(tmp_path / "colours.ring")
    ringfeed.write(url, {"image": pixels, "label": labels.astype(numpy.int64)}, splits={"train": 0.75, "val": 0.25}, stratify="label")
    run_program("train", url, "--model", name, "--input", "image", "--target", "label", "--epochs", "1", "--batch-size", "12",
                "--lanes", "12", "--output", str(tmp_path / "run"), "--device", "cpu", "--nproc", str(ranks))
    net = getattr(torchvision.models, name)(num_classes=3)
    net.load_state_dict(load_file(tmp_path / "run/weights.safetensors"))
    val = ringfeed.open(url, split="val")[:]
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(net.eval()(torch.from_numpy(val["image"]) / 255), torch.from_numpy(val["label"]))
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["val_loss"] == pytest.approx(loss.item(), rel=1e-4)
