"""Training that goes on where it was: kill it, with -9 too, and start it again.

    python resume.py --data resume.ring --checkpoint checkpoint.pt

Every few steps it saves the model, the optimizer and the Loader's state in one file. Started again, it trains on exactly the samples
that were left, in the order of the unbroken run, and on one thread of a CPU prints the same losses to the last digit. (The steps after the
last checkpoint are done again.) --data is made when it is not there; it may be in Cassandra.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import ringfeed
import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Whole or not at all: a kill in the middle leaves the file that was there."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def train(data: ringfeed.Dataset, path: Path, epochs: int, steps_between: int) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = ringfeed.Loader(data, batch_size=10, seed=1)
    if path.exists():
        state = torch.load(path)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])

    for _ in range(loader.state_dict()["epoch"], epochs):
        for batch in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(batch["data"]), batch["target"])
            loss.backward()
            optimizer.step()
            print(f"epoch {batch.epoch} step {batch.step}: loss {loss.item():.9g}, samples", *batch["number"].tolist(), flush=True)
            if (batch.step + 1) % steps_between == 0:
                save(path, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "loader": loader.state_dict()})


def make_samples(count: int = 1003) -> dict[str, torch.Tensor]:
    """The target is the sum of the data."""
    data = torch.randn(count, 10, generator=torch.Generator().manual_seed(0))
    return {"number": torch.arange(count), "data": data, "target": data.sum(dim=1, keepdim=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="resume.ring", help="a path or cassandra:// address (default: resume.ring)")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps-between", type=int, default=7, help="from one checkpoint to the next (default: 7)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # more of them add up in another order each time
    ringfeed.write(arguments.data, make_samples())  # does nothing when they are there already
    train(ringfeed.open(arguments.data), arguments.checkpoint, arguments.epochs, arguments.steps_between)


if __name__ == "__main__":
    main()
