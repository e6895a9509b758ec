"""For the Trainer of Hugging Face's transformers: a callback by which a run goes on in the middle of an epoch."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from .errors import InvalidArgumentError
from .loader import Loader


class LoaderState(TrainerCallback, ExportableState):
    """Keeps the place of the training Loader in the checkpoints of a Trainer (trainer_state.json), and gives it back.

    Give it to the Trainer, `Trainer(callbacks=[LoaderState()])`, with `TrainingArguments(ignore_data_skip=True)`:
    there is nothing to skip. What a checkpoint counts is then in the ledgers of all ranks, too, which end with the
    training.

    Raises:
        InvalidArgumentError: when training starts: the Trainer has no Loader; or it goes on from a checkpoint, and
            that was saved without this callback, ignore_data_skip is not set, gradient_accumulation_steps does not
            divide the steps of an epoch (the Trainer would then leave out the last ones), or
            `Loader.load_state_dict()` refuses the place.
    """

    def __init__(self) -> None:
        self.position: dict[str, Any] | None = None
        self._loader: Loader | None = None

    def state(self) -> dict[str, Any]:
        """What the Trainer writes of this callback."""
        position = self.position if self._loader is None else self._loader.state_dict()
        return {"args": {}, "attributes": {"position": position}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **objects: Any) -> None:  # noqa: ANN401
        """Gives the place to the Loader."""
        loader = objects.get("train_dataloader")
        if not isinstance(loader, Loader):
            raise InvalidArgumentError(f"the Trainer has a {type(loader).__name__} to train with; let get_train_dataloader() return a Loader")
        self._loader = loader
        if state.global_step == 0:
            return
        kept = state.stateful_callbacks.get(type(self).__name__, {}).get("attributes", {}).get("position")
        if kept is None:
            raise InvalidArgumentError("the checkpoint was saved without ringfeed.huggingface.LoaderState; begin anew, or go on from another")
        if not args.ignore_data_skip:
            raise InvalidArgumentError("the Loader goes on by itself; give TrainingArguments(ignore_data_skip=True)")
        if len(loader) % args.gradient_accumulation_steps != 0:
            raise InvalidArgumentError(
                f"gradient_accumulation_steps {args.gradient_accumulation_steps} does not divide the {len(loader)} steps of an epoch: the "
                "Trainer would leave out the last ones of an epoch that is gone on with; choose others, or go on from the end of an epoch")
        loader.load_state_dict(kept)

    def on_step_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:  # noqa: ANN401
        """Makes the ledgers durable up to the checkpoint that rank 0 is about to save; an evaluation may decide that
        it does."""
        if self._loader is not None and (control.should_save or control.should_evaluate):
            self._loader.flush_ledgers()

    on_epoch_end = on_step_end

    def on_train_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:  # noqa: ANN401
        """Ends the ledgers."""
        if self._loader is not None:
            self._loader.close()
