"""A Python for tests that run many scripts: each is a fork of a process that has imported torch already, and like a new one in all else.

Not for what a test wants to know of an import, nor for one that gives descriptors other than 0 to 2 to the script.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent

# OpenMP and OpenBLAS, and the allocator of Arrow: no thread that a fork would not have.
THREADLESS = {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


@cache
def python(modules: Sequence[str], paths: Sequence[str]) -> str:
    """An executable to call as one calls sys.executable (`python SCRIPT ...`, also with -c, -m and -u), for as long as this process lives.

    The scripts find the modules imported, from PYTHONPATH `paths` and with OMP_NUM_THREADS=1; their own PYTHONPATH is for all others.
    """
    # Not in TMPDIR: a path in #! has no spaces, and that of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="ringfeed-forked-", dir="/tmp"))
    (folder / "interpreter").symlink_to(sys.executable)
    executable = folder / "python"
    # Without -S and -E the client would take ten times as long to start.
    executable.write_text(f"#!{folder}/interpreter -SE\n{(HERE / 'client.py').read_text()}")
    executable.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:  # scripts can be started at once, and wait for the imports
        listener.bind(str(folder / "socket"))
        listener.listen()
        server = subprocess.Popen([sys.executable, str(HERE / "server.py"), str(listener.fileno()), str(executable), *modules],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[listener.fileno()],
                                  process_group=0, env=dict(os.environ, PYTHONPATH=":".join(paths), **THREADLESS))
    atexit.register(end, server)
    return str(executable)


def end(server: subprocess.Popen[bytes]) -> None:
    """It ends when nobody holds the other end of its stdin, and its scripts and its folder with it."""
    server.stdin.close()
    server.wait()
