"""The `ringfeed` command of the package, and `python -m ringfeed`: it becomes the program that lies beside this
file."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Does not return: the process becomes the program: signals and exit codes are the program's own."""
    program = str(Path(__file__).parent / "bin/ringfeed")
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
