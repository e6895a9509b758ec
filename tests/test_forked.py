"""A script that is forked behaves as one of a new Python (tests/forked)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked
import pytest

SECONDS_MAX = 60
SHOW = """
import json, os, random, signal, sys, threading
print(json.dumps({"argv": sys.argv, "path": sys.path, "environment": sorted(os.environ.items()), "folder": os.getcwd(), "name": __name__,
    "file": globals().get("__file__"), "main": sys.modules["__main__"].__dict__ is globals(), "stdin": sys.stdin.read(),
    "threads": threading.active_count(), "group": os.getpgid(0) == os.getpid(),
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    "open": sorted(os.listdir("/proc/self/fd"))[:3]}))
print("to stderr", file=sys.stderr)
sys.exit(7)
"""
WAIT = """
import signal, sys, time
if "--handle" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
print("up")
time.sleep(60)
"""


@pytest.fixture(scope="module")
def python() -> str:
    return forked.python(("decimal",), ("/nowhere",))


def seen(executable: str, arguments: list[str], folder: Path) -> tuple[dict, str, int]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "/some/where:/else", "WORD": "a b"}
    done = subprocess.run([executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, input="given",
                          env=environment, process_group=0)
    return json.loads(done.stdout), done.stderr, done.returncode


@pytest.mark.parametrize("way", [["script.py"], ["-c", SHOW], ["-m", "script"], ["-u", "script.py"]])
def test_a_script_sees_what_it_sees_in_a_new_process(python: str, tmp_path: Path, way: list[str]) -> None:
    (tmp_path / "script.py").write_text(SHOW)
    shown, words, code = seen(python, [*way, "one", "--two=3"], tmp_path)
    assert (shown, words, code) == seen(sys.executable, [*way, "one", "--two=3"], tmp_path)
    assert (words, code) == ("to stderr\n", 7)


def test_each_has_numbers_of_its_own(python: str) -> None:
    code = "import random, decimal; print(random.random())"
    told = {subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=SECONDS_MAX, check=True).stdout for _ in range(3)}
    assert len(told) == 3


END = """
import atexit, threading, time
class Last:
    def __del__(self):
        print("deleted")
last = Last()
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
print("script")
"""


@pytest.mark.parametrize(("code", "last"), [(0, ""), (0, "sys.exit()"), (1, "sys.exit('words')"), (1, "1 / 0"), (255, "sys.exit(-1)")])
def test_it_ends_in_the_order_of_a_new_process(python: str, code: int, last: str) -> None:
    told = []
    for executable in (python, sys.executable):
        done = subprocess.run([executable, "-c", f"import sys\n{END}\n{last}"], capture_output=True, text=True, timeout=SECONDS_MAX)
        told.append((done.returncode, done.stdout, done.stderr.splitlines()[-1:]))
    assert told[0] == told[1] and told[0][:2] == (code, "script\nthread\nat exit\ndeleted\n")


def start(python: str, *arguments: str) -> subprocess.Popen[str]:
    """It waits, and has said that it does."""
    process = subprocess.Popen([python, "-u", "-c", WAIT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_it(python: str, number: signal.Signals) -> None:
    process = start(python)
    process.send_signal(number)
    assert process.stdout.read() == ""  # nobody holds the other end
    assert process.wait(SECONDS_MAX) == -number


def test_a_signal_that_it_handles(python: str) -> None:
    process = start(python, "--handle")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS_MAX) == 5


def test_a_script_that_is_ended_by_a_signal_of_its_own(python: str) -> None:
    done = subprocess.run([python, "-c", "import os; os.kill(os.getpid(), 11)"], timeout=SECONDS_MAX)
    assert done.returncode == -signal.SIGSEGV


def test_many_at_once(python: str) -> None:
    code = "import sys, time; time.sleep(0.2); print(sys.argv[1]); sys.exit(int(sys.argv[1]))"
    processes = [subprocess.Popen([python, "-c", code, str(number)], stdout=subprocess.PIPE, text=True) for number in range(12)]
    assert [(process.communicate(timeout=SECONDS_MAX)[0], process.returncode) for process in processes] == [
        (f"{number}\n", number) for number in range(12)]


def test_scripts_end_with_who_uses_them() -> None:
    show = "import os, sys, time; print(os.getpid(), sys.executable, flush=True); time.sleep(60)"
    code = (f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import forked, subprocess; "
            f"subprocess.Popen([forked.python(('decimal',), ()), '-c', {show!r}]); input()")
    user = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    script, executable = user.stdout.readline().split()
    user.kill()
    user.wait()
    end = time.monotonic() + SECONDS_MAX
    while Path(f"/proc/{script}").exists() or Path(executable).parent.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
