#!/usr/bin/env bash
# The demo of pictures: the digits drawn as PNG files, a folder for each class -> local store -> decoded and cropped in
# the feed of two processes -> a summary. RINGFEED_BUILD and RINGFEED_DEMO choose the build and the folder; SEED the seed.
set -euo pipefail
cd "$(dirname "$0")/.."
ringfeed=${RINGFEED_BUILD:-build/release}/bin/ringfeed
demo=${RINGFEED_DEMO:-build/demo-images}
seed=${SEED:-0}
mkdir -p "$demo"

echo "demo: drawing data/digits/digits.csv into $demo/pictures"
python3 tools/draw_digits.py data/digits/digits.csv "$demo/pictures"

echo "demo: ingesting the folder into $demo/pictures.ring"
"$ringfeed" ingest "$demo/pictures" "$demo/pictures.ring" --split train=0.8,val=0.2 --stratify label

echo "demo: training a convolutional net on two processes"
"$ringfeed" train "$demo/pictures.ring" --model cnn --input image --target label --loss cross_entropy \
  --decode image=random_crop:16:padding=1,normalize:mean=0.3/0.3/0.3:std=0.37/0.37/0.37 \
  --optimizer adam --lr 0.001 --epochs 6 --batch-size 64 --seed "$seed" --nproc 2 --device cpu \
  --output "$demo" --overwrite
