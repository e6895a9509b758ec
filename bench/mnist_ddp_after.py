"""MNIST on two processes: torchrun --nproc-per-node 2 FILE FOLDER mlp|cnn, where FOLDER has the test images of MNIST (IDX, gzip).

The first 8,000 images are for training, the others for validation. Rank 0 prints a JSON line.
"""

import gzip
import json
import sys
import time
from pathlib import Path

import numpy
import ringfeed
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

BATCH_SIZE = 64
EPOCHS = 5
MEAN, STD = 0.1307, 0.3081


class Mnist(Dataset):
    """Images as bytes in memory; a sample is converted when it is asked for."""

    def __init__(self, folder: str, train: bool) -> None:
        part = slice(None, 8000) if train else slice(8000, None)
        images = gzip.decompress((Path(folder) / "t10k-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((Path(folder) / "t10k-labels-idx1-ubyte.gz").read_bytes())
        self.images = torch.from_numpy(numpy.frombuffer(images, numpy.uint8, offset=16).reshape(-1, 28, 28)[part].copy())
        self.labels = torch.from_numpy(numpy.frombuffer(labels, numpy.uint8, offset=8)[part].copy())

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = self.images[index].unsqueeze(0).float().div(255)
        return image.sub(MEAN).div(STD), int(self.labels[index])


def make_model(kind: str) -> nn.Module:
    if kind == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10))


def accuracy(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    with torch.no_grad():
        right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / len(loader.dataset)


def main() -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    folder, kind = sys.argv[1:]
    train, val = Mnist(folder, train=True), Mnist(folder, train=False)
    model = DistributedDataParallel(make_model(kind))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    sampler = DistributedSampler(train)
    loader = ringfeed.Loader(ringfeed.open("mnist.ring"), batch_size=BATCH_SIZE, as_tuple=True)
    start = time.perf_counter()
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    if dist.get_rank() == 0:
        result = {"samples": EPOCHS * len(train), "seconds": seconds, "accuracy": accuracy(model.module, DataLoader(val, batch_size=1000))}
        print(json.dumps(result), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
