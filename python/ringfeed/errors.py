"""What can go wrong: `Error`, and a class for each kind of failure that is also the built-in exception it
resembles."""

from __future__ import annotations


def of_core(kind: str, text: str, outcome_known: bool) -> Error:
    """What the core threw, as the class of this name."""
    return globals()[kind](text, outcome_known)


class Error(Exception):
    """Any failure of Ringfeed. Its text is one line: what went wrong, where, and what to do about it.

    Attributes:
        outcome_known: False when the failed call may have taken effect all the same (a write that timed out).
        retryable: True when the same call may succeed later without anything being changed.
    """

    retryable = False

    def __init__(self, message: str, outcome_known: bool = True) -> None:
        super().__init__(message)
        self.outcome_known = outcome_known


class InvalidArgumentError(Error, ValueError):
    """A mistyped option, an unknown column, a batch size of 0, ..."""


class NotFoundError(Error, FileNotFoundError):
    """A missing path, data set, split, version, keyspace or table."""


class BadDataError(Error, ValueError):
    """Stored bytes or input that are wrong: a failed checksum, a truncated file, rows changed since they were
    attached."""


class UnavailableError(Error, ConnectionError):
    """No answer, or not enough live replicas."""

    retryable = True


class DeadlineError(Error, TimeoutError):
    """A deadline passed."""

    retryable = True


class PermissionDeniedError(Error, PermissionError):
    """Password, permission or TLS."""


class ConflictError(Error):
    """Another writer holds, or already published, what was asked for."""


class NoSpaceError(Error, OSError):
    """The disk or a quota is full."""


class CancelledError(Error):
    """The caller asked to stop."""


class InternalError(Error, RuntimeError):
    """A bug, or a failure that none of the others names."""
