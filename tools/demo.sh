#!/usr/bin/env bash
# The demo: UCI digits -> local store -> data-parallel training on two processes -> a summary.
# RINGFEED_BUILD and RINGFEED_DEMO choose the build and the folder (the tests use others); SEED the seed.
set -euo pipefail
cd "$(dirname "$0")/.."
ringfeed=${RINGFEED_BUILD:-build/release}/bin/ringfeed
demo=${RINGFEED_DEMO:-build/demo}
seed=${SEED:-0}
mkdir -p "$demo"

echo "demo: ingesting data/digits/digits.csv into $demo/digits.ring"
"$ringfeed" ingest data/digits/digits.csv "$demo/digits.ring" --tensor image=f0..f63:8x8:float32 \
  --tensor label=f64::int64 --split train=0.8,val=0.2 --stratify label

echo "demo: training an MLP on two processes"
"$ringfeed" train "$demo/digits.ring" --model mlp --hidden 256,256 --input image --target label --loss cross_entropy \
  --optimizer adam --lr 0.001 --epochs 30 --batch-size 64 --seed "$seed" --nproc 2 --device cpu \
  --output "$demo" --overwrite
