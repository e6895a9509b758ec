"""What the tests of the whole program share: the program of the build under test, and a folder per test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 300
DIGITS = str(ROOT / "data/digits/digits.csv")
TENSORS = ("--tensor", "image=f0..f63:8x8:float32", "--tensor", "label=f64::int64")


def build_folder() -> Path:
    """RINGFEED_BUILD, seen from the root of the repository, as tools/run_tests.py sets it."""
    return ROOT / os.environ.get("RINGFEED_BUILD", "build/dev")


@dataclass
class Ringfeed:
    """Runs the program in a folder."""

    folder: Path

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `ringfeed ARGUMENTS` and asserts its exit code."""
        program = build_folder() / "bin/ringfeed"
        result = subprocess.run([str(program), *arguments], cwd=self.folder, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, env=dict(os.environ, **environment))
        assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def error(self, *arguments: str, code: int, **environment: str) -> str:
        """Runs it expecting a failure: one line on stderr, nothing on stdout. Gives the line."""
        result = self(*arguments, code=code, **environment)
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("ringfeed: "), result.stderr
        return lines[0]

    def told_to_end(self, number: signal.Signals, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `ringfeed ARGUMENTS --quiet`; the signal waits for it from its first moment."""
        def send() -> None:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_BLOCK, [number])
            os.kill(os.getpid(), number)

        return subprocess.run([str(build_folder() / "bin/ringfeed"), *arguments, "--quiet"], cwd=self.folder, capture_output=True,
                              text=True, timeout=SECONDS_MAX, preexec_fn=send, check=False)


@pytest.fixture
def ringfeed(tmp_path: Path) -> Ringfeed:
    """The program, run in an empty folder of the test's own."""
    return Ringfeed(tmp_path)


@pytest.fixture(scope="session")
def ingested_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digits.ring that no test changes."""
    folder = tmp_path_factory.mktemp("digits")
    Ringfeed(folder)("ingest", DIGITS, "digits.ring", *TENSORS, "--split", "train=0.8,val=0.2", "--stratify", "label")
    return folder / "digits.ring"


@pytest.fixture
def digits(ringfeed: Ringfeed, ingested_digits: Path) -> Ringfeed:
    """A folder with a digits.ring of the test's own."""
    shutil.copytree(ingested_digits, ringfeed.folder / "digits.ring")
    return ringfeed
