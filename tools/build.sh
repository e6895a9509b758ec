#!/usr/bin/env bash
# Configures (when CMakePresets.json is newer than the build folder, and with a -D) and builds a preset of CMakePresets.json, with as
# many jobs as there are cores and 2 GB of memory for each: tools/build.sh PRESET [-DNAME=VALUE]... [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: tools/build.sh PRESET [-DNAME=VALUE]... [TARGET...]}
shift
settings=()
targets=()
for argument in "$@"; do
  if [[ $argument == -D* ]]; then settings+=("$argument"); else targets+=(--target "$argument"); fi
done
if [ CMakePresets.json -nt "build/$preset/build.ninja" ] || [ ${#settings[@]} -gt 0 ]; then
  echo "build: configuring $preset"
  mkdir -p build
  if ! cmake --preset "$preset" "${settings[@]}" >"build/$preset.log" 2>&1; then
    cat "build/$preset.log" >&2
    exit 1
  fi
fi
echo "build: $preset"
cmake --build --preset "$preset" --parallel "$(tools/jobs.sh)" "${targets[@]}"
