"""The report of a training run and the page of a data set, as a browser draws them: at the width of a desktop and of a phone, light
and dark."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Browser

pytestmark = pytest.mark.browser
PROGRAM = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev") / "bin/ringfeed"
EPOCHS = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two processes."""
    folder = tmp_path_factory.mktemp("run")
    subprocess.run([PROGRAM, "ingest", ROOT / "data/digits/digits.csv", "digits.ring", "--tensor", "image=f0..f63:8x8:float32", "--tensor",
                    "label=f64::int64", "--split", "train=0.8,val=0.2"], cwd=folder, check=True, capture_output=True, timeout=120)
    subprocess.run([PROGRAM, "train", "digits.ring", "--model", "mlp", "--hidden", "32", "--input", "image", "--target", "label", "--epochs",
                    str(EPOCHS), "--batch-size", "64", "--nproc", "2", "--output", "run"], cwd=folder, check=True, capture_output=True, timeout=300)
    subprocess.run([PROGRAM, "view", "digits.ring", "-o", "data.html"], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "run"


def check_colours(seen: dict[str, Any], *, dark: bool) -> None:
    ground = sum(int(part) for part in seen["ground"].strip("rgb()").split(","))
    ink = sum(int(part) for part in seen["ink"].strip("rgb()").split(","))
    assert (ground < 150 and ink > 500) if dark else (ground > 600 and ink < 200)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390], ids=["desktop", "phone"])
def test_the_report_is_drawn(run: Path, browser: Browser, width: int, dark: bool) -> None:
    summary = json.loads((run / "summary.json").read_text())
    page = run / "report.html"
    assert page.stat().st_size < 2_000_000
    seen = browser.see(page, width, dark=dark)
    assert seen["errors"] == [] and seen["loads"] == 0
    assert seen["width"] <= width
    figures = {figure["caption"]: figure for figure in seen["figures"]}
    assert list(figures) == ["Loss", "Validation accuracy", "Samples per second", "Learning rate", "Rank 0, % of each moment",
                             "Rank 1, % of each moment", "Confusion matrix"]
    for figure in figures.values():
        assert figure["role"] == "img" and figure["label"].startswith(figure["caption"].split(",")[0])
        assert 250 < figure["width"] <= width and figure["height"] > 50
        assert len(figure["texts"]) >= 4
    assert len(figures["Loss"]["paths"]) == 4 and min(figures["Loss"]["paths"]) > 150
    assert f"Validation loss" in figures["Loss"]["label"]
    for rank in (0, 1):
        bars = figures[f"Rank {rank}, % of each moment"]["bars"]
        assert len(bars) % 5 == 0 and len(bars) >= 10
        for interval in range(0, len(bars), 5):  # each is one whole
            assert sum(bar[1] for bar in bars[interval:interval + 5]) == pytest.approx(100, abs=0.1)
    assert len(figures["Confusion matrix"]["bars"]) == 100 and "classes. Most often mistaken: " in figures["Confusion matrix"]["label"]
    assert len(seen["pictures"]) == 16 and all(picture["shades"] > 5 for picture in seen["pictures"])
    assert f"loss {summary['evaluation']['worst'][0]['loss']:.4g}" in seen["text"]
    assert f"{100 * summary['val_accuracy']:.2f} %" in seen["text"]
    assert "What limited it" in seen["text"] and "cross_entropy" in seen["text"]
    assert seen["reached"] >= 1  # by the keyboard
    check_colours(seen, dark=dark)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390], ids=["desktop", "phone"])
def test_the_page_of_a_data_set_is_drawn(run: Path, browser: Browser, width: int, dark: bool) -> None:
    seen = browser.see(run.parent / "data.html", width, dark=dark)
    assert seen["errors"] == [] and seen["loads"] == 0
    assert seen["width"] <= width
    figures = {figure["caption"]: figure for figure in seen["figures"]}
    assert list(figures) == ["image: values", "label: how often", "label by batch"]
    for figure in figures.values():
        assert figure["role"] == "img" and figure["label"].startswith(figure["caption"])
        assert 250 < figure["width"] <= width and figure["height"] > 50
    assert len(figures["image: values"]["bars"]) == 17 and max(bar[1] for bar in figures["image: values"]["bars"]) > 100
    assert len(figures["label: how often"]["bars"]) == 10
    bars = figures["label by batch"]["bars"]
    assert len(bars) % 10 == 0 and len(bars) >= 200
    for batch in range(0, len(bars), 10):  # each is one whole
        assert sum(bar[1] for bar in bars[batch:batch + 10]) == pytest.approx(142, abs=0.1)
    assert len(seen["pictures"]) == 24 and seen["pictures"][0]["name"] == "image of sample 0"
    assert all(picture["width"] > 100 and picture["shades"] > 5 for picture in seen["pictures"])
    assert "train" in seen["text"] and "shuffle block" in seen["text"] and "int64" in seen["text"]
    assert seen["reached"] >= 1
    check_colours(seen, dark=dark)
