"""Feeds training sets from Apache Cassandra or a local folder to PyTorch: every epoch an exact, reproducible
permutation.

    import ringfeed

    ds = ringfeed.open("cassandra://127.0.0.1/ml/digits?split=train")  # or a path
    for batch in ringfeed.Loader(ds, batch_size=256, seed=7):
        loss = criterion(model(batch["image"]), batch["label"])
"""

from typing import TYPE_CHECKING, Any

from ._core import version as _version
from . import image as image
from .compare import Differences, Duplicates, SampleName, check, diff
from .connection import Connection
from .dataset import Column, Dataset, load, open  # noqa: A004
from .errors import (
    BadDataError,
    CancelledError,
    ConflictError,
    DeadlineError,
    Error,
    InternalError,
    InvalidArgumentError,
    NoSpaceError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from .loader import Batch, Loader, TupleBatch
from .stores import Audit, Exported, Verified, Written, attach, audit, copy, delete, export, list, verify, write  # noqa: A004
from .tuning import Try, Tuned, tune

if TYPE_CHECKING:
    from .torch_dataset import TorchDataset

__version__ = _version()

__all__ = [
    "Audit", "BadDataError", "Batch", "CancelledError", "Column", "ConflictError", "Connection", "Dataset", "DeadlineError",
    "Differences", "Duplicates", "Error", "Exported", "InternalError", "InvalidArgumentError", "Loader", "NoSpaceError",
    "NotFoundError", "PermissionDeniedError", "SampleName", "TorchDataset", "Try", "Tuned", "TupleBatch", "UnavailableError",
    "Verified", "Written", "attach", "audit", "check", "copy", "delete", "diff", "export", "list", "load", "open", "tune", "verify",
    "write",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "TorchDataset":  # it needs torch, the rest does not
        from .torch_dataset import TorchDataset

        return TorchDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
