"""Jobs, and the loop that runs each when what it needs is there and its lane has room."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Processes
from .results import ROOT, Results

JOB_SECONDS_MAX = 3600  # against hanging
POLL_SECONDS = 0.5  # an end is seen at once
OUTPUT_SHOWN_MAX = 20_000  # characters, of a job that failed


@dataclass(frozen=True)
class Lane:
    """A kind of job. Those of one pool share its places."""

    name: str
    pool: str
    places: int
    places_beside_build: int
    niceness: int = 0
    builds: bool = False
    alone: bool = False  # when no other lane has anything left


@dataclass
class Job:
    """A command, and what came of it."""

    name: str
    lane: Lane
    command: Sequence[str]
    output: Path
    # Reads the results after the end, given the output.
    read: Callable[[str], Results] = lambda _: Results()
    tests: bool = True  # it runs tests
    shown: bool = False  # its output is shown while it runs
    order: int = 0  # lower ones are begun first
    code: int | None = None
    begun: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # of servers none
    results: Results = field(default_factory=Results)
    failures: list[str] = field(default_factory=list)  # what beside failed tests went wrong

    @property
    def verb(self) -> str:
        return "build" if self.lane.builds else "test"

    @property
    def good(self) -> bool:
        return self.code == 0 and not self.failures and not self.results.count("failed")


class Loop:
    """Runs jobs; more can be added by `after`, which is called with each job that has ended."""

    def __init__(self, processes: Processes, environment: Mapping[str, str], after: Callable[[Job], None]) -> None:
        self.processes = processes
        self.environment = environment
        self.after = after
        self.start = time.monotonic()
        self.waiting: list[Job] = []
        self.running: list[tuple[Job, subprocess.Popen[bytes]]] = []
        self.ended: list[Job] = []
        self.shown: dict[str, int] = {}  # by job: how many bytes of its output
        self.cut_off = False

    def add(self, *jobs: Job) -> None:
        self.waiting = sorted([*self.waiting, *jobs], key=lambda job: job.order)

    def cut(self) -> None:
        """Nothing more is begun, and what runs is stopped."""
        self.cut_off = True

    def run(self) -> None:
        """Until none is left."""
        while (self.waiting or self.running) and not self.cut_off:
            for job in list(self.waiting):
                if self.may_begin(job):
                    self.begin(job)
            self.processes.wait(POLL_SECONDS)
            for job, process in list(self.running):
                self.show(job)
                ended = self.processes.poll(process)
                if ended is None and self.seconds() - job.begun > JOB_SECONDS_MAX:
                    self.processes.stop([process])
                    job.failures.append(f"took over {JOB_SECONDS_MAX} s")
                    ended = process.returncode, 0.0
                if ended is not None:
                    self.running.remove((job, process))
                    code, job.cpu_seconds = ended
                    self.finish(job, code)

    def may_begin(self, job: Job) -> bool:
        running = [other.lane for other, _ in self.running]
        if job.lane.alone and any(lane != job.lane for lane in [*running, *(other.lane for other in self.waiting)]):
            return False
        beside_build = any(lane.builds for lane in running)
        places = job.lane.places_beside_build if beside_build and not job.lane.builds else job.lane.places
        return sum(lane.pool == job.lane.pool for lane in running) < places

    def begin(self, job: Job) -> None:
        print(f"{job.verb}: {job.name} ...", flush=True)
        self.waiting.remove(job)
        job.begun = self.seconds()
        self.running.append((job, self.processes.start(job.command, ROOT, job.output, self.environment, job.lane.niceness)))

    def finish(self, job: Job, code: int) -> None:
        """Reads its results; a crash, a time-out or a missing report is a failure of its own."""
        job.code = code
        job.seconds = self.seconds() - job.begun
        text = job.output.read_text(errors="replace")
        self.show(job)
        job.results = job.read(text)
        if job.results.unfinished is not None:
            job.results.tests.append(job.results.unfinished)
        if code != 0 and not job.results.count("failed") and not job.failures:
            job.failures.append(f"ended with {code} without a failed test")
        if job.tests and code == 0 and not job.results.tests:
            job.failures.append("ran no test")
        if not job.good and not job.shown:
            print(text[-OUTPUT_SHOWN_MAX:], flush=True)
        for note in job.results.notes:
            print(f"  {note}")
        told = f"{job.results.count('passed')} passed in " if job.tests else ""
        print(f"{job.verb}: {job.name}: {told}{job.seconds:.1f} s", flush=True)
        self.ended.append(job)
        self.after(job)

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.start

    def show(self, job: Job) -> None:
        """Prints new lines of the output of one that is shown."""
        if not job.shown:
            return
        with job.output.open("rb") as file:
            file.seek(self.shown.get(job.name, 0))
            data = file.read()
        end = data.rfind(b"\n") + 1
        if end:
            self.shown[job.name] = self.shown.get(job.name, 0) + end
            print(data[:end].decode(errors="replace"), end="", flush=True)
