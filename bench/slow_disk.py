"""A disk that is slow for some processes: a control group bounds what they read of a folder's device, and what they have read is taken out
of the page cache, so that it is read again. Wants root, and control groups that may be made (version 1 or 2)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def evict(folder: Path) -> None:
    """Pages of its files that no process has mapped."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def device_of(folder: Path) -> str:
    """The whole disk's, "254:0": partitions have no bounds of their own."""
    number = os.stat(folder).st_dev
    name = f"{os.major(number)}:{os.minor(number)}"
    parent = Path(f"/sys/dev/block/{name}").resolve().parent / "dev"
    return parent.read_text().strip() if parent.exists() else name


def make_group(device: str, bytes_per_second: int) -> Path:
    """A group whose processes read that fast at most."""
    if (GROUPS / "blkio").is_dir():
        group = GROUPS / "blkio" / f"ringfeed-bench-{os.getpid()}"
        group.mkdir()
        (group / "blkio.throttle.read_bps_device").write_text(f"{device} {bytes_per_second}")
        return group
    (GROUPS / "cgroup.subtree_control").write_text("+io")
    group = GROUPS / f"ringfeed-bench-{os.getpid()}"
    group.mkdir()
    (group / "io.max").write_text(f"{device} rbps={bytes_per_second}")
    return group


@contextmanager
def slow_disk(folder: Path, bytes_per_second: int) -> Iterator[Callable[[], None]]:
    """What a process calls to be bound (subprocess's preexec_fn); its children are, too."""
    os.sync()
    group = make_group(device_of(folder), bytes_per_second)
    over = threading.Event()

    def keep_evicting() -> None:
        while not over.wait(0.2):
            evict(folder)

    evicting = threading.Thread(target=keep_evicting)
    evicting.start()
    try:
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        over.set()
        evicting.join()
        while (group / "cgroup.procs").read_text():  # they are ending
            time.sleep(0.05)
        group.rmdir()
