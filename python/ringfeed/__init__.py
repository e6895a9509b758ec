"""Feeds training sets from Apache Cassandra or a local folder to PyTorch: every epoch an exact, reproducible permutation.

    import ringfeed

    ds = ringfeed.open("cassandra://127.0.0.1/ml/digits?split=train")  # or a path
    for batch in ringfeed.Loader(ds, batch_size=256, seed=7):
        loss = criterion(model(batch["image"]), batch["label"])
"""

from .dataset import Column, Dataset, open  # noqa: A004
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

__all__ = [
    "BadDataError", "Batch", "CancelledError", "Column", "ConflictError", "Dataset", "DeadlineError", "Error", "InternalError",
    "InvalidArgumentError", "Loader", "NoSpaceError", "NotFoundError", "PermissionDeniedError", "TupleBatch", "UnavailableError", "open",
]
