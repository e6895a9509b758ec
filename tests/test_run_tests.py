"""tools/run_tests.py on programs of a build that is none: it counts, tells how to run a test alone, and leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS_MAX = 120
# A GoogleTest program of one test case, as far as the runner sees: `$report` and `$filter` are what it was called with.
HEAD = """#!/usr/bin/env bash
for argument in "$@"; do
  case $argument in --gtest_output=xml:*) report=${argument#*xml:};; --gtest_filter=*) filter=${argument#*=};; esac
done
write() { if [ -n "$report" ]; then echo "<testsuites><testsuite name='S'>$1</testsuite></testsuites>" >"$report"; fi; }
"""
PASSED = "<testcase name='good' classname='S' status='run' time='0.5'/>"
FAILED = "<testcase name='bad' classname='S' status='run' time='0.25'><failure message='m'/></testcase>"
SKIPPED = "<testcase name='left' classname='S' status='notrun' time='0'/>"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "a build/bin").mkdir(parents=True)
    return tmp_path / "a build"


def make(build: Path, name: str, body: str) -> None:
    path = build / "bin" / name
    path.write_text(HEAD + body)
    path.chmod(0o755)


def command(build: Path, times: Path) -> list[str]:
    return [sys.executable, str(ROOT / "tools/run_tests.py"), "--only", "_test", "--times", str(times), str(build)]


def run(build: Path, code: int) -> tuple[list[str], dict]:
    """Gives the lines that it printed, and the times that it wrote."""
    times = build / "times.json"
    result = subprocess.run(command(build, times), capture_output=True, text=True, timeout=SECONDS_MAX, cwd=ROOT)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout.splitlines(), json.loads(times.read_text())


def test_counts_times_and_notes(build: Path) -> None:
    make(build, "one_test", f'echo "note: 7 of 9"; write "{PASSED}"')
    make(build, "two_test", f'for i in {{1..200000}}; do :; done; write "{PASSED}{PASSED}"')
    lines, times = run(build, 0)
    assert lines[-1] == "3 passed, 0 failed, 0 skipped"
    assert "  note: 7 of 9" in lines
    assert any(re.fullmatch(r" +0\.5 s  a build/one_test: S\.good", line) for line in lines)
    cpu_seconds = {job["name"]: job["cpu_seconds"] for job in times["jobs"]}
    assert cpu_seconds.keys() == {"a build/one_test", "a build/two_test"} and cpu_seconds["a build/two_test"] > 0.05
    assert [(test["name"], test["result"], test["seconds"]) for test in times["tests"]] == [("S.good", "passed", 0.5)] * 3


def test_a_failed_test_comes_with_what_it_printed_and_the_command_that_runs_it_alone(build: Path) -> None:
    make(build, "one_test", f'echo "this went wrong"; echo "alone: $filter"; write "{PASSED}{FAILED}"; exit 1')
    lines, _ = run(build, 1)
    assert lines[-1] == "1 passed, 1 failed, 0 skipped"
    assert "this went wrong" in lines
    alone = lines[lines.index("failed: a build/one_test: S.bad") + 1].removeprefix("  alone: ")
    again = subprocess.run(["bash", "-c", alone], capture_output=True, text=True, timeout=SECONDS_MAX, cwd=ROOT)
    assert again.stdout == "this went wrong\nalone: S.bad\n"


@pytest.mark.parametrize(("body", "last", "told"), [
    (f'write "{SKIPPED}"', "0 passed, 0 failed, 1 skipped", "skipped: a build/one_test: S.left"),
    ('write ""', "0 passed, 1 failed, 0 skipped", "failed: a build/one_test: ran no test"),
    (f'write "{PASSED}"; exit 3', "1 passed, 1 failed, 0 skipped", "failed: a build/one_test: ended with 3 without a failed test"),
    ("exit 3", "0 passed, 1 failed, 0 skipped", "failed: a build/one_test: ended with 3 without a failed test"),
    ("exit 0", "0 passed, 1 failed, 0 skipped", "failed: a build/one_test: ran no test"),
    ('printf "[ RUN      ] S.first\\n[       OK ] S.first (1 ms)\\n[ RUN      ] S.second\\n"; kill -SEGV $$',
     "0 passed, 1 failed, 0 skipped", "failed: a build/one_test: S.second"),
], ids=["skipped", "none", "code", "no report", "no report and no code", "crash"])
def test_what_is_not_all_well_is_a_failure(build: Path, body: str, last: str, told: str) -> None:
    make(build, "one_test", body)
    lines, _ = run(build, 1)
    assert lines[-1] == last
    assert told in lines


def test_a_build_without_programs_is_a_failure(build: Path) -> None:
    assert run(build, 1)[0][-1] == "0 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process(build: Path, number: signal.Signals) -> None:
    """Neither the program nor what it started, in its group or in a session of its own, whose parent has ended."""
    make(build, "one_test", 'here=$(dirname "$0")\n(setsid sh -c "echo \\$\\$ >\\"$here/far\\"; exec sleep 600" &)\nsleep 600 &\n'
         'echo $! >"$here/near.new"; mv "$here/near.new" "$here/near"; trap "" TERM; while true; do sleep 1; done')
    process = subprocess.Popen(command(build, build / "times.json"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
                               env=dict(os.environ, RINGFEED_TEST_END_SECONDS="0.2"),
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        end = time.monotonic() + SECONDS_MAX
        files = [build / "bin" / name for name in ("near", "far")]
        while not all(file.exists() and file.read_text().strip() for file in files):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(SECONDS_MAX) == 128 + number
        for file in files:
            assert not Path(f"/proc/{file.read_text().strip()}").exists()
    finally:
        process.kill()
        process.communicate()
