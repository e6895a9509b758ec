"""Writes into a build folder what pip notes of a package that it installs: metadata.py FOLDER VERSION.

By its entry points, which are those of pyproject.toml, Lightning finds the callback of Loaders; in the tests as where users installed it.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main() -> None:
    folder, version = Path(sys.argv[1]), sys.argv[2]
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    metadata = folder / f"{project['name']}-{version}.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
    groups = [f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
              for group, points in project["entry-points"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(groups))


if __name__ == "__main__":
    main()
