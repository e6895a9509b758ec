#!/usr/bin/env bash
# Prints how many jobs to run at once: as many as there are cores, and 2 GB of memory for each.
set -euo pipefail
cores=$(nproc)
fit=$(awk '/^MemAvailable:/ {print int($2 / 2000000)}' /proc/meminfo)
jobs=$((fit < cores ? fit : cores))
echo $((jobs > 0 ? jobs : 1))
