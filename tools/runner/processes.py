"""The processes of a test run: each in a group of its own, and none of them, nor what they started, is left at the end."""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# A pytest that has servers stops them in this time. (A test has none.)
END_SECONDS_MAX = float(os.environ.get("RINGFEED_TEST_END_SECONDS", "20"))
PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)


class Processes:
    """Starts processes, and ends them with all their descendants."""

    def __init__(self) -> None:
        # A process that loses its parent becomes a child of this one, and is found by `end`.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # for the byte in the pipe

    def start(self, command: Sequence[str], folder: Path, output: Path, environment: Mapping[str, str],
              niceness: int = 0) -> subprocess.Popen[bytes]:
        """Starts a command that writes stdout and stderr to the file `output`. SIGKILL of this process is SIGTERM to it."""
        before = ["setpriv", "--pdeathsig", "TERM", "--", "nice", "-n", str(niceness), "--"]
        with output.open("wb") as file:
            # A group, not a session: Linux shares cores out to sessions first, whatever their niceness.
            process = subprocess.Popen([*before, *command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, process_group=0)
        self.running[process.pid] = process
        return process

    def poll(self, process: subprocess.Popen[bytes]) -> tuple[int, float] | None:
        """Returns the exit code when it has ended, -N after signal N, and the CPU seconds that it and what it waited for took."""
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        cpu_seconds = cpu_seconds_of(process.pid)
        self.running.pop(process.pid, None)
        return process.wait(), cpu_seconds

    def wait(self, seconds: float) -> None:
        """Returns when a process has ended, or after this time."""
        if select.select([self.woken], [], [], seconds)[0]:
            os.read(self.woken, 4096)
        self.reap()

    def reap(self) -> None:
        """Forgets adopted processes that have ended, at once: a test may look whether their pids are free."""
        for pid in children_of(os.getpid()):
            if pid not in self.running:
                wait_for_adopted(pid)

    def stop(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        """SIGTERM to their groups, then SIGKILL to them and to whatever they started that is in a group of its own."""
        started = {pid for process in processes for pid in descendants_of(process.pid)}
        for process in processes:
            signal_group(process.pid, signal.SIGTERM)
        end = time.monotonic() + END_SECONDS_MAX
        while time.monotonic() < end and any(process.poll() is None for process in processes):
            time.sleep(0.05)
        for process in processes:
            started |= descendants_of(process.pid)
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
            self.running.pop(process.pid, None)
        for pid in started & descendants_of(os.getpid()):  # a pid that is another process by now is not among them
            kill(pid)

    def end(self) -> None:
        """Stops everything, and what processes that have ended left behind."""
        self.stop(list(self.running.values()))
        while left := descendants_of(os.getpid()):
            for pid in left:
                kill(pid)
                wait_for_adopted(pid)
            time.sleep(0.01)


@contextmanager
def processes_in_folder(name: str) -> Iterator[tuple[Processes, Path]]:
    """The processes of a run and a temporary folder for what they write; both are gone at the end, also after SIGINT and SIGTERM."""
    def unwind(number: int, _: object) -> None:
        ignore_signals()
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, unwind)
    processes = Processes()
    folder = Path(tempfile.mkdtemp(prefix=f"ringfeed-{name}-"))
    try:
        yield processes, folder
    finally:
        ignore_signals()
        processes.end()
        shutil.rmtree(folder, ignore_errors=True)


def ignore_signals() -> None:
    """While a run ends what it has started, more of them do nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass  # all of it has ended


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def cpu_seconds_of(pid: int) -> float:
    """Of a process and of its children that it has waited for: fields 14 to 17 of proc(5) stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> set[int]:
    found: set[int] = set()
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.update(map(int, (task / "children").read_text().split()))
    except OSError:
        pass  # it has ended, or a thread of it has
    return found


def descendants_of(pid: int) -> set[int]:
    found = children_of(pid)
    for child in list(found):
        found |= descendants_of(child)
    return found


def wait_for_adopted(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
