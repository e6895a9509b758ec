"""The installed CMake package, used by another project: the README's C++ example and a training loop with torch."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, Ringfeed, build_folder

pytestmark = pytest.mark.program


def run(*command: str, folder: Path) -> str:
    """Runs a command, asserts that it ends well, and gives its stdout."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_another_project_uses_the_package(ringfeed: Ringfeed) -> None:
    folder = ringfeed.folder
    consumer = folder / "consumer"
    shutil.copytree(ROOT / "tests/program/consumer", consumer)
    example = re.search(r"^```cpp\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert example
    (consumer / "core.cpp").write_text(example[1])
    run("cmake", "--install", str(build_folder()), "--prefix", str(folder / "prefix"), folder=folder)
    run("cmake", "-G", "Ninja", "-S", str(consumer), "-B", "build", f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}",
        folder=folder)
    run("cmake", "--build", "build", folder=folder)

    ringfeed("ingest", str(ROOT / "data/digits/digits.csv"), "digits.ring", "--tensor", "image=f0..f63:64:float32",
             "--tensor", "label=f64::int64")
    steps = run("build/core", folder=folder).splitlines()
    assert len(steps) == 8 and sum(int(re.search(r"(\d+) samples", line)[1]) for line in steps) == 1797
    assert "loss fell" in run("build/loop", folder=folder)
    installed = folder / "prefix/bin/ringfeed"
    assert run(str(installed), "--version", folder=folder).startswith("ringfeed 0.")
