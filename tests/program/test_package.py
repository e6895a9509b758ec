"""The installed CMake package, used by another project: the programs of examples/cpp, which README.md and docs/cpp.md show."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, Ringfeed, build_folder
from readme import blocks_of, clone_in, paste
from safetensors.numpy import load_file

pytestmark = pytest.mark.program


def run(*command: str, folder: Path) -> str:
    """Runs a command, asserts that it ends well, and gives its stdout."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def text_of(page: str, language: str) -> list[str]:
    """The blocks of code in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def without_title(path: Path) -> str:
    """A file without its first line of comment."""
    return path.read_text().split("\n", 1)[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, ingested_digits: Path) -> Path:
    """A folder with an installed prefix/, and the examples, built against it in build/example/: the README's commands, as pasted."""
    folder = clone_in(tmp_path_factory.mktemp("package"), build_folder())
    shutil.copytree(ingested_digits, folder / "digits.ring")
    (block,) = blocks_of("sh", "**The C++ libraries**")
    assert "step 0: 256 samples" in paste(folder, block)
    return folder


def test_the_pages_show_the_programs() -> None:
    examples = ROOT / "examples/cpp"
    assert text_of("README.md", "cpp") == [without_title(examples / "read.cpp")]
    assert text_of("docs/cpp.md", "cpp") == [(examples / f"{name}.cpp").read_text() for name in ("simple_model", "train_with", "train")]
    assert text_of("docs/cpp.md", "cmake") == [without_title(examples / "CMakeLists.txt")]


def test_another_project_uses_the_package(digits: Ringfeed, built: Path) -> None:
    steps = run(str(built / "build/example/read"), folder=digits.folder).splitlines()
    assert len(steps) == 6 and sum(int(re.search(r"(\d+) samples", line)[1]) for line in steps) == 1438
    losses = {}
    for ranks in (1, 2):
        lines = run(str(built / "build/example/train"), "digits.ring", str(ranks), folder=digits.folder).splitlines()
        assert [line.partition(":")[0] for line in lines] == [f"epoch {number}" for number in range(1, 6)]
        losses[ranks] = [float(line.rpartition(" ")[2]) for line in lines]
        assert losses[ranks][-1] < losses[ranks][0] / 2
    assert losses[2] == pytest.approx(losses[1], abs=2e-4)

    lines = run(str(built / "build/example/simple_model"), "lines.ring", folder=digits.folder).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"epoch {number}" for number in range(10)]
    assert float(lines[-1].rpartition(" ")[2]) < float(lines[0].rpartition(" ")[2])

    program = run(str(built / "prefix/bin/ringfeed"), "--version", folder=digits.folder)
    assert program.startswith("ringfeed 0.")


def test_a_module_of_your_own_is_trained_and_goes_on(digits: Ringfeed, built: Path) -> None:
    losses = {}
    for ranks in (1, 2):
        train = (str(built / "build/example/train_with"), "digits.ring", str(ranks), f"run{ranks}")
        lines = run(*train, folder=digits.folder).splitlines()
        assert [line.partition(":")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3", "weights"]
        losses[ranks] = [float(line.rpartition(" ")[2]) for line in lines[:-1]]
        assert losses[ranks][-1] < losses[ranks][0] / 2
        assert run(*train, folder=digits.folder).splitlines() == lines[-1:]  # all was trained
        assert "exact" in run(str(built / "prefix/bin/ringfeed"), "audit", f"run{ranks}/ledger", "digits.ring", folder=digits.folder)
    assert losses[2] == pytest.approx(losses[1], rel=0.1)  # batch norm is each rank's
    weights = load_file(digits.folder / "run1/weights.safetensors")
    assert weights["conv.weight"].shape == (8, 1, 3, 3) and weights["norm.running_mean"].shape == (8,)


def test_the_prefix_names_nothing_of_the_clone_but_where_arrow_and_torch_are(built: Path) -> None:
    packages = str(ROOT / ".deps/site-packages")
    files = [path for path in (built / "prefix").rglob("*") if path.is_file() and path.suffix in (".cmake", ".hpp")]
    assert len(files) > 20
    for path in files:
        assert str(ROOT) not in path.read_text().replace(packages, ""), path
    for path in [built / "prefix/bin/ringfeed", *(built / "prefix/lib").rglob("*.so")]:
        search = re.findall(r"R(?:UN)?PATH.*\[(.*)\]", run("readelf", "-d", str(path), folder=built))
        assert search, path
        assert all(folder.startswith((packages, "$ORIGIN")) for line in search for folder in line.split(":")), (path, search)
