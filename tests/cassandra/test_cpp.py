"""The C++ tests that need a server (bin/cassandra_cases of the build), one by one, on three nodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from running import Running

pytestmark = pytest.mark.cassandra
ROOT = Path(__file__).resolve().parent.parent.parent
BUILDS = [os.environ.get("RINGFEED_BUILD", "build/dev")]
SECONDS_MAX = 600


def cases() -> list[tuple[Path, str]]:
    """Every test of every build that has the program."""
    found = []
    for build in BUILDS:
        program = ROOT / build / "bin/cassandra_cases"
        if not program.exists():
            continue
        suite = ""
        for line in subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout.splitlines():
            if line.startswith("  "):
                found.append((program, suite + line.strip()))
            elif line.endswith("."):
                suite = line
    return found


CASES = cases()


def test_there_are_cases() -> None:
    assert CASES, "bin/cassandra_cases is not built: tools/build.sh dev"


@pytest.mark.parametrize(("program", "case"), CASES, ids=[f"{program.parent.parent.name}/{case}" for program, case in CASES])
def test_case(program: Path, case: str, three_nodes: Running) -> None:
    result = subprocess.run([program, f"--gtest_filter={case}"], capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=dict(os.environ, RINGFEED_TEST_CASSANDRA=",".join(three_nodes.addresses)))
    assert result.returncode == 0 and "[  PASSED  ] 1 test." in result.stdout, result.stdout[-8000:] + result.stderr[-8000:]
