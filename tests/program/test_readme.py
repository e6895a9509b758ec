"""The README's command line, run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, build_folder

pytestmark = pytest.mark.program


def test_command_line_examples_run(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert blocks
    shutil.copy(ROOT / "data/digits/digits.csv", tmp_path)
    path = f"{build_folder() / 'bin'}:{os.environ['PATH']}"
    for block in blocks:
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, capture_output=True, text=True,
                                timeout=SECONDS_MAX, env=dict(os.environ, PATH=path))
        assert result.returncode == 0, f"{block}\n{result.stdout}\n{result.stderr}"
    assert (tmp_path / "run/weights.safetensors").exists()
