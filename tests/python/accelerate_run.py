"""Trains on a Loader with Accelerate, under torchrun, and writes what each rank was given: accelerate_run.py URL FOLDER.

Each rank writes FOLDER/RANK.json: ids of each step of each of two epochs, and once more those after the state that was saved in the
middle of the second, gone on from with what is loaded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ringfeed
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

GLOBAL_BATCH_SIZE = 48
SAVED_AT = 9


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    accelerator = Accelerator(cpu=True)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    mine = ringfeed.Loader(ringfeed.open(url), global_batch_size=GLOBAL_BATCH_SIZE, seed=7)
    model, optimizer, loader = accelerator.prepare(model, optimizer, mine)
    accelerator.register_for_checkpointing(loader)

    def epoch_of(epoch: int, *, save: bool = False) -> list[list[int]]:
        loader.set_epoch(epoch)
        ids = []
        for batch in loader:
            batch = send_to_device(batch, accelerator.device)
            loss = model(batch["data"] / 1000).square().mean() * batch.weight
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            ids.append(batch["id"].tolist())
            if save and batch.step == SAVED_AT:
                accelerator.save_state(str(folder / "state"))
        return ids

    seen = [epoch_of(0), epoch_of(1, save=True)]
    accelerator.load_state(str(folder / "state"))
    resumed = epoch_of(1)
    (folder / f"{accelerator.process_index}.json").write_text(json.dumps(
        {"seen": seen, "resumed": resumed, "steps": len(loader), "unchanged": loader is mine}))
    accelerator.end_training()


if __name__ == "__main__":
    main()
