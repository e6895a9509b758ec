"""For PyTorch Lightning: a callback by which a run goes on in the middle of an epoch. Where the package is installed,
Lightning takes it by itself: pyproject.toml names `callbacks()` to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from .errors import InvalidArgumentError
from .loader import Loader

# The same under two names: the one that is in use, else the one that is installed.
if "pytorch_lightning" in sys.modules or find_spec("lightning") is None:
    from pytorch_lightning import Callback
else:
    from lightning.pytorch import Callback

KEY = "ringfeed"


class LoaderState(Callback):
    """Keeps the place of the training Loaders in Lightning's checkpoints, and gives it back.

    Lightning keeps it as well, but does not give it back where the Loaders were made before the checkpoint was read,
    as `trainer.estimated_stepping_batches` does: then the epoch would begin again at its first batch. Where Ringfeed
    is installed (by pip, or as a folder with its metadata) every Trainer has this callback;
    `Trainer(callbacks=[LoaderState()])` gives it to one anywhere.

    Raises:
        InvalidArgumentError: when training starts: the checkpoint has the places of more Loaders than there are, or of
            fewer; or `Loader.load_state_dict()` refuses one.
    """

    def __init__(self) -> None:
        self._states: list[dict[str, Any]] = []

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ANN401
        """Adds the states; what they count is in the ledgers of all ranks then."""
        loaders = [*_loaders_in(trainer.train_dataloader)]
        for loader in loaders:
            loader.flush_ledgers()
        if loaders:
            checkpoint[KEY] = [loader.state_dict() for loader in loaders]

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        """Ends the ledgers."""
        for loader in _loaders_in(trainer.train_dataloader):
            loader.close()

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:  # noqa: ANN401
        """Keeps them until there are Loaders; a checkpoint that was saved without this callback has none."""
        self._states = checkpoint.get(KEY, [])

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        """Gives them to the Loaders."""
        loaders, states, self._states = [*_loaders_in(trainer.train_dataloader)], self._states, []
        if states and loaders and len(states) != len(loaders):
            raise InvalidArgumentError(f"the checkpoint has the places of {len(states)} Loaders, and there are {len(loaders)}; let "
                                       "train_dataloader() return as many, or begin anew from its weights")
        for loader, state in zip(loaders, states, strict=False):
            if loader.state_dict() != state:
                loader.load_state_dict(state)


def callbacks() -> list[Callback]:
    """What each Trainer has: Lightning calls it."""
    return [LoaderState()]


def _loaders_in(loaders: Any) -> Iterator[Loader]:  # noqa: ANN401
    """What train_dataloader() returned: a Loader, or several in dicts and sequences."""
    if isinstance(loaders, Loader):
        yield loaders
    elif isinstance(loaders, Mapping | list | tuple):
        for each in loaders.values() if isinstance(loaders, Mapping) else loaders:
            yield from _loaders_in(each)
