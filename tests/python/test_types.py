"""The types that users see: a script under mypy, and the stub of the module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from built import BUILD, PACKAGE, SECONDS_MAX

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parent.parent.parent

SCRIPT = """
import numpy
import ringfeed

written = ringfeed.write("a.ring", {"x": numpy.zeros(3)}, splits={"train": 1.0}, username="me", lz4=True)
samples: dict[str, int] = written.splits
data: ringfeed.Dataset = ringfeed.open("a.ring", password="x", tls_server_names=["a"])
columns: tuple[ringfeed.Column, ...] = data.schema
value = data[0]["x"]
loader = ringfeed.Loader(data, 10, seed=3, shuffle=False)
for batch in loader:
    image = batch["x"]
steps: int = len(loader)
urls: list[str] = ringfeed.list(".")
versions: list[int] = ringfeed.delete("a.ring")
ringfeed.open("a.ring", user="me")  # line 16
ringfeed.write("a.ring", {}, seed="7")
ringfeed.Loader("a.ring", 10)
number: str = written.version
"""


def test_a_script_under_mypy(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    result = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--ignore-missing-imports",
                             "--cache-dir", str(BUILD / "mypy"), "script.py"], cwd=tmp_path, capture_output=True, text=True,
                            env={**os.environ, "MYPYPATH": PACKAGE}, timeout=SECONDS_MAX)
    errors = [line.split(":", 2) for line in result.stdout.splitlines() if line.startswith("script.py:") and ": error:" in line]
    assert [int(line) for _, line, _ in errors] == [16, 17, 18, 19], result.stdout + result.stderr


def test_the_stub_is_that_of_the_module(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "ringfeed._core", "-o", tmp_path / "_core.pyi"], check=True,
                   env={**os.environ, "PYTHONPATH": PACKAGE}, timeout=SECONDS_MAX)
    assert (tmp_path / "_core.pyi").read_text() == (ROOT / "python/ringfeed/_core.pyi").read_text(), (
        "python/ringfeed/_core.pyi is stale: PYTHONPATH=build/dev/python .deps/venv/bin/python -m nanobind.stubgen -m ringfeed._core "
        "-o python/ringfeed/_core.pyi")
