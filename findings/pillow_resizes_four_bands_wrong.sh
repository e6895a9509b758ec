#!/usr/bin/env bash
# Pillow takes a fourth band for opacity: resize, rotate and reduce change the three others by it.
#
# Versions: Pillow 13.0.0, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: fromarray() takes an array (H, W, 4), PNG and TIFF store it exactly, crop and flip keep it;
#   OpenCV and tensors resize each band for itself.
# What happens: four-band pictures (red, green, blue, near infrared; or a mask as the fourth band) go through Pillow as
#   RGBA. Where the fourth band is 0 the colours become 0; where it is small they keep few steps; elsewhere the
#   neighbours weigh as much as their fourth band says. It is right for opacity, and no option turns it off. NEAREST is
#   exact. Two bands (mode LA) have it as well.
# Where: Image.resize(), reduce() and transform() convert RGBA to RGBa (colours times opacity) and back, unless the
#   filter is NEAREST; their docstrings do not say it.
# What to do: split() and merge(), or resize the bands one by one.
#
# Seen:
#   mode RGBA - stored exactly: True
#   colour (200, 101, 50) with fourth band   0: [0, 0, 0, 0] after resize
#   colour (200, 101, 50) with fourth band   1: [255, 0, 0, 1] after resize
#   colour (200, 101, 50) with fourth band   2: [255, 127, 0, 2] after resize
#   colour (200, 101, 50) with fourth band   5: [204, 102, 51, 5] after resize
#   colour (200, 101, 50) with fourth band  20: [204, 102, 51, 20] after resize
#   colour (200, 101, 50) with fourth band 255: [200, 101, 50, 255] after resize
#   resize BILINEAR of noise: off by up to  52, 10.4 on average; fourth band by 0
#   resize NEAREST  of noise: off by up to   0,  0.0 on average; fourth band by 0
#   reduce(2)       of noise: off by up to 108, 15.7 on average; fourth band by 0
#   rotate BILINEAR of noise: off by up to 184, 12.6 on average; fourth band by 0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir pillow==13.0.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import io

import numpy
from PIL import Image
from PIL.Image import Resampling

FOURTH = (0, 1, 2, 5, 20, 255)
tile = numpy.zeros((8, 8 * len(FOURTH), 4), dtype="uint8")
tile[..., :3] = (200, 101, 50)
tile[..., 3] = numpy.repeat(FOURTH, 8)
stored = io.BytesIO()
Image.fromarray(tile).save(stored, "PNG")
picture = Image.open(stored)
print("mode", picture.mode, "- stored exactly:", numpy.array_equal(numpy.array(picture), tile))
assert numpy.array_equal(numpy.array(picture), tile)

half = numpy.array(picture.resize((4 * len(FOURTH), 4), Resampling.BILINEAR))
seen = {}
for number, fourth in enumerate(FOURTH):
    seen[fourth] = half[2, 4 * number + 1].tolist()  # away from the borders of the field
    print(f"colour (200, 101, 50) with fourth band {fourth:3}: {seen[fourth]} after resize")
assert seen[0] == [0, 0, 0, 0]
assert max(abs(value - right) for value, right in zip(seen[1], (200, 101, 50))) > 50
assert seen[255] == [200, 101, 50, 255]

noise = numpy.random.default_rng(0).integers(0, 256, size=(64, 64, 4), dtype="uint8")
picture = Image.fromarray(noise)


def by_band(change):
    bands = [numpy.array(change(band)) for band in picture.split()]
    return numpy.stack(bands, axis=-1).astype(int)


for name, change, wrong in (
    ("resize BILINEAR", lambda p: p.resize((32, 32), Resampling.BILINEAR), True),
    ("resize NEAREST", lambda p: p.resize((32, 32), Resampling.NEAREST), False),
    ("reduce(2)", lambda p: p.reduce(2), True),
    ("rotate BILINEAR", lambda p: p.rotate(30, Resampling.BILINEAR), True),
):
    off = numpy.abs(numpy.array(change(picture)).astype(int) - by_band(change))
    print(f"{name:15} of noise: off by up to {off[..., :3].max():3}, {off[..., :3].mean():4.1f} on average;"
          f" fourth band by {off[..., 3].max()}")
    assert (off[..., :3].max() > 20) == wrong
    assert off[..., 3].max() == 0
PROGRAM
