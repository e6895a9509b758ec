"""The usual way in Python, as torchrun starts it: DistributedDataParallel, DistributedSampler, DataLoader (0 workers) over a
TensorDataset in memory. ddp_rival.py FOLDER MODEL BATCH_PER_RANK EPOCHS; rank 0 prints a JSON line per epoch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy
import torch
import torch.distributed
from models import make


def main() -> None:
    folder, kind, batch, epochs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.distributed.init_process_group("gloo")
    image = torch.from_numpy(numpy.load(folder / "image.npy"))
    label = torch.from_numpy(numpy.load(folder / "label.npy"))
    if kind == "linear":
        model, criterion = torch.nn.Linear(10, 1), torch.nn.MSELoss()
    else:
        mlp = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
        model, criterion = mlp if kind == "mlp" else make(kind), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    ddp = torch.nn.parallel.DistributedDataParallel(model)
    dataset = torch.utils.data.TensorDataset(image, label)
    sampler = torch.utils.data.DistributedSampler(dataset)
    loader = torch.utils.data.DataLoader(dataset, batch_size=batch, sampler=sampler)
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        start, waited, mark = time.perf_counter(), 0.0, time.perf_counter()
        for x, y in loader:
            waited += time.perf_counter() - mark
            optimizer.zero_grad()
            criterion(ddp(x), y).backward()
            optimizer.step()
            mark = time.perf_counter()
        seconds = time.perf_counter() - start
        if torch.distributed.get_rank() == 0:
            print(json.dumps({"samples": len(dataset), "seconds": seconds, "steps": len(loader),
                              "wait_share": waited / seconds}), flush=True)
    torch.distributed.destroy_process_group()


main()
