"""tools/demo.sh, twice: the accuracy it promises, and the same losses to the last digit; and tools/demo_images.sh."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, build_folder

pytestmark = pytest.mark.program


@dataclass
class Demo:
    """A run of the demo."""

    folder: Path
    printed: str  # on stdout
    summary: dict
    files: dict[str, bytes]  # of its data set, and its weights


def run_demo(folder: Path, script: str = "demo.sh", data: str = "digits.ring") -> Demo:
    environment = dict(os.environ, RINGFEED_BUILD=str(build_folder()), RINGFEED_DEMO=str(folder))
    result = subprocess.run([str(ROOT / "tools" / script)], capture_output=True, text=True, env=environment,
                            timeout=SECONDS_MAX)
    assert result.returncode == 0, result.stderr
    paths = [folder / "weights.safetensors", *(path for path in (folder / data).rglob("*") if path.is_file())]
    files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    return Demo(folder, result.stdout, json.loads((folder / "summary.json").read_text()), files)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run_demo(tmp_path_factory.mktemp("demo with a space"))


def test_it_learns_and_says_so(demo: Demo) -> None:
    summary = demo.summary
    assert summary["val_accuracy"] >= 0.97
    assert f"val accuracy: {summary['val_accuracy'] * 100:.2f} %" in demo.printed
    assert len(summary["losses"]) == 30 and summary["losses"][-1] < summary["losses"][0] / 10
    for key in ("samples_per_second", "wait_share", "weights", "versions", "threads_per_rank"):
        assert key in summary
    assert summary["world_size"] == 2


def test_weights_are_read_by_safetensors(demo: Demo) -> None:
    from safetensors.numpy import load_file

    weights = load_file(demo.folder / "weights.safetensors")
    assert Path(demo.summary["weights"]).name == "weights.safetensors"
    assert sorted(w.shape for w in weights.values()) == [(10,), (10, 256), (256,), (256,), (256, 64), (256, 256)]
    assert all(w.dtype == "float32" for w in weights.values())


def test_another_run_afresh_gives_the_same_to_the_last_digit(demo: Demo, tmp_path: Path) -> None:
    again = run_demo(tmp_path)
    assert again.summary["losses"] == demo.summary["losses"]
    assert again.files == demo.files


def test_another_run_over_the_data_set_that_is_there_gives_the_same(demo: Demo) -> None:
    again = run_demo(demo.folder)
    assert "unchanged" in again.printed
    assert again.summary["losses"] == demo.summary["losses"]
    assert again.files == demo.files


def test_that_of_pictures_learns_and_gives_the_same_again(tmp_path: Path) -> None:
    first, again = (run_demo(tmp_path / name, "demo_images.sh", "pictures.ring") for name in ("first", "again"))
    assert first.summary["val_accuracy"] >= 0.97
    assert first.summary["world_size"] == 2 and len(first.summary["losses"]) == 6
    assert again.summary["losses"] == first.summary["losses"]
    assert again.files == first.files
