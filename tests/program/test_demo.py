"""tools/demo.sh, twice: the accuracy it promises, and the same losses to the last digit."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, build_folder

pytestmark = pytest.mark.program


def run_demo(folder: Path) -> tuple[str, dict]:
    """Gives what it printed on stdout, and its summary.json."""
    environment = dict(os.environ, RINGFEED_BUILD=str(build_folder()), RINGFEED_DEMO=str(folder))
    result = subprocess.run([str(ROOT / "tools/demo.sh")], capture_output=True, text=True, env=environment,
                            timeout=SECONDS_MAX)
    assert result.returncode == 0, result.stderr
    return result.stdout, json.loads((folder / "summary.json").read_text())


def test_two_runs_give_the_same_losses(tmp_path: Path) -> None:
    printed, first = run_demo(tmp_path / "one")
    assert first["val_accuracy"] >= 0.97
    assert f"val accuracy: {first['val_accuracy'] * 100:.2f} %" in printed
    assert len(first["losses"]) == 30 and first["losses"][-1] < first["losses"][0] / 10
    for key in ("samples_per_second", "wait_share", "weights", "versions", "threads_per_rank"):
        assert key in first
    assert first["world_size"] == 2

    _, again = run_demo(tmp_path / "one")  # over the data set that is there
    _, afresh = run_demo(tmp_path / "two")
    assert again["losses"] == first["losses"]
    assert afresh["losses"] == first["losses"]


def test_weights_are_read_by_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    _, summary = run_demo(tmp_path)
    weights = load_file(tmp_path / "weights.safetensors")
    assert Path(summary["weights"]).name == "weights.safetensors"
    assert sorted(w.shape for w in weights.values()) == [(10,), (10, 256), (256,), (256,), (256, 64), (256, 256)]
    assert all(w.dtype == "float32" for w in weights.values())
