#!/usr/bin/env bash
# scikit-image's imread() moves the first axis of a TIFF stack to the end, if the stack has 3 or 4 frames.
#
# Versions: scikit-image 0.26.0, tifffile 2026.3.3, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: the same folder gives (2, H, W), (5, H, W) and (20, H, W); the file says that its pages are
#   grey (photometric MinIsBlack), and tifffile, which does the reading, gives (3, H, W).
# What happens: clips, z-stacks or time series of 3 and 4 frames come as (H, W, 3) and (H, W, 4) and look like colour
#   pictures; of a stack of colour-like arrays (N, 3, H, W) the axis moves too. A loop over frames then goes over rows,
#   without an error; where H = W, as of square crops, not even a check of the first axis against a shape can tell.
# Where: imread() of io/_io.py swaps axes when the last has not 3 or 4 entries and the third from the end has; it does
#   not look at the file's tags. The docstring promises colour bands last, of pictures. scikit-image/scikit-image#5242,
#   cgohlke/tifffile#196.
# What to do: tifffile.imread().
#
# Seen:
#    1 frames, 1 pages MINISBLACK: tifffile (1, 32, 48), skimage (1, 32, 48)
#    2 frames, 2 pages MINISBLACK: tifffile (2, 32, 48), skimage (2, 32, 48)
#    3 frames, 3 pages MINISBLACK: tifffile (3, 32, 48), skimage (32, 48, 3)
#    4 frames, 4 pages MINISBLACK: tifffile (4, 32, 48), skimage (32, 48, 4)
#    5 frames, 5 pages MINISBLACK: tifffile (5, 32, 48), skimage (5, 32, 48)
#   20 frames, 20 pages MINISBLACK: tifffile (20, 32, 48), skimage (20, 32, 48)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  scikit-image==0.26.0 tifffile==2026.3.3 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import numpy
import skimage.io
import tifffile

for frames in (1, 2, 3, 4, 5, 20):
    stack = numpy.arange(frames * 32 * 48, dtype="uint16").reshape(frames, 32, 48)
    tifffile.imwrite("stack.tif", stack, photometric="minisblack")
    with tifffile.TiffFile("stack.tif") as file:
        pages = f"{len(file.pages)} pages {file.pages[0].photometric.name}"
    by_tifffile, by_skimage = tifffile.imread("stack.tif"), skimage.io.imread("stack.tif")
    print(f"{frames:2} frames, {pages}: tifffile {by_tifffile.shape}, skimage {by_skimage.shape}")
    assert numpy.array_equal(by_tifffile.reshape(stack.shape), stack)
    if frames in (3, 4):
        assert by_skimage.shape == (32, 48, frames)
        assert numpy.array_equal(by_skimage, numpy.moveaxis(stack, 0, -1))
    else:
        assert by_skimage.shape == by_tifffile.shape
PROGRAM
