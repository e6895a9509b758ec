"""Runs the tests of the main paths (tests/cassandra/test_main_paths.py) on each version of Cassandra that `tools/setup.sh engines` has fetched.

Usage: tools/test_engines.py [VERSION...]; without one, all of .deps/. Exit code 1 when a version fails; the last lines say which.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = "tests/cassandra/test_main_paths.py"


def servers() -> dict[str, Path]:
    """The folders of jars, by version."""
    folders = sorted((ROOT / ".deps").glob("cassandra*/version"))
    return {path.read_text().strip(): path.parent for path in folders}


def main() -> int:
    there = servers()
    wanted = sys.argv[1:] or sorted(there)
    if missing := [version for version in wanted if version not in there]:
        print(f"test_engines: no server of {', '.join(missing)}; there are {', '.join(sorted(there))}: run tools/setup.sh engines", file=sys.stderr)
        return 2
    passed = {}
    for version in wanted:
        print(f"test_engines: Cassandra {version}", flush=True)
        environment = dict(os.environ, RINGFEED_CASSANDRA_JARS=str(there[version]), RINGFEED_BUILD="build/dev")
        passed[version] = subprocess.run([sys.executable, "-m", "pytest", "-q", TESTS], cwd=ROOT, env=environment, check=False).returncode == 0
    for version, is_good in passed.items():
        print(f"test_engines: Cassandra {version}: {'passed' if is_good else 'FAILED'}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
