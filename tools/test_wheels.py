"""Builds the wheels for Python 3.11 and for 3.12 and later, and uses them in each Python at hand.

At hand is what the PATH has or pyenv has installed; the others are named as untested. Needs the
package index. Ends with `N passed, F failed`, of Pythons.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
SECONDS_MAX = 1800  # against hanging; without a compiler cache a build takes minutes
USE = """
import importlib.metadata, numpy, ringfeed
assert ringfeed.__version__ == importlib.metadata.version("ringfeed")
ids = numpy.arange(1003)
data = numpy.repeat(ids[:, None], 4, 1).astype("float32")
ringfeed.write("numbers.ring", {"id": ids, "data": data})
seen = []
for batch in ringfeed.Loader(ringfeed.open("numbers.ring"), 100, as_numpy=True):
    assert (batch["data"] == batch["id"][:, None]).all()
    seen += batch["id"].tolist()
assert sorted(seen) == ids.tolist() and seen != ids.tolist()
try:
    ringfeed.open("nothing.ring")
except ringfeed.NotFoundError:
    pass
"""


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Runs a command and returns what it prints."""
    result = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
    )
    if result.returncode != 0:
        raise RuntimeError(
            f"{' '.join(map(str, command))} ended with {result.returncode}\n{result.stdout}"
        )
    return result.stdout


def find(version: str) -> Path | None:
    """Returns an interpreter of this version, if there is one."""
    places = list(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    if found := shutil.which(f"python{version}"):
        places.insert(0, Path(found))
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in places:  # pyenv also has commands that end with an error
        answer = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=60)
        if answer.stdout.strip() == version:
            return path
    return None


def environment(python: Path, folder: Path, *packages: str | Path) -> Path:
    """Makes a virtual environment with these packages and returns its interpreter."""
    shutil.rmtree(folder, ignore_errors=True)
    run(python, "-m", "venv", folder)
    run(
        folder / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *packages,
    )
    return folder / "bin/python"


def build(python: Path, folder: Path) -> Path:
    """Builds a wheel and returns its path."""
    requires = "; ".join(
        (
            "import json, sys",
            "sys.path.insert(0, 'python')",
            "import build_backend",
            "print(json.dumps(build_backend.get_requires_for_build_wheel()))",
        )
    )
    builder = environment(python, folder / "builder", *json.loads(run(python, "-c", requires)))
    run("tools/wheel.sh", builder, folder.relative_to(ROOT))
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def main() -> int:
    passed = failed = 0
    wheel: Path | None = None
    for version in VERSIONS:
        folder = ROOT / f"build/wheel-{version}"
        python = find(version)
        if python is None:
            print(f"Python {version}: no interpreter at hand, untested", flush=True)
            continue
        try:
            if wheel is None or "-abi3-" not in wheel.name:
                wheel = build(python, folder)
            user = environment(python, folder / "user", wheel)
            run(user, "-c", USE, folder=folder / "user")
            print(f"Python {version}: {wheel.name} works", flush=True)
            passed += 1
        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            print(f"Python {version}: {error}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
