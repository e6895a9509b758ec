"""Runs what needs other servers than the other tests, a browser or a large library: the main paths (tests/cassandra/test_main_paths.py) on
each version of Cassandra in .deps/cassandra-VERSION (`tools/setup.sh engines`), servers with limits (tests/cassandra/test_limits.py),
tables of cassandra-dali-plugin (tests/cassandra/test_dali_tables.py), tests/browser, and MosaicML Streaming
(tests/program/test_streaming.py). Ends with one line: `N passed, F failed, S skipped`.

Usage: tools/test_engines.py BUILD [VERSION...]; with versions the main paths on these alone.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from runner import report, results
from runner.jobs import Job, Lane, Loop
from runner.processes import processes_in_folder
from runner.results import ROOT, Results

MAIN_PATHS = "tests/cassandra/test_main_paths.py"
OTHERS = {"limits": "tests/cassandra/test_limits.py", "dali": "tests/cassandra/test_dali_tables.py", "browser": "tests/browser", "streaming": "tests/program/test_streaming.py"}
CORES = len(os.sched_getaffinity(0))


def servers() -> dict[str, Path]:
    """The folders of jars, by version."""
    return {path.read_text().strip(): path.parent for path in sorted((ROOT / ".deps").glob("cassandra-*/version"))}


def job(name: str, lane: Lane, tests: str, folder: Path, build: Path, jars: Path | None = None) -> Job:
    """A session of pytest, with the server of these jars."""
    settings = [] if jars is None else [f"RINGFEED_CASSANDRA_JARS={results.from_root(jars)}"]
    output = folder / f"{name.replace(' ', '-')}.txt"
    events = output.with_suffix(".jsonl")
    command = ["env", *settings, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--events={events}", tests]
    return Job(name, lane, command, output, partial(results_of, name, events, build, settings))


def results_of(name: str, events: Path, build: Path, settings: list[str], _: str) -> Results:
    found = results.of_pytest(name, events, build)
    found.tests = [replace(test, alone=" ".join([*settings, test.alone])) for test in found.tests]
    return found


def main() -> int:
    there = servers()
    if len(sys.argv) < 2 or (missing := [version for version in sys.argv[2:] if version not in there]):
        print(f"test_engines: no server of {', '.join(missing)}; there are {', '.join(there)}" if len(sys.argv) > 1 else __doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1]).resolve()
    with processes_in_folder("engines") as (processes, folder):
        loop = Loop(processes, dict(os.environ, RINGFEED_BUILD=str(build)), lambda _: None)
        lane = Lane("engines", "cores", CORES, CORES)
        if len(sys.argv) == 2:
            for name, tests in OTHERS.items():
                loop.add(job(name, lane, tests, folder, build))
        for version in sys.argv[2:] or there:
            loop.add(job(f"Cassandra {version}", lane, MAIN_PATHS, folder, build, there[version]))
        loop.run()
        processes.end()
        report.show_times(loop.ended, loop.seconds())
        return 0 if report.conclude(loop.ended, []) else 1


if __name__ == "__main__":
    sys.exit(main())
