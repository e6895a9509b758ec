"""What a test run ends with: times, failures with the commands that run them alone, and one line of counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .jobs import Job

SLOWEST = 25
SLOW_SECONDS_MIN = 0.1


def show_times(jobs: Sequence[Job], seconds: float) -> None:
    """The lanes with their jobs, and the slowest tests."""
    print(f"times: {seconds:.0f} s in all")
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        lanes.setdefault(job.lane.name, []).append(job)
    for name, members in lanes.items():
        begun, end = min(job.begun for job in members), max(job.begun + job.seconds for job in members)
        print(f"  {name}: from {begun:.0f} to {end:.0f} s, {sum(job.seconds for job in members):.0f} s in all, "
              f"on a core {sum(job.cpu_seconds for job in members):.0f} s")
        for job in sorted(members, key=lambda job: -job.seconds):
            print(f"    {job.seconds:7.1f} s  {job.name} (on a core {job.cpu_seconds:.1f} s)")
    print("the slowest tests:")
    tests = [test for job in jobs for test in job.results.tests if test.seconds >= SLOW_SECONDS_MIN]
    for test in sorted(tests, key=lambda test: -test.seconds)[:SLOWEST]:
        cores = "" if test.cpu_seconds is None else f" (on a core {test.cpu_seconds:.1f} s)"
        print(f"  {test.seconds:7.1f} s  {test.program}: {test.name}{cores}")


def write_times(jobs: Sequence[Job], seconds: float, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({
        "seconds": seconds,
        "jobs": [{"name": job.name, "lane": job.lane.name, "begun": job.begun, "seconds": job.seconds,
                  "cpu_seconds": job.cpu_seconds, "code": job.code, "failures": job.failures} for job in jobs],
        "tests": [test.as_json() for job in jobs for test in job.results.tests]}, indent=1) + "\n")


def conclude(jobs: Sequence[Job], failures: Sequence[str]) -> bool:
    """Names each failure and counts; the line of counts is the last. Returns whether all is well."""
    passed, failed, skipped = (sum(job.results.count(result) for job in jobs) for result in ("passed", "failed", "skipped"))
    failed += sum(len(job.failures) for job in jobs) + len(failures)
    for job in jobs:
        for test in job.results.tests:
            if test.result == "failed":
                print(f"failed: {test.program}: {test.name}\n  alone: {test.alone}")
            elif test.result == "skipped":
                print(f"skipped: {test.program}: {test.name}\n  alone: {test.alone}")
        for failure in job.failures:
            print(f"failed: {job.name}: {failure}")
    for failure in failures:
        print(f"failed: {failure}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return failed == 0 and skipped == 0 and passed > 0
