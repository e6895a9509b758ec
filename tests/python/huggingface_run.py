"""Trains on a Loader with the Trainer of transformers and writes what each rank was given:
huggingface_run.py URL FOLDER EPOCHS [CHECKPOINT] [--skip] [--accumulate] [--without] [--ledger] [--die].

Each rank writes FOLDER/RANK.json: ids of each step, and steps as the Trainer counts them. Every 4 steps a checkpoint is saved in FOLDER. With
one it goes on there. --skip: without ignore_data_skip; --accumulate: two batches a step; --without: without the callback;
--ledger: with one in FOLDER/ledger; --die: without a word in step 11.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import ringfeed
import torch
from ringfeed.huggingface import LoaderState
from transformers import Trainer, TrainingArguments

GLOBAL_BATCH_SIZE = 48


class Model(torch.nn.Module):
    def __init__(self, steps_max: int | None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.seen: list[list[int]] = []
        self.steps_max = steps_max

    def forward(self, data: torch.Tensor, id: torch.Tensor) -> dict[str, torch.Tensor]:  # noqa: A002
        if len(self.seen) == self.steps_max:
            os._exit(9)
        self.seen.append(id.tolist())
        return {"loss": self.layer(data / 1000).square().mean()}


class LoaderTrainer(Trainer):
    def __init__(self, url: str, ledger: str | None, **settings: object) -> None:
        super().__init__(**settings)
        self.url, self.ledger = url, ledger

    def get_train_dataloader(self) -> ringfeed.Loader:
        return ringfeed.Loader(ringfeed.open(self.url), global_batch_size=GLOBAL_BATCH_SIZE, seed=7, columns=["data", "id"], ledger=self.ledger)


def main() -> None:
    flags = {word for word in sys.argv if word.startswith("--")}
    url, folder, epochs, *checkpoint = [word for word in sys.argv[1:] if word not in flags]
    settings = TrainingArguments(folder, num_train_epochs=int(epochs), save_steps=4, use_cpu=True, report_to="none", disable_tqdm=True,
                                 ignore_data_skip="--skip" not in flags, gradient_accumulation_steps=2 if "--accumulate" in flags else 1)
    model = Model(10 if "--die" in flags else None)
    ledger = str(Path(folder, "ledger")) if "--ledger" in flags else None
    trainer = LoaderTrainer(url, ledger, model=model, args=settings, callbacks=[] if "--without" in flags else [LoaderState()])
    trainer.train(resume_from_checkpoint=checkpoint[0] if checkpoint else None)
    Path(folder, f"{settings.process_index}.json").write_text(json.dumps({"seen": model.seen, "steps": trainer.state.global_step}))


if __name__ == "__main__":
    main()
