"""The C++ tests that need a server (bin/cassandra_cases of the build under test), one by one, on three nodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from running import Running

pytestmark = pytest.mark.cassandra
ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev") / "bin/cassandra_cases"
SECONDS_MAX = 600


def cases() -> list[str]:
    """Every test of the program."""
    if not PROGRAM.exists():
        return []
    found = []
    suite = ""
    for line in subprocess.run([PROGRAM, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("  "):
            found.append(suite + line.strip())
        elif line.endswith("."):
            suite = line
    return found


CASES = cases()


def test_there_are_cases() -> None:
    assert CASES, "bin/cassandra_cases is not built: tools/build.sh dev"


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, three_nodes: Running) -> None:
    result = subprocess.run([PROGRAM, f"--gtest_filter={case}"], capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=dict(os.environ, RINGFEED_TEST_CASSANDRA=",".join(three_nodes.addresses)))
    assert result.returncode == 0 and "[  PASSED  ] 1 test." in result.stdout, result.stdout[-8000:] + result.stderr[-8000:]
