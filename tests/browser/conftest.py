"""A headless Chromium that says what it has drawn."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 120
# Runs when the page has drawn itself, and notes what a test asks about.
PROBE = """<script>
const seen = {width: document.documentElement.scrollWidth, title: document.title, errors: window.errors,
  ground: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
  figures: [...document.querySelectorAll("figure")].map((figure) => ({caption: figure.querySelector("figcaption").textContent,
    label: figure.querySelector("svg").getAttribute("aria-label"), role: figure.querySelector("svg").getAttribute("role"),
    width: figure.querySelector("svg").getBoundingClientRect().width, height: figure.querySelector("svg").getBoundingClientRect().height,
    paths: [...figure.querySelectorAll("path")].map((path) => path.getTotalLength()),
    bars: [...figure.querySelectorAll("rect")].map((bar) => [bar.getBBox().width, bar.getBBox().height]),
    texts: [...figure.querySelectorAll("svg text")].map((text) => text.textContent)})),
  pictures: [...document.querySelectorAll("canvas")].map((canvas) => ({name: canvas.getAttribute("aria-label"), width: canvas.getBoundingClientRect().width,
    shades: new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size})),
  reached: [...document.querySelectorAll("summary, a, [tabindex]")].filter((element) => { element.focus(); return document.activeElement === element; }).length,
  loads: performance.getEntriesByType("resource").length, text: document.body.innerText};
const told = document.createElement("pre"); told.id = "seen"; told.textContent = JSON.stringify(seen); document.body.append(told);
</script>"""
WATCH = "<script>window.errors = []; addEventListener('error', (event) => errors.push(event.message));</script>"


@dataclass
class Browser:
    folder: Path

    def see(self, page: Path, width: int = 1200, *, dark: bool = False) -> dict[str, Any]:
        """Opens a page of that width, and gives what PROBE notes."""
        text = page.read_text()
        probed = self.folder / "probed.html"
        probed.write_text(text.replace("<head>", "<head>" + WATCH, 1).replace("</body>", PROBE + "</body>", 1))
        # A window is never narrower than 500 px: the page is put into a frame as wide as a phone.
        (self.folder / "frame.html").write_text(
            f'<body style="margin:0"><iframe id="f" src="probed.html" style="border:0;width:{width}px;height:3000px"></iframe>'
            '<script>f.onload = () => { const seen = document.createElement("pre"); seen.id = "seen"; '
            'seen.textContent = f.contentDocument.getElementById("seen").textContent; document.body.append(seen); }</script>')
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--window-size=1400,1200",
                   f"--user-data-dir={self.folder / 'profile'}", f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                   "--virtual-time-budget=5000", "--dump-dom", (self.folder / "frame.html").as_uri()]
        result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
        found = re.search(r'<pre id="seen">(.*?)</pre>', result.stdout, flags=re.DOTALL)
        assert found, result.stdout[-2000:] + result.stderr[-2000:]
        plain = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\N{NO-BREAK SPACE}").replace("&amp;", "&")
        return json.loads(plain)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    assert shutil.which("chromium"), "chromium is missing; make test-browser installs it"
    folder = tmp_path / "browser"
    folder.mkdir()
    return Browser(folder)
