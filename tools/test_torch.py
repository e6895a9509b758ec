"""Runs the training tests with another version of torch: python tools/test_torch.py VERSION.

The version goes into .deps/torch-VERSION, without what it needs on CUDA devices and in Python; the
build into build/torch-VERSION. Runs train_test, and the tests of the whole program that train. Ends
with `N passed, F failed, S skipped`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+")
SECONDS_MAX = 3600  # against hanging; on two cores the build takes ten minutes, the tests five
PROGRAM_TESTS = (
    "tests/program/test_demo.py",
    "tests/program/test_resume.py",
    "tests/program/test_cli.py",
)
# Needs libringfeed_cuda, which is not built here.
LEFT_OUT = "Cuda.ThePartLoadsAndReachesNccl"
# Of the last file only some train; torchrun would come from the torch that is pinned.
TRAINING = "(test_demo or test_resume or train or lanes or run or original_case) and not torchrun"


def run(*command: str | Path, check: bool = True, **environment: str) -> int:
    """Runs a command in the root, showing what it prints, and returns its exit code."""
    settings = {**os.environ, **environment}
    result = subprocess.run(command, check=check, cwd=ROOT, env=settings, timeout=SECONDS_MAX)
    return result.returncode


def install(version: str, folder: Path) -> None:
    """Installs the wheel, and the two CUDA libraries that libtorch_cpu is linked with.

    Their versions are those that the wheel's metadata names.
    """
    done = folder / "installed"
    if done.exists():
        return
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-conflicts",
        "--target",
        folder,
    )
    print(f"setup: installing torch {version} into {folder.relative_to(ROOT)}", flush=True)
    run(*pip, "--no-deps", f"torch=={version}")
    (distribution,) = metadata.distributions(name="torch", path=[str(folder)])
    pins = dict(
        re.findall(
            r"^(cuda-toolkit|nvidia-cuda-(?:runtime|cupti)[\w-]*)\b.*?==([\d.]+)",
            "\n".join(distribution.requires or ()),
            flags=re.MULTILINE,
        )
    )
    needed = (
        [f"cuda-toolkit[cudart,cupti]=={pins['cuda-toolkit']}"]
        if "cuda-toolkit" in pins
        else [f"{name}=={pin}" for name, pin in pins.items()]
    )
    run(*pip, *needed)
    done.touch()


def build(folder: Path, binaries: Path) -> None:
    """Configures the preset `dev` with this torch, and builds what the tests run."""
    print(f"build: {binaries.relative_to(ROOT)}", flush=True)
    command = (
        "cmake",
        "--preset",
        "dev",
        "-B",
        binaries,
        f"-DCMAKE_PREFIX_PATH={folder}",
        "-DRINGFEED_CUDA=OFF",
        "-DRINGFEED_PYTHON=OFF",
    )
    configured = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
    )
    if configured.returncode != 0:
        raise SystemExit(configured.stdout)
    cache = (binaries / "CMakeCache.txt").read_text()
    found = re.search(r"^LibTorch_INCLUDE_DIR:PATH=(.*)$", cache, flags=re.MULTILINE)
    if found is None or not Path(found[1]).is_relative_to(folder):
        raise SystemExit(
            f"the build takes LibTorch from {found and found[1]}, not from {folder}; "
            f"remove {binaries} and try again"
        )
    jobs = subprocess.run([ROOT / "tools/jobs.sh"], check=True, capture_output=True, text=True).stdout.strip()
    run("cmake", "--build", binaries, "-j", jobs, "--target", "ringfeed_program", "train_test")


def count(report: Path, name: str, code: int) -> tuple[int, int, int]:
    """Counts passed, failed and skipped in a JUnit report.

    A missing report is a failure, and so is an exit code without a failed test.
    """
    if not report.exists():
        print(f"failed: {name}: ended without a report")
        return 0, 1, 0
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"failed: {name}: {case.get('classname')}.{case.get('name')}")
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    if code != 0 and failed == 0:
        failed = 1
        print(f"failed: {name}: ended with {code} without a failed test")
    return passed, failed, skipped


def main() -> int:
    if len(sys.argv) != 2 or not VERSION.fullmatch(sys.argv[1]):
        print("usage: make test-torch TORCH=VERSION, for example 2.11.0", file=sys.stderr)
        return 2
    folder, binaries = (ROOT / parent / f"torch-{sys.argv[1]}" for parent in (".deps", "build"))
    install(sys.argv[1], folder)
    build(folder, binaries)
    print(f"test: train_test without {LEFT_OUT}, and the program", flush=True)
    with tempfile.TemporaryDirectory() as reports:
        cases, program = Path(reports) / "train_test.xml", Path(reports) / "program.xml"
        train_test = (
            binaries / "bin/train_test",
            "--gtest_brief=1",
            f"--gtest_filter=-{LEFT_OUT}",
            f"--gtest_output=xml:{cases}",
        )
        options = ("-q", "-p", "no:cacheprovider", f"--junitxml={program}", "-k", TRAINING)
        pytest = (sys.executable, "-m", "pytest", *options, *PROGRAM_TESTS)
        counts = (
            count(cases, "train_test", run(*train_test, check=False)),
            count(program, "program", run(*pytest, check=False, RINGFEED_BUILD=str(binaries))),
        )
    passed, failed, skipped = (sum(parts) for parts in zip(*counts, strict=True))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and skipped == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
