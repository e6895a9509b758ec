#!/usr/bin/env bash
# Pillow rotates and warps 16-bit grey pictures to noise below 256, unless by nearest neighbour.
#
# Versions: Pillow 13.0.0, NumPy 2.4.6, Python 3.11, x86-64.
# Why a good guess is wrong: resize() with the same filters is right for these pictures since some versions, and what
#   Pillow cannot do with mode I;16 (filter, reduce) it refuses; rotate() and transform() neither refuse nor warn.
# What happens: a 16-bit grey PNG opens as I;16. BILINEAR and BICUBIC in rotate() and transform() work on single bytes
#   of it: a picture that is 1000 everywhere becomes values from 3 to 232. Depth maps, X-rays and height maps are
#   destroyed by an augmentation that rotates or shears. Mode I (32 bits) is right, and so is NEAREST.
# Where: getfilter() of libImaging/Geometry.c looks at the size of a pixel for NEAREST alone, and gives all else that is
#   not 32 bits the filter for 8. The documentation speaks of limited support for I;16, and of rotate() it says only
#   that the modes 1 and P take NEAREST.
# What to do: convert("I") or convert("F") before, or rotate the array by other means.
#
# Seen:
#   opened as I;16, all values [1000]
#   rotated  NEAREST  I;16: 1000 to 1000   I: 1000 to 1000
#   shifted  NEAREST  I;16: 1000 to 1000   I: 1000 to 1000
#   resized  NEAREST  I;16: 1000 to 1000   I: 1000 to 1000
#   rotated  BILINEAR I;16:    6 to  232   I: 1000 to 1000
#   shifted  BILINEAR I;16:  117 to  117   I: 1000 to 1000
#   resized  BILINEAR I;16: 1000 to 1000   I: 1000 to 1000
#   rotated  BICUBIC  I;16:    3 to  232   I: 1000 to 1000
#   shifted  BICUBIC  I;16:  117 to  117   I: 1000 to 1000
#   resized  BICUBIC  I;16: 1000 to 1000   I: 1000 to 1000
#   row of the rotated: [225, 6, 232, 6, 225]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir pillow==13.0.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import numpy
from PIL import Image
from PIL.Image import Resampling, Transform

Image.fromarray(numpy.full((9, 9), 1000, dtype="uint16")).save("depth.png")
depth = Image.open("depth.png")
wide = depth.convert("I")
print(f"opened as {depth.mode}, all values {numpy.unique(numpy.array(depth)).tolist()}")
assert depth.mode == "I;16"

SHIFT = (1, 0, 0.5, 0, 1, 0)  # half a pixel to the left
INSIDE = numpy.s_[2:7, 2:7]  # away from the borders, which are filled with 0


def rotated(picture, way):
    return numpy.array(picture.rotate(10, way))[INSIDE]


def shifted(picture, way):
    return numpy.array(picture.transform(picture.size, Transform.AFFINE, SHIFT, way))[INSIDE]


def resized(picture, way):
    return numpy.array(picture.resize((6, 6), way))


for way in (Resampling.NEAREST, Resampling.BILINEAR, Resampling.BICUBIC):
    for move in (rotated, shifted, resized):
        narrow_values, wide_values = move(depth, way), move(wide, way)
        print(f"{move.__name__:8} {way.name:8} I;16: {narrow_values.min():4} to {narrow_values.max():4}"
              f"   I: {wide_values.min():4} to {wide_values.max():4}")
        assert (wide_values == 1000).all()
        wrong = move is not resized and way != Resampling.NEAREST
        assert narrow_values.max() < 256 if wrong else (narrow_values == 1000).all()
print("row of the rotated:", rotated(depth, Resampling.BILINEAR)[2].tolist())
PROGRAM
