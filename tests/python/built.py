"""The package and the program of the build under test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / os.environ.get("RINGFEED_BUILD", "build/dev")
PACKAGE = str(BUILD / "python")
SECONDS_MAX = 120
sys.path.insert(0, PACKAGE)


def run_program(*arguments: str) -> None:
    """Runs the program of the build."""
    subprocess.run([str(BUILD / "bin/ringfeed"), *arguments], check=True, capture_output=True, timeout=SECONDS_MAX)
