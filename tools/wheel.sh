#!/usr/bin/env bash
# Builds the wheel of the Python package into FOLDER/dist, as `pip wheel .` does, but with what is in .deps/, or what PYTHON has:
# tools/wheel.sh [PYTHON FOLDER] (.deps/venv/bin/python build/wheel)
# Its compiler calls are those of the dev preset, which ccache knows if the folder is as deep.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.deps/venv/bin/python}
folder=${2:-build/wheel}
echo "build: wheel"
rm -rf "$folder/dist"
CMAKE_BUILD_PARALLEL_LEVEL=$(tools/jobs.sh) "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation --config-settings=build-dir="$folder" \
  --config-settings=cmake.define.RINGFEED_WERROR=ON --config-settings=cmake.define.RINGFEED_SITE_PACKAGES="$PWD/.deps/site-packages" --wheel-dir "$folder/dist" .
ls "$folder"/dist/*.whl
