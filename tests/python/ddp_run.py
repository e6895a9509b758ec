"""A rank of torch's own DistributedDataParallel, as a rival of the program: ddp_run.py FOLDER CASE DTYPE, started by torchrun.

It trains the module of a case on FOLDER/digits.ring as the program is to, and rank 0 writes FOLDER/theirs.safetensors. The cases are in
MODULES; OPTIONS has the options of the program that mean the same.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import ringfeed
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

BATCH, EPOCHS, CLASSES = 96, 3, 10  # of 18 steps each
LEARNING_RATE, MOMENTUM, CLIP_NORM, PARTS = 0.05, 0.9, 0.5, 3


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image / 16)


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(8 * 4 * 4, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image.unsqueeze(1) / 16).flatten(1))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.short(x))


class ResNet18(nn.Module):
    """Of a few filters."""

    def __init__(self) -> None:
        super().__init__()
        widths = (4, 6, 8, 10)
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        blocks: list[nn.Module] = []
        for before, width in zip((4, *widths), widths, strict=False):
            blocks += [Block(before, width, 1 if width == 4 else 2), Block(width, width, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(10, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(image.unsqueeze(1) / 16)).mean((2, 3)))


class Unused(nn.Module):
    """Has a layer that no step uses."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(64, CLASSES)
        self.unused = nn.Linear(64, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.used(image.flatten(1) / 16)


MODULES = {"mlp": Mlp, "conv": ConvNet, "resnet18": ResNet18, "unused": Unused, "accumulated": Mlp, "clipped": Mlp}
OPTIONS: dict[str, tuple[str, ...]] = {"unused": ("--find-unused-parameters",), "accumulated": ("--accumulate", str(PARTS)),
                                       "clipped": ("--clip-norm", str(CLIP_NORM))}


def first_module(case: str, dtype: torch.dtype) -> nn.Module:
    """The same on each rank and in the test."""
    torch.manual_seed(3)
    return MODULES[case]().to(dtype)


def step(case: str, model: DistributedDataParallel | nn.Module, image: Tensor, label: Tensor, scale: float) -> None:
    parts = PARTS if case == "accumulated" else 1
    for part in range(parts):
        begin, end = len(label) * part // parts, len(label) * (part + 1) // parts
        alone = part + 1 < parts and isinstance(model, DistributedDataParallel)
        with model.no_sync() if alone else contextlib.nullcontext():
            loss = nn.functional.cross_entropy(model(image[begin:end]), label[begin:end], reduction="sum")
            (loss * scale).backward()


def main() -> None:
    folder, case, dtype = Path(sys.argv[1]), sys.argv[2], getattr(torch, sys.argv[3])
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.distributed.init_process_group("gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    module = first_module(case, dtype)
    model = DistributedDataParallel(module, find_unused_parameters=case == "unused", gradient_as_bucket_view=True) if ranks > 1 else module
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=LEARNING_RATE, momentum=MOMENTUM)
    loader = ringfeed.Loader(ringfeed.open(str(folder / "digits.ring")), global_batch_size=BATCH, tail="drop")
    for _ in range(EPOCHS):
        for batch in loader:
            optimizer.zero_grad()
            step(case, model, batch["image"].to(dtype), batch["label"], ranks / BATCH)
            if case == "clipped":
                nn.utils.clip_grad_norm_(module.parameters(), CLIP_NORM)
            optimizer.step()
    if rank == 0:
        save_file(module.state_dict(), folder / "theirs.safetensors")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
