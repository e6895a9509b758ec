"""Draws docs/pictures/report.png and view.png: the pages of a small run on the digits, in a headless Chromium.

python tools/page_pictures.py PROGRAM
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/pictures"
BYTES_MAX = 250_000  # of each
SIZES = {"report": (1100, 1250), "view": (1100, 1330)}


def draw(page: Path, picture: Path, size: tuple[int, int], folder: Path) -> None:
    """The head of the page, as high as `size` says."""
    subprocess.run(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}",
                    f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000", f"--screenshot={picture}", page.as_uri()],
                   check=True, capture_output=True, timeout=120)
    if picture.stat().st_size > BYTES_MAX:
        sys.exit(f"{picture}: {picture.stat().st_size} bytes are too many for the documents")


def main(program: str) -> None:
    """Ingests, trains, and draws both pages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(*arguments: str) -> None:
            subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True, timeout=300)

        run("ingest", str(ROOT / "data/digits/digits.csv"), "digits.ring", "--tensor", "image=f0..f63:8x8:float32", "--tensor", "label=f64::int64",
            "--split", "train=0.8,val=0.2", "--stratify", "label")
        run("train", "digits.ring", "--model", "mlp", "--hidden", "64", "--input", "image", "--target", "label", "--epochs", "30", "--batch-size",
            "64", "--nproc", "2", "--output", "run")
        run("view", "digits.ring", "-o", "view.html")
        draw(folder / "run/report.html", PICTURES / "report.png", SIZES["report"], folder)
        draw(folder / "view.html", PICTURES / "view.png", SIZES["view"], folder)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
