"""Image classification by DistributedDataParallel: a folder of pictures, decoded and augmented in the feed.

    ringfeed ingest photos/ photos.ring --split train=0.8,val=0.2 --stratify label
    torchrun --nproc-per-node 2 images.py photos.ring

photos/ has a folder for each class. What a picture becomes in an epoch is the same on any number of processes.
"""

from __future__ import annotations

import os
import sys

import ringfeed
import torch
from torch import distributed, nn

SIZE, BATCH, EPOCHS = 32, 32, 6
TRAIN = ringfeed.image.Steps(f"random_resized_crop:{SIZE}:scale=0.5-1,flip,normalize:imagenet")


def network(classes: int) -> nn.Module:
    """Three convolutions and a linear layer."""
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (SIZE // 8) ** 2, classes))


def accuracy_of(model: nn.Module, loader: ringfeed.Loader) -> float:
    """The share of all pictures of a split that the model names right, over all ranks."""
    counts = torch.zeros(2)
    with torch.no_grad():
        for batch in loader:
            right = model(batch["image"]).argmax(1) == batch["label"]
            counts += torch.tensor([right.sum(), len(right)])
    distributed.all_reduce(counts)
    return (counts[0] / counts[1]).item()


def main() -> None:
    distributed.init_process_group("gloo")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ["LOCAL_WORLD_SIZE"])))
    url = sys.argv[1]
    train, val = ringfeed.open(url), ringfeed.open(url, split="val")
    columns = ["image", "label"]
    loader = ringfeed.Loader(train, global_batch_size=BATCH, seed=1, columns=columns, decode={"image": TRAIN})
    held_out = ringfeed.Loader(val, global_batch_size=BATCH, shuffle=False, columns=columns, decode={"image": TRAIN.for_validation()})

    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(network(len(train.classes["label"])))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(EPOCHS):
        for batch in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch["image"]), batch["label"])
            (loss * batch.weight).backward()
            optimizer.step()
        accuracy = accuracy_of(model, held_out)
        if distributed.get_rank() == 0:
            print(f"epoch {epoch}: accuracy {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main()
    distributed.destroy_process_group()
