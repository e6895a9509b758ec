"""Runs every test of a build and ends with one line: `N passed, F failed, S skipped`.

Test programs (GoogleTest) are BUILD/bin/*_test of each build named; Python tests are tests/**/test_*.py, run once with the
first build, those marked `program` or `cassandra` only with --all (they need the program and the train room, or a
server), those marked `cuda` never. What a test prints is shown when it fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM_SECONDS_MAX = 3600  # against hanging; the slowest, pytest, takes half an hour, and twice that on a slow machine
PROGRAMS_AT_ONCE = 2
LONGEST = "order_test"  # begun first, that it is not waited for at the end


@dataclass
class Counts:
    """Results so far, and the names of what failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add_report(self, report: Path, program: str) -> None:
        """Adds a JUnit-style report (GoogleTest and pytest write the same elements)."""
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{program}: {case.get('classname')}.{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
                self.failures.append(name)
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                self.skipped += 1
            else:
                self.passed += 1


@dataclass
class Job:
    """A test program to run, and what came of it."""

    name: str
    command: list[str]
    report: Path
    output: str = ""
    code: int = -1
    seconds: float = 0.0

    def run(self, environment: dict[str, str]) -> Job:
        print(f"test: {self.name} ...", flush=True)
        start = time.monotonic()
        try:
            result = subprocess.run(self.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PROGRAM_SECONDS_MAX)
            self.output, self.code = result.stdout, result.returncode
        except subprocess.TimeoutExpired as error:
            self.output = f"{error.stdout or ''}\ntook over {PROGRAM_SECONDS_MAX} s"
        self.seconds = time.monotonic() - start
        return self


def add(job: Job, counts: Counts) -> None:
    """Counts a job that has ended; a crash, a time-out or a missing report is a failure of its own."""
    passed, failed = counts.passed, counts.failed
    if job.report.exists():
        counts.add_report(job.report, job.name)
    if job.code != 0 and counts.failed == failed:
        counts.failed += 1
        counts.failures.append(f"{job.name}: ended with {job.code} without a failed test")
    if counts.failed != failed:
        print(job.output[-20000:], flush=True)
    else:
        for line in job.output.splitlines():
            if line.startswith("note: "):  # figures that a test wants seen
                print(f"  {line}", flush=True)
    print(f"test: {job.name}: {counts.passed - passed} passed in {job.seconds:.1f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", type=Path, nargs="+", help="e.g. build/dev build/asan")
    parser.add_argument("--all", action="store_true", help="also the tests of the whole program")
    parser.add_argument("--only", default="", help="only test programs whose names contain this; no Python tests")
    arguments = parser.parse_args()
    builds = [(ROOT / build).resolve() for build in arguments.builds]
    environment = dict(os.environ, RINGFEED_BUILD=str(builds[0]))
    counts = Counts()
    with tempfile.TemporaryDirectory() as folder:
        programs = [(build, program) for build in builds for program in (build / "bin").glob("*_test") if arguments.only in program.name]
        jobs = []
        for build, program in sorted(programs, key=lambda job: (job[1].name != LONGEST, job)):
            report = Path(folder) / f"{build.name}-{program.name}.xml"
            jobs.append(Job(f"{build.name}/{program.name}", [str(program), f"--gtest_output=xml:{report}"], report))
        with ThreadPoolExecutor(PROGRAMS_AT_ONCE) as pool:
            for end in as_completed([pool.submit(job.run, environment) for job in jobs]):
                add(end.result(), counts)
        if not arguments.only:  # alone: these tests have servers, and deadlines
            report = Path(folder) / "pytest.xml"
            marker = ["-m", "not cuda" if arguments.all else "not cuda and not cassandra and not program"]
            ignored = [] if arguments.all else ["--ignore=tests/python"]  # it imports the package, which is not built then
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *marker, *ignored, "tests"]
            add(Job("pytest", command, report).run(environment), counts)
    for failure in counts.failures:
        print(f"failed: {failure}")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 0 if counts.failed == 0 and counts.skipped == 0 and counts.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
