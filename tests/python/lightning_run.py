"""Trains on a Loader with Lightning and writes what each rank was given:
lightning_run.py URL FOLDER DEVICES EPOCHS [CHECKPOINT] [--one-cycle] [--ledger] [--die].

Each rank writes FOLDER/RANK.json: ids of each step of each epoch, steps as Lightning counts them, and ids of each pass over the same data
in storage order for validation. Every 8 steps, and at the end of each epoch, a checkpoint is saved in FOLDER. With one it goes on there.
--one-cycle: with a schedule that asks how many steps there will be, so that the Loaders are made before the checkpoint is read. The
callback that gives their places back then is one that Lightning finds by itself.
--ledger: with one in FOLDER/ledger; --die: without a word in step 11.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytorch_lightning as lightning
import ringfeed
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

GLOBAL_BATCH_SIZE = 48


class Model(lightning.LightningModule):
    def __init__(self, url: str, one_cycle: bool, ledger: str | None, steps_max: int | None) -> None:
        super().__init__()
        self.one_cycle, self.ledger, self.steps_max = one_cycle, ledger, steps_max
        self.data = ringfeed.open(url)
        self.layer = torch.nn.Linear(4, 1)
        self.seen: dict[int, list[list[int]]] = {}
        self.validated: list[list[int]] = []

    def train_dataloader(self) -> ringfeed.Loader:
        return ringfeed.Loader(self.data, global_batch_size=GLOBAL_BATCH_SIZE, seed=7, ledger=self.ledger)

    def val_dataloader(self) -> ringfeed.Loader:
        return ringfeed.Loader(self.data, global_batch_size=GLOBAL_BATCH_SIZE, shuffle=False)

    def training_step(self, batch: ringfeed.Batch, index: int) -> torch.Tensor:
        if self.global_step == self.steps_max:
            os._exit(9)
        self.seen.setdefault(self.current_epoch, []).append(batch["id"].tolist())
        return self.layer(batch["data"] / 1000).square().mean() * batch.weight

    def on_validation_epoch_start(self) -> None:
        self.validated.append([])

    def validation_step(self, batch: ringfeed.Batch, index: int) -> None:
        self.validated[-1] += batch["id"].tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer | dict:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.01)
        if not self.one_cycle:
            return optimizer
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def main() -> None:
    flags = {word for word in sys.argv if word.startswith("--")}
    arguments = [word for word in sys.argv[1:] if word not in flags]
    url, folder, devices, epochs = arguments[0], Path(arguments[1]), int(arguments[2]), int(arguments[3])
    checkpoints = [ModelCheckpoint(folder, "step-{step}", every_n_train_steps=8, save_top_k=-1),
                   ModelCheckpoint(folder, "epoch-{epoch}", save_top_k=-1)]
    trainer = lightning.Trainer(accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto", max_epochs=epochs,
                                callbacks=checkpoints, logger=False, enable_progress_bar=False,
                                enable_model_summary=False)
    model = Model(url, "--one-cycle" in flags, str(folder / "ledger") if "--ledger" in flags else None, 10 if "--die" in flags else None)
    trainer.fit(model, ckpt_path=arguments[4] if len(arguments) > 4 else None)
    (folder / f"{trainer.global_rank}.json").write_text(json.dumps(
        {"seen": model.seen, "steps": trainer.num_training_batches, "validated": model.validated}))


if __name__ == "__main__":
    main()
