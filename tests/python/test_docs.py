"""The Python of README.md, docs/python.md, docs/recipes.md and docs/from-mosaicml.md that needs no Cassandra, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from built import PACKAGE, SECONDS_MAX

pytestmark = pytest.mark.program
DOCS = Path(__file__).resolve().parents[2] / "docs"
SAMPLES = """
import numpy
samples = [{"data": numpy.arange(10, dtype="float32") + i, "target": float(i)} for i in range(100)]
"""


def run_page(name: str, folder: Path, before: str = "") -> tuple[str, list[str]]:
    """The code of a page as one program, in this folder. Gives the code and the lines that it printed."""
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), flags=re.MULTILINE | re.DOTALL)
    code = before + "".join(block for block in blocks if "cassandra://" not in block)
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX,
                            env=dict(os.environ, PYTHONPATH=PACKAGE))
    assert result.returncode == 0, result.stdout + result.stderr
    return code, result.stdout.splitlines()


@pytest.mark.parametrize(("page", "lines"), [("python.md", 6), ("recipes.md", 7)])
def test_a_page_prints_what_it_says(tmp_path: Path, page: str, lines: int) -> None:
    code, printed = run_page(page, tmp_path)
    told = re.findall(r"^print\(.*\) +# (.*)$", code, flags=re.MULTILINE)
    assert len(told) == len(printed) >= lines
    for line, comment in zip(printed, told, strict=True):
        assert comment.startswith(line)


def test_coming_from_mosaicml(tmp_path: Path) -> None:
    run_page("from-mosaicml.md", tmp_path, SAMPLES)


def test_the_readme(tmp_path: Path) -> None:
    _, printed = run_page("../README.md", tmp_path)
    assert printed == ["torch.Size([256, 28, 28]) torch.int64"] * 3 + ["torch.Size([232, 28, 28]) torch.int64"]


def test_links_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md", DOCS.parent / "ARCHITECTURE.md"]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
