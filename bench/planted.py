"""Things that are planted to be found: a slow disk, a process that is held up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLKIO = Path("/sys/fs/cgroup/blkio")
IN_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def forget_pages(folder: Path) -> None:
    """Of all files of a folder, that they are read from the disk again."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def slow_disk(folder: Path, bytes_per_second: int) -> Iterator[list[str]]:
    """What to put before a command that reads this folder: the kernel lets it read so fast, of the disk and not of its pages. Needs root and
    the blkio controller of cgroup v1."""
    if not os.access(BLKIO / "cgroup.procs", os.W_OK):
        sys.exit(f"a slow disk needs root, and {BLKIO} of cgroup v1")
    forget_pages(folder)
    group = BLKIO / f"ringfeed-{os.getpid()}"
    group.mkdir()
    try:
        device = os.stat(folder).st_dev
        limit = f"{os.major(device)}:{os.minor(device)} {bytes_per_second}"
        (group / "blkio.throttle.read_bps_device").write_text(limit)
        yield ["sh", "-c", IN_GROUP, str(group)]
    finally:
        while (group / "cgroup.procs").read_text():
            time.sleep(0.1)
        group.rmdir()


@contextmanager
def held_up(process: int, share: float, period: float = 0.02) -> Iterator[None]:
    """Stops a process for a share of each period, in seconds."""
    over = threading.Event()

    def hold() -> None:
        try:
            while not over.is_set():
                os.kill(process, signal.SIGSTOP)
                time.sleep(share * period)
                os.kill(process, signal.SIGCONT)
                time.sleep((1 - share) * period)
        except ProcessLookupError:
            pass  # it has ended

    holding = threading.Thread(target=hold)
    holding.start()
    try:
        yield
    finally:
        over.set()
        holding.join()
