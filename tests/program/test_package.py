"""The installed CMake package, used by another project: the programs of examples/cpp, which README.md and docs/cpp.md show."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SECONDS_MAX, Ringfeed, build_folder
from readme import blocks_of, clone_in, paste

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
    assert text_of("docs/cpp.md", "cpp") == [(examples / "train.cpp").read_text()]
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
    program = run(str(built / "prefix/bin/ringfeed"), "--version", folder=digits.folder)
    assert program.startswith("ringfeed 0.")


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
