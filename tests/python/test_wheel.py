"""The wheel: built as `make wheel` does, installed by pip into environments with nothing else in them, and used there."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest
from built import BUILD, SECONDS_MAX
from readme import blocks_of, clone_in, paste

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS_MAX = 1800  # against hanging; without a compiler cache it takes minutes
SAMPLES, WIDTH = 1003, 4
# What every Linux with glibc has.
SYSTEM = {"linux-vdso.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0",
          "libstdc++.so.6", "libgcc_s.so.1", "libz.so.1"}
USE = """
def use_ringfeed(url):
    import ringfeed
    ids = []
    for batch in ringfeed.Loader(ringfeed.open(url), 100, as_numpy=True):
        assert (batch["data"] == batch["id"][:, None]).all() and batch["data"].dtype == "float32"
        ids.extend(batch["id"].tolist())
    assert ids != list(range(1003)) and sorted(ids) == list(range(1003))
"""
ALONE = USE + """
import importlib.util, sys
use_ringfeed(sys.argv[1])
import ringfeed
try:
    ringfeed.open("cassandra://127.0.0.1:1/keyspace/name")
except ringfeed.UnavailableError:
    pass  # and not that the build has no Cassandra
assert "torch" not in sys.modules and "pyarrow" not in sys.modules
assert importlib.util.find_spec("torch") is None and importlib.util.find_spec("pyarrow") is None
"""
BESIDE = USE + """
import sys
url, path, *order = sys.argv[1:]
for name in order:
    __import__(name)
import pyarrow.compute, pyarrow.parquet

def use_pyarrow():
    table = pyarrow.table({"id": list(range(1000)), "text": [str(i % 7) for i in range(1000)]})
    pyarrow.parquet.write_table(table, path, compression="zstd")
    back = pyarrow.parquet.read_table(path, filters=[("id", "<", 700)])
    assert back.equals(table.slice(0, 700)) and pyarrow.compute.sum(back["id"]).as_py() == 244650
    assert back.group_by("text").aggregate([("id", "count")])["id_count"].to_pylist() == [100] * 7

def exchange():
    import ringfeed
    table = pyarrow.parquet.read_table(path)
    ringfeed.write(path + ".ring", table)
    back = ringfeed.open(path + ".ring").to_arrow()
    assert back.sort_by("id").to_pylist() == table.to_pylist()

for _ in range(2):
    use_pyarrow()
    use_ringfeed(url)
    exchange()
use_pyarrow()
with open("/proc/self/maps") as maps:
    print("\\n".join({line.split("/")[-1].strip() for line in maps if "/libarrow" in line}))
"""


def run(*command: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a command without what the tests or a user have set for Python and the loader."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_", "RINGFEED_"))}
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS_MAX, env=environment,
                            cwd="/")
    assert result.returncode == code, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


@dataclass
class Environment:
    """A virtual environment with the wheel in it."""

    folder: Path

    def __call__(self, name: str, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs one of its commands."""
        return run(self.folder / "bin" / name, *arguments, code=code)


@pytest.fixture(scope="session")
def wheel() -> Path:
    result = subprocess.run([ROOT / "tools/wheel.sh"], capture_output=True, text=True, timeout=BUILD_SECONDS_MAX)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    (path,) = (ROOT / "build/wheel/dist").iterdir()
    return path


def install(folder: Path, *packages: str | Path) -> Environment:
    """Nothing but what is named and what that depends on, from the folder that tools/setup.sh fills."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    run(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet", "--no-index",
        "--find-links", ROOT / ".deps/beside", *packages)
    return Environment(folder)


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install(tmp_path_factory.mktemp("alone") / "venv", wheel)


@pytest.fixture(scope="session")
def beside_another_pyarrow(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    pinned, other = (re.search(rf"^{name}=(\d+)\.(.*)", (ROOT / "versions.env").read_text(), flags=re.MULTILINE)
                     for name in ("PYARROW_VERSION", "OTHER_PYARROW_VERSION"))
    assert pinned and other and pinned[1] != other[1]
    return install(tmp_path_factory.mktemp("beside") / "venv", wheel, f"pyarrow=={other[1]}.{other[2]}")


def ingest(environment: Environment, folder: Path) -> Path:
    """`id` counts, every element of `data` is the id; made by the program of the wheel."""
    ids = numpy.arange(SAMPLES, dtype=numpy.int64)
    numpy.save(folder / "id.npy", ids)
    numpy.save(folder / "data.npy", numpy.repeat(ids.astype(numpy.float32)[:, None], WIDTH, axis=1))
    environment("ringfeed", "ingest", folder / "id.npy", folder / "data.npy", folder / "numbers.ring", "--chunk-bytes", "4KiB")
    return folder / "numbers.ring"


def test_it_holds_what_it_should_and_nothing_else(wheel: Path) -> None:
    # The stable ABI from Python 3.12 on: one wheel for all later versions.
    stable = sys.version_info >= (3, 12)
    tag = "cp312-abi3" if stable else "cp311-cp311"
    assert re.fullmatch(rf"ringfeed-0\.1\.0-{tag}-manylinux_2_\d+_\w+\.whl", wheel.name)
    sources = {path.name for path in (ROOT / "python/ringfeed").iterdir() if path.suffix in (".py", ".pyi")} | {"py.typed"}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        metadata = email.message_from_bytes(archive.read("ringfeed-0.1.0.dist-info/METADATA"))
        entries = archive.read("ringfeed-0.1.0.dist-info/entry_points.txt").decode()
    package = {name.removeprefix("ringfeed/") for name in names if name.startswith("ringfeed/")}
    assert package == sources | {"_core.abi3.so" if stable else f"_core{sysconfig.get_config_var('EXT_SUFFIX')}", "bin/ringfeed"}
    libraries = {name.removeprefix("ringfeed.libs/") for name in names if name.startswith("ringfeed.libs/")}
    # With the hash that auditwheel adds they meet no library of another package.
    assert {re.sub(r"-[0-9a-f]{8}\.so\..*", "", name) for name in libraries} == {
        "libarrow", "libparquet", "libfmt", "libjpeg", "libpng16", "libwebp"}
    information = {name.removeprefix("ringfeed-0.1.0.dist-info/") for name in names if name.startswith("ringfeed-0.1.0.dist-info/")}
    licences = {name for name in information if name.startswith("licenses/")}
    assert information - licences <= {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "sboms/auditwheel.cdx.json"}
    assert licences == {f"licenses/{name}" for name in metadata.get_all("License-File")}
    assert len(package) + len(libraries) + len(information) == len(names)
    assert metadata["Name"] == "ringfeed" and metadata["Version"] == "0.1.0" and metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Requires-Dist") == ["numpy"]
    assert sorted(re.findall(r"\[(.*)\]\s+ringfeed ?= ?(.*)", entries)) == [
        ("console_scripts", "ringfeed.__main__:main"), ("lightning.pytorch.callbacks_factory", "ringfeed.lightning:callbacks"),
        ("pytorch_lightning.callbacks_factory", "ringfeed.lightning:callbacks")]


def test_it_carries_the_licences_of_what_it_bundles(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if "/licenses/" in name and not name.endswith("/")]
        texts = {name.partition("/licenses/")[2]: archive.read(name).decode() for name in files}
    words = {"LICENSE": "Apache License", "pyarrow-LICENSE.txt": "Thrift", "pyarrow-NOTICE.txt": "Apache Arrow", "fmt.txt": "Zverovich",
             "nlohmann-json.txt": "Lohmann", "xxhash.txt": "Collet", "cli11.txt": "Schreiner", "tomlplusplus.txt": "Gillard",
             "libjpeg-turbo.txt": "Thomas G. Lane", "libpng.txt": "Randers-Pehrson", "libwebp.txt": "Google",
             "nanobind-LICENSE": "Wenzel Jakob", "robin-map.txt": "Thibaut Goetghebuer-Planchon", "rust-library.txt": "Rust", "rust-crates.txt": "ring"}
    assert {name.removeprefix("third-party/") for name in texts} == set(words)
    for name, text in texts.items():
        assert words[name.removeprefix("third-party/")] in text, name
    # What is linked, with a text for each; and nothing that only builds.
    crates = texts["third-party/rust-crates.txt"]
    for crate in ("scylla", "tokio", "rustls", "ring", "uuid", "futures"):
        assert re.search(rf"^{crate} \d[\w.+-]* \(.*(MIT|Apache-2.0|ISC).*\)$", crates, flags=re.MULTILINE), crate
    assert not re.search(r"^(syn|quote|cc) \d", crates, flags=re.MULTILINE)


def test_the_commands_of_the_readme_run_as_pasted(wheel: Path, tmp_path: Path) -> None:
    clone = clone_in(tmp_path, BUILD)
    (clone / "build/wheel/dist").mkdir(parents=True)
    (clone / "build/wheel/dist" / wheel.name).symlink_to(wheel)
    (block,) = blocks_of("sh", "**The Python package**")
    printed = paste(clone, block, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(ROOT / ".deps/beside"))
    assert "1797 samples" in printed.splitlines()[-1]


def test_its_version_is_that_of_the_distribution(alone: Environment) -> None:
    code = "import importlib.metadata as m, ringfeed; assert ringfeed.__version__ == m.version('ringfeed') == '0.1.0'"
    alone("python", "-c", code)


def test_every_library_is_its_own_or_the_systems(alone: Environment) -> None:
    (site,) = alone.folder.glob("lib/python3*/site-packages")
    files = [path for folder in ("ringfeed", "ringfeed.libs") for path in (site / folder).rglob("*")
             if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    assert {path.name.split("-")[0].split(".")[0] for path in files} == {
        "_core", "ringfeed", "libarrow", "libparquet", "libfmt", "libjpeg", "libpng16", "libwebp"}
    for path in files:
        paths = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", run("readelf", "-d", path).stdout)
        assert all(part.startswith("$ORIGIN") for found in paths for part in found.split(":")), f"{path}: {paths}"
        for line in run("ldd", path).stdout.splitlines():
            name, _, found = line.strip().partition(" => ")
            if found.startswith(str(site)):
                assert Path(found.split()[0]).resolve().parent == site / "ringfeed.libs", line
            else:
                assert Path(name.split()[0]).name in SYSTEM and "not found" not in found, f"{path}: {line}"


def test_it_works_with_nothing_but_its_dependencies(alone: Environment, tmp_path: Path) -> None:
    (site,) = alone.folder.glob("lib/python3*/site-packages")
    assert {path.name.split("-")[0] for path in site.glob("*.dist-info")} == {"ringfeed", "numpy"}
    assert alone("ringfeed", "--version").stdout == alone("python", "-m", "ringfeed", "--version").stdout == "ringfeed 0.1.0\n"
    alone("python", "-c", ALONE, ingest(alone, tmp_path))
    alone("ringfeed", "inspect", tmp_path / "nothing.ring", code=2)


def test_train_says_where_it_is(alone: Environment) -> None:
    for arguments in ([], ["digits.ring", "--model", "mlp", "--epochs", "2", "--json"]):
        told = alone("ringfeed", "train", *arguments, code=2)
        assert told.stdout == "" and told.stderr.count("\n") == 1
        assert "without LibTorch" in told.stderr and "make release" in told.stderr and "ringfeed.Loader" in told.stderr


@pytest.mark.parametrize("order", [("pyarrow", "ringfeed"), ("ringfeed", "pyarrow")])
def test_it_works_beside_another_pyarrow(beside_another_pyarrow: Environment, tmp_path: Path, order: tuple[str, str]) -> None:
    url = ingest(beside_another_pyarrow, tmp_path)
    told = beside_another_pyarrow("python", "-c", BESIDE, url, tmp_path / "other.parquet", *order)
    loaded = [name for name in told.stdout.split() if re.match(r"libarrow(-[0-9a-f]{8})?\.so", name)]
    assert len(loaded) == 2 and len({name.split(".so.")[1] for name in loaded}) == 2, told.stdout
    beside_another_pyarrow("ringfeed", "ingest", tmp_path / "other.parquet", tmp_path / "other.ring")
    assert "1000 samples" in beside_another_pyarrow("ringfeed", "list", tmp_path).stdout
