"""Progress on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .errors import InvalidArgumentError

Report = Callable[[str, int, int], None]
"""Called with the stage, what is done and the total (0: not known), at most ten times a second."""


class Bar:
    """One line on stderr that is written over."""

    def __init__(self) -> None:
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        share = f"{100 * done / total:3.0f} %" if total > 0 else f"{done:,}" if done else ""
        line = f"{stage} {share}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)

    def close(self) -> None:
        """Leaves an empty line."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


class Reporting:
    """The `report` for a call into the core: the user's own, a Bar, or None."""

    def __init__(self, progress: bool | Report | None) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise InvalidArgumentError(f"progress is {progress!r}; it is True, False, or a function of (stage, done, total)")
        if progress is None:
            progress = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Bar() if progress is True else None
        self._report = self._bar or (progress if callable(progress) else None)

    def __enter__(self) -> Report | None:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
