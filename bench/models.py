"""Modules that both sides train: the rival as they are, ours from a file of TorchScript."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNet(nn.Module):
    """Two convolutions with batch norm, over 784 numbers that are a picture of 28 x 28."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(32 * 7 * 7, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image.view(-1, 1, 28, 28)).flatten(1))


class SmallTransformer(nn.Module):
    """Two layers of an encoder, over 28 rows of 28 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inwards = nn.Linear(28, 64)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True), 2,
                                             enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.encoder(self.inwards(image.view(-1, 28, 28))).mean(1))


MODELS: dict[str, type[nn.Module]] = {"conv": ConvNet, "transformer": SmallTransformer}


def make(name: str) -> nn.Module:
    """The same weights each time."""
    torch.manual_seed(0)
    return MODELS[name]()
