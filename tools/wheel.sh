#!/usr/bin/env bash
# Builds the wheel of the Python package into build/wheel/dist, as `pip wheel .` does, but with what is in .deps/: tools/wheel.sh
# Its compiler calls are those of the dev preset, so that ccache knows most of them.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "build: wheel"
rm -rf build/wheel/dist
CMAKE_BUILD_PARALLEL_LEVEL=2 .deps/venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation --config-settings=build-dir=build/wheel \
  --config-settings=cmake.define.RINGFEED_WERROR=ON --config-settings=cmake.define.RINGFEED_SITE_PACKAGES="$PWD/.deps/site-packages" --wheel-dir build/wheel/dist .
ls build/wheel/dist/*.whl
