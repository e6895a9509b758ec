#!/usr/bin/env bash
# Configures (once) and builds a preset of CMakePresets.json: tools/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: tools/build.sh PRESET [TARGET...]}
shift
if [ ! -f "build/$preset/build.ninja" ]; then
  echo "build: configuring $preset"
  mkdir -p build
  if ! cmake --preset "$preset" >"build/$preset.log" 2>&1; then
    cat "build/$preset.log" >&2
    exit 1
  fi
fi
echo "build: $preset"
targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build --preset "$preset" "${targets[@]}"
