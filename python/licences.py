"""The licences of what the wheel bundles: pyarrow's libraries, fmt, headers, the driver's crates.

Each text is taken at build time from the package that the build takes the code from. They stand in
the wheel's metadata folder under licenses/third-party/.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "third-party"
LICENCE_FILE = re.compile(r"(licen[sc]e|copying|notice|copyright|unlicense)", re.IGNORECASE)
# The packages of PyPI whose code is bundled.
PYTHON_PACKAGES = ("pyarrow", "nanobind")
# Debian's packages, and where other systems keep the licence.
SYSTEM_PACKAGES = {
    "fmt": "libfmt-dev",
    "nlohmann-json": "nlohmann-json3-dev",
    "xxhash": "libxxhash-dev",
    "cli11": "libcli11-dev",
    "tomlplusplus": "libtomlplusplus-dev",
    "libjpeg-turbo": "libjpeg62-turbo-dev",
    "libpng": "libpng-dev",
    "libwebp": "libwebp-dev",
}


def texts(with_driver: bool = True) -> dict[str, str]:
    """Returns file names below licenses/ and what stands in them; says on stderr what has none."""
    found: dict[str, str] = {}
    for package in PYTHON_PACKAGES:
        found |= of_python_package(package)
    found["robin-map.txt"] = leading_comment("nanobind", "ext/robin_map/include/tsl/robin_map.h")
    for name, package in SYSTEM_PACKAGES.items():
        found[f"{name}.txt"] = of_system_package(name, package)
    if with_driver:
        found["rust-crates.txt"] = of_crates()
        found["rust-library.txt"] = of_rust_library()
    missing = [name.removesuffix(".txt") for name, text in found.items() if not text]
    if missing:
        print(
            f"ringfeed: no licence file of {', '.join(missing)} on this machine: "
            "do not give this wheel to others",
            file=sys.stderr,
        )
    return {f"{FOLDER}/{name}": text for name, text in sorted(found.items()) if text}


def of_python_package(package: str) -> dict[str, str]:
    """Returns the licence files that a distribution names, as PACKAGE-FILE."""
    files = [path for path in metadata.files(package) or () if ".dist-info/licenses/" in str(path)]
    found = {f"{package}-{path.name}": read(Path(path.locate())) for path in files}
    return found or {f"{package}.txt": ""}


def leading_comment(package: str, path: str) -> str:
    """Returns the comment that a header begins with: the licence stands nowhere else."""
    for header in metadata.files(package) or ():
        if str(header).endswith(path):
            match = re.match(r"/\*.*?\*/", read(Path(header.locate())), re.DOTALL)
            return match[0] if match else ""
    return ""


def of_system_package(name: str, package: str) -> str:
    """Returns the copyright file of Debian's package, or what other systems keep."""
    patterns = (f"/usr/share/doc/{package}/copyright", f"/usr/share/licenses/{name}*/*")
    return "\n".join(read(Path(path)) for each in patterns for path in sorted(glob.glob(each)))


def of_crates() -> str:
    """Returns the licence files of the linked crates: equal texts once, under the crates' names."""
    host = re.search(r"host: (\S+)", run("rustc", "-vV"))
    assert host
    asked = ("metadata", "--format-version", "1", "--locked", "--filter-platform", host[1])
    holders: dict[str, list[str]] = {}
    for crate in linked_crates(json.loads(run("cargo", *asked, folder=ROOT / "driver"))):
        title = f"{crate['name']} {crate['version']} ({crate['license']})"
        folder = Path(crate["manifest_path"]).parent
        names = sorted(path for path in folder.iterdir() if LICENCE_FILE.match(path.name))
        files = [path for path in names if path.is_file()]
        if not files and "Apache-2.0" in crate["license"].split(" OR "):
            files = [ROOT / "LICENSE"]  # scylla's crates come without the text
        if not files:
            raise SystemExit(f"the crate {title} has no licence file in {folder}")
        for path in files:
            holders.setdefault(read(path).strip(), []).append(title)
    return "".join("\n".join([*of, "-" * 80, text, "", ""]) for text, of in holders.items())


def linked_crates(graph: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns what is linked: neither macros and what build scripts use, nor the driver itself."""
    packages = {package["id"]: package for package in graph["packages"]}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    root = graph["resolve"]["root"]
    seen, ahead = {root}, [root]
    while ahead:
        for dependency in nodes[ahead.pop()]["deps"]:
            identity = dependency["pkg"]
            linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            macro = any("proc-macro" in target["kind"] for target in packages[identity]["targets"])
            if linked and not macro and identity not in seen:
                seen.add(identity)
                ahead.append(identity)
    return sorted((packages[each] for each in seen - {root}), key=lambda crate: crate["name"])


def of_rust_library() -> str:
    """Returns the licences of Rust's own library: rustup's pages, or Debian's copyright file."""
    root = Path(run("rustc", "--print", "sysroot").strip())
    folder = root / "share/doc/rust"
    pages = [*folder.glob("COPYRIGHT-library.html"), *sorted(folder.glob("licenses/*"))]
    library = next(iter(root.glob("lib/rustlib/*/lib/libstd-*.rlib")), None)
    if not pages and library and shutil.which("dpkg"):
        package = run("dpkg", "-S", str(library.resolve())).split(":")[0]
        pages = list(Path("/usr/share/doc").glob(f"{package}/copyright"))
    return "\n\n".join(read(path) for path in pages)


def read(path: Path) -> str:
    """Returns a text, whatever its bytes are."""
    return path.read_text(encoding="utf-8", errors="replace")


def run(*command: str, folder: Path = ROOT) -> str:
    """Returns what a command prints. cargo may be where rustup puts it, as for CMake."""
    environment = dict(os.environ, PATH=f"{os.environ['PATH']}:{Path.home() / '.cargo/bin'}")
    result = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, cwd=folder
    )
    return result.stdout.decode()
