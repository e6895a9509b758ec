"""The rivals of the feed benchmarks: rivals.py dataloader|index_select FOLDER BATCH, as a Side of harness.py.

dataloader: torch.utils.data.DataLoader over a TensorDataset in memory, shuffle=True, 0 workers, one torch thread.
index_select: the limit: a fresh permutation, then torch.index_select into batches from a tensor in memory, one thread.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy
import torch


def main() -> None:
    kind, folder, batch = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    image = torch.from_numpy(numpy.load(folder / "image.npy"))
    label = torch.from_numpy(numpy.load(folder / "label.npy"))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(image, label), batch_size=batch, shuffle=True)

    def dataloader_epoch() -> int:
        return sum(len(x) for x, _ in loader)

    def index_select_epoch() -> int:
        count = 0
        for rows in torch.randperm(len(image)).split(batch):
            count += len(image.index_select(0, rows))
            label.index_select(0, rows)
        return count

    epoch = dataloader_epoch if kind == "dataloader" else index_select_epoch
    for _ in sys.stdin:
        start = time.perf_counter()
        samples = epoch()
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - start}), flush=True)


main()
