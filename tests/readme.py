"""The commands of README.md, and a folder that looks like a clone in which they can be pasted."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_MAX = 600
# In place of make: what a target makes is there already. One that the Makefile does not have is an error.
MAKE = f"""#!/bin/sh
for target in "$@"; do grep -q "^$target:" "{ROOT / 'Makefile'}" || {{ echo "no target $target" >&2; exit 2; }}; done
"""


def blocks_of(language: str, heading: str = "# Ringfeed") -> list[str]:
    """The blocks of code from a heading, or a line in bold that begins so, to the end of its section."""
    text = (ROOT / "README.md").read_text()
    begin = text.index(f"\n{heading}") if not text.startswith(heading) else 0
    end = re.compile(r"^(## |\*\*)", flags=re.MULTILINE).search(text, begin + 1 + len(heading)) if begin else None
    return re.findall(rf"^```{language}\n(.*?)^```", text[begin: end.start() if end else None], flags=re.MULTILINE | re.DOTALL)


def clone_in(folder: Path, build: Path) -> Path:
    """Makes a folder whose files are those of the repository, and whose build/release is this build."""
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git", "env", "prefix"):
            (folder / path.name).symlink_to(path)
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(build)
    tools = folder / "build/stand-in"
    tools.mkdir()
    (tools / "make").write_text(MAKE)
    (tools / "make").chmod(0o755)
    return folder


def paste(clone: Path, *blocks: str, **environment: str) -> str:
    """Pastes blocks into one shell in the clone, asserts that all went well, and gives what was printed."""
    script = "\n".join(blocks)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RINGFEED_"))}
    path = f"{clone / 'build/stand-in'}:{os.environ['PATH']}"
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=clone, capture_output=True, text=True, timeout=SECONDS_MAX,
                            stdin=subprocess.DEVNULL, env={**kept, "PATH": path, **environment})
    assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
    return result.stdout
