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
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM_SECONDS_MAX = 3600  # against hanging; the slowest, pytest, takes 20 minutes, and twice that on a slow machine


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


def run(command: list[str], name: str, report: Path, counts: Counts, environment: dict[str, str]) -> None:
    """Runs one test program; a crash, a time-out or a missing report is a failure of its own."""
    start = time.monotonic()
    print(f"test: {name} ...", flush=True)
    before = counts.failed
    try:
        result = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PROGRAM_SECONDS_MAX)
        output, code = result.stdout, result.returncode
    except subprocess.TimeoutExpired as error:
        output, code = str(error.stdout or ""), -1
        counts.failures.append(f"{name}: took over {PROGRAM_SECONDS_MAX} s")
        counts.failed += 1
    passed_before = counts.passed
    if report.exists():
        counts.add_report(report, name)
    if code != 0 and counts.failed == before:
        counts.failed += 1
        counts.failures.append(f"{name}: ended with {code} without a failed test")
    if counts.failed != before:
        print(output[-20000:], flush=True)
    else:
        for line in output.splitlines():
            if line.startswith("note: "):  # figures that a test wants seen
                print(f"  {line}", flush=True)
    print(f"test: {name}: {counts.passed - passed_before} passed in {time.monotonic() - start:.1f} s", flush=True)


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
        for build in builds:
            programs = sorted(p for p in (build / "bin").glob("*_test") if arguments.only in p.name)
            for program in programs:
                name = f"{build.name}/{program.name}"
                report = Path(folder) / f"{build.name}-{program.name}.xml"
                run([str(program), f"--gtest_output=xml:{report}"], name, report, counts, environment)
        if not arguments.only:
            report = Path(folder) / "pytest.xml"
            marker = ["-m", "not cuda" if arguments.all else "not cuda and not cassandra and not program"]
            ignored = [] if arguments.all else ["--ignore=tests/python"]  # it imports the package, which is not built then
            run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *marker, *ignored,
                 "tests"], "pytest", report, counts, environment)
    for failure in counts.failures:
        print(f"failed: {failure}")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 0 if counts.failed == 0 and counts.skipped == 0 and counts.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
