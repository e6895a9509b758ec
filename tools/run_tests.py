"""Runs every test of a build and ends with one line: `N passed, F failed, S skipped`.

Test programs (GoogleTest) are BUILD/bin/*_test of each build; Python tests are tests/**/test_*.py, run once with the first build,
those marked `program` or `cassandra` only with --all (they need the program and the train room, or a server), those marked `cuda`,
`browser` or `engines` never. With --build the builds are made first, one after the other, while tests of those that are there run already.

Several lanes run at once: the programs and the files of Python tests, one more than there are cores; tests on one node; tests on three
nodes. Both clusters are started at the beginning. The tests marked `quiet` have deadlines, and run at the end, with nothing beside.
What a test prints is shown when it fails, with the command that runs it alone. All times are in build/test-times.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner import report, results
from runner.jobs import Job, Lane, Loop
from runner.processes import Processes, processes_in_folder
from runner.results import ROOT

JOB_MEMORY_BYTES = 2 << 30
SERVERS_MEMORY_BYTES = 6 << 30
# Begun first, the longest at the front, that they are not waited for at the end.
LONGEST = ("tests/program/test_resume.py", "tests/python/test_wheel.py", "tests/python/test_frameworks.py", "train_test",
           "tests/python/test_examples.py", "ingest_test", "store_cassandra_test", "feed_test", "order_test", "tests/program/test_tune.py",
           "tests/program/test_cli.py", "tests/program/test_package.py")


def job_count(servers: bool) -> int:
    """One more than there are cores, as tests also wait; as far as there is memory for them."""
    with open("/proc/meminfo") as lines:
        available = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    room = available - (SERVERS_MEMORY_BYTES if servers else 0)
    return max(1, min(len(os.sched_getaffinity(0)) + 1, room // JOB_MEMORY_BYTES))


def order_of(name: str) -> int:
    return next((place for place, part in enumerate(LONGEST) if name.endswith(part)), len(LONGEST))


class Run:
    """The jobs of a run, and which follow from which."""

    def __init__(self, arguments: argparse.Namespace, folder: Path, processes: Processes) -> None:
        self.only = arguments.only
        self.times = arguments.times
        self.expression = "not cuda and not browser and not engines"
        if not arguments.all:
            self.expression += " and not cassandra and not program"
        # What is ignored imports the package, which is not built then.
        self.tests = ["tests"] if arguments.all else ["--ignore=tests/python", "--ignore=tests/cassandra", "tests"]
        self.folder = folder
        self.processes = processes
        self.found: dict[str, set[str]] = {}  # the marks of each Python test
        steps = {ROOT / "build" / step.split()[0]: step.split() for step in arguments.build}
        there = [(ROOT / build).resolve() for build in arguments.builds]
        self.first = [*there, *steps][0]
        # Arrow's own allocator hides its buffers from the sanitizers, and has what ThreadSanitizer takes for races.
        environment = dict(os.environ, RINGFEED_BUILD=str(self.first), ARROW_DEFAULT_MEMORY_POOL="system")
        if arguments.all and not arguments.only:
            environment["RINGFEED_TEST_CLUSTERS"] = str(folder / "clusters")
        self.loop = Loop(processes, environment, self.after)
        count = job_count(servers=arguments.all)
        self.building = Lane("build", "build", 1, 1, niceness=10, builds=True)
        self.programs = Lane("programs", "cores", count, 1, niceness=10)
        self.python = Lane("python", "cores", count, 1, niceness=10)
        self.servers = {1: Lane("one node", "one", 1, 1), 3: Lane("three nodes", "three", 1, 1)}
        self.quiet = Lane("quiet", "quiet", 1, 1, alone=True)
        if "RINGFEED_TEST_CLUSTERS" in environment:
            self.start_clusters()
        for build, step in steps.items():
            self.add_step(build, step)
        for build in there:
            self.add_tests_of(build)

    def after(self, job: Job) -> None:
        """Adds the jobs for which this one made room."""
        if job.lane is self.building and job.good:
            self.add_tests_of(ROOT / "build" / job.name.split()[0])
        elif job.lane is self.building:
            self.loop.cut()
        elif not job.tests:
            self.found = results.collected(self.events_of(job.output))
            self.add_python()

    def add_step(self, build: Path, step: list[str]) -> None:
        self.loop.add(Job(" ".join(step), self.building, ["tools/build.sh", *step], self.folder / f"build-{build.name}.txt",
                          tests=False, shown=True))

    def add_tests_of(self, build: Path) -> None:
        """Its programs, and of the first the Python tests."""
        for path in sorted((build / "bin").glob("*_test")):
            if self.only in path.name:
                name = f"{build.name}/{path.name}"
                xml = self.folder / f"{build.name}-{path.name}.xml"
                self.loop.add(Job(name, self.programs, [str(path), f"--gtest_output=xml:{xml}"], xml.with_suffix(".txt"),
                                  partial(results.of_googletest, name, path, xml), order=order_of(name)))
        if build == self.first and not self.only:
            self.add_pytest("collection", self.python, "", ["--collect-only", *self.tests], tests=False)

    def add_python(self) -> None:
        """A job for each file without servers, one for each cluster, and one for the quiet tests."""
        for file in self.files_of(lambda marks: not marks & {"cassandra", "quiet"}):
            self.add_pytest(file, self.python, "not cassandra and not quiet", [file])
        for count, lane in self.servers.items():
            three = "three_nodes" if count == 3 else "not three_nodes"
            files = self.files_of(lambda marks, count=count: "cassandra" in marks and "quiet" not in marks
                                  and ("three_nodes" in marks) == (count == 3))
            if files:
                self.add_pytest(lane.name, lane, f"cassandra and not quiet and {three}", files)
        if files := self.files_of(lambda marks: "quiet" in marks):
            self.add_pytest("quiet", self.quiet, "quiet", files)

    def files_of(self, condition: Callable[[set[str]], bool]) -> list[str]:
        return list(dict.fromkeys(name.partition("::")[0] for name, marks in self.found.items() if condition(marks)))

    def add_pytest(self, name: str, lane: Lane, expression: str, arguments: list[str], *, tests: bool = True) -> None:
        output = self.folder / f"{name.replace('/', '-')}.txt"
        events = self.events_of(output)
        wanted = f"{self.expression} and {expression}" if expression else self.expression
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--events={events}", "-m", wanted, *arguments]
        self.loop.add(Job(name, lane, command, output, lambda _: results.of_pytest(name, events, self.first), tests=tests,
                          order=order_of(name) if tests else -1))  # what is collected is waited for by the lanes with servers

    @staticmethod
    def events_of(output: Path) -> Path:
        return output.with_suffix(".jsonl")

    def start_clusters(self) -> None:
        """Both in the background; a test that asks for one waits until it is up. Nodes end with who started them."""
        for count in self.servers:
            command = [sys.executable, "tools/cassandra/cluster.py", "run", "--short-lived", "--nodes", str(count), "--folder",
                       str(self.folder / "clusters" / str(count)), "--", "sleep", "infinity"]
            self.processes.start(command, ROOT, self.folder / f"cluster-{count}.txt", os.environ)

    def conclude(self) -> bool:
        """Reports. A Python test that was found and has no result is a failure too."""
        jobs = self.loop.ended
        told = {test.name for job in jobs for test in job.results.tests}
        lost = [] if self.loop.cut_off else sorted(set(self.found) - told)
        seconds = self.loop.seconds()
        report.write_times(jobs, seconds, self.times)
        report.show_times(jobs, seconds)
        return report.conclude(jobs, [f"{name}: has no result" for name in lost])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", type=Path, nargs="*", help="those that are there, e.g. build/dev build/asan")
    parser.add_argument("--build", action="append", default=[], metavar="'PRESET TARGET...'", help="one that tools/build.sh makes first")
    parser.add_argument("--all", action="store_true", help="also the tests of the whole program, and those with servers")
    parser.add_argument("--only", default="", help="only test programs whose names contain this; no Python tests")
    parser.add_argument("--times", type=Path, default=ROOT / "build/test-times.json", help="where times are written")
    arguments = parser.parse_args()
    if not arguments.builds and not arguments.build:
        parser.error("name a build")
    with processes_in_folder("tests") as (processes, folder):
        run = Run(arguments, folder, processes)
        run.loop.run()
        processes.end()
        return 0 if run.conclude() else 1


if __name__ == "__main__":
    sys.exit(main())
