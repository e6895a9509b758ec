"""A LightningModule trained on a Loader: on one CPU, or on several processes by DDP.

    python with_lightning.py --data lightning.ring --devices 2

The Loader is made in train_dataloader(), which Lightning calls in each process when it knows its rank. Checkpoints of Lightning have the
Loader's state in them: with --checkpoints FOLDER one is saved every 7 steps, and a run that was killed goes on there. --data is made when
it is not there. (This file is not called lightning.py: it would hide the package of that name.)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytorch_lightning as lightning
import ringfeed
import torch
from pytorch_lightning.callbacks import ModelCheckpoint


class Model(lightning.LightningModule):
    """Linear regression."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.layer = torch.nn.Linear(10, 1)

    def prepare_data(self) -> None:
        ringfeed.write(self.url, make_samples())  # in one process; does nothing when they are there already

    def train_dataloader(self) -> ringfeed.Loader:
        return ringfeed.Loader(ringfeed.open(self.url), global_batch_size=20, seed=1)

    def training_step(self, batch: ringfeed.Batch, index: int) -> torch.Tensor:
        # Ranks may have different numbers of samples: by the weight the mean over ranks is the mean over the samples of the step.
        loss = torch.nn.functional.mse_loss(self.layer(batch["data"]), batch["target"]) * batch.weight
        self.log("loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
        return loss

    def on_train_epoch_end(self) -> None:
        self.print(f"epoch {self.current_epoch}: loss {self.trainer.callback_metrics['loss']:.6f}")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def make_samples(count: int = 1003) -> dict[str, torch.Tensor]:
    """The target is the sum of the data."""
    data = torch.randn(count, 10, generator=torch.Generator().manual_seed(0))
    return {"data": data, "target": data.sum(dim=1, keepdim=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="lightning.ring", help="a path or cassandra:// address (default: lightning.ring)")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--checkpoints", type=Path, help="a folder to save to, and to go on from")
    arguments = parser.parse_args()
    lightning.seed_everything(0)
    folder = arguments.checkpoints
    saving = [ModelCheckpoint(folder, "last", every_n_train_steps=7, enable_version_counter=False)] if folder is not None else []
    trainer = lightning.Trainer(accelerator="cpu", devices=arguments.devices, strategy="ddp" if arguments.devices > 1 else "auto",
                                max_epochs=arguments.epochs, callbacks=saving, logger=False, enable_checkpointing=bool(saving),
                                enable_progress_bar=False, enable_model_summary=False)
    last = folder / "last.ckpt" if folder is not None else None
    trainer.fit(Model(arguments.data), ckpt_path=last if last is not None and last.exists() else None)


if __name__ == "__main__":
    main()
