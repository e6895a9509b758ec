"""What can go wrong: `Error`, and a class for each kind of failure that is also the built-in exception it resembles."""

from __future__ import annotations

import re

# The core names options as the command line has them; here they are keywords.
KEYWORDS = {
    "allow-nan": "allow_nan=True", "append": "append=True", "classes": "classes", "drop": "drop", "overwrite": "overwrite=True",
    "schema": "schema", "block-bytes": "block_bytes", "cache-bytes": "cache_bytes",
    "chunk-bytes": "chunk_bytes", "columns": "columns", "connections-per-host": "connections_per_host",
    "contact-points-only": "contact_points_only=True", "create-keyspace": "create_keyspace", "index": "index", "lanes": "lanes",
    "layout": "layout", "ledger": "ledger", "prefetch-bytes": "prefetch_bytes", "read-consistency": "read_consistency",
    "repair": "repair=True", "shuffle": "shuffle", "spill-bytes": "spill_bytes", "split-column": "split_column", "tensor": "tensors", "tls": "tls=True",
    "tls-ca": "tls_ca", "tls-cert": "tls_cert", "tls-insecure": "tls_insecure=True", "tls-key": "tls_key",
    "tls-server-name": "tls_server_names", "user": "username", "window": "window", "write-consistency": "write_consistency",
}
PHRASES = {
    "--password-file FILE (or - for standard input)": "password=",
    "'ringfeed ingest --create-keyspace'": "write(create_keyspace=)",
    "ringfeed attach --columns": "attach(columns=)",
    "'ringfeed train --ledger'": "Loader(ledger=)",
    "--on-bad skip": "on_bad='skip'",
    "'ringfeed verify --repair'": "verify(repair=True)",
}
OPTION = re.compile(rf"(?<![\w/-])--({'|'.join(sorted(KEYWORDS, key=len, reverse=True))})(?![\w-])")


def in_python(text: str) -> str:
    """A line of the core, with keywords for options."""
    for phrase, keyword in PHRASES.items():
        text = text.replace(phrase, keyword)
    return OPTION.sub(lambda option: KEYWORDS[option[1]], text)


def of_core(kind: str, text: str, outcome_known: bool) -> Error:
    """What the core threw, as the class of this name."""
    return globals()[kind](in_python(text), outcome_known)


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
    """Stored bytes or input that are wrong: a failed checksum, a truncated file, rows changed since they were attached."""


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
