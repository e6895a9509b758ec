#!/usr/bin/env bash
# pyvips writes a uint16 array of one band as a PNG of 8 bits in which all above 255 is 255.
#
# Versions: pyvips 3.2.0 with pyvips-binary 8.18.7 (libvips 8.18), NumPy 2.4.6, Python 3.11, x86-64.
# Why a good guess is wrong: the image says format "ushort", a uint16 array of three bands is kept as it is, TIFF keeps
#   all of them, and a 16-bit PNG that libvips has read is written with 16 bits again.
# What happens, by the number of bands, without a warning:
#   1 band:  8 bits, values cut at 255 (a depth map is lost);
#   2 and 4: 8 bits, values about a 256th;
#   3 bands: 16 bits, right.
#   bitdepth=16 makes it no better for one band: the values cut at 255 are stretched to 65535.
# Where: new_from_array() tags one band as "b-w" (8 bits in a wide container) and three as "srgb", whatever the dtype,
#   and pngsave goes by the tag. Its documentation says both: that images of more than one byte a band are saved with
#   16 bits, and that the depth depends on the interpretation. interpretation="auto" looks at the dtype.
# What to do: new_from_array(array, interpretation="auto"), or TIFF.
#
# Seen:
#   written: [0, 200, 256, 5000, 65535]
#   1 bands, ushort, b-w       png             -> uint8 [0, 200, 255, 255, 255]
#   1 bands, ushort, b-w       png bitdepth=16 -> uint16 [0, 51400, 65535, 65535, 65535]
#   1 bands, ushort, b-w       tif             -> uint16 [0, 200, 256, 5000, 65535]
#   1 bands, ushort, b-w       png auto        -> uint16 [0, 200, 256, 5000, 65535]
#   2 bands, ushort, multiband png             -> uint8 [0, 1, 1, 19, 255]
#   2 bands, ushort, multiband png bitdepth=16 -> uint16 [0, 200, 256, 5000, 65535]
#   2 bands, ushort, multiband tif             -> uint16 [0, 200, 256, 5000, 65535]
#   2 bands, ushort, multiband png auto        -> uint16 [0, 200, 256, 5000, 65535]
#   3 bands, ushort, srgb      png             -> uint16 [0, 200, 256, 5000, 65535]
#   3 bands, ushort, srgb      png bitdepth=16 -> uint16 [0, 200, 256, 5000, 65535]
#   3 bands, ushort, srgb      tif             -> uint16 [0, 200, 256, 5000, 65535]
#   3 bands, ushort, srgb      png auto        -> uint16 [0, 200, 256, 5000, 65535]
#   4 bands, ushort, multiband png             -> uint8 [0, 0, 1, 19, 255]
#   4 bands, ushort, multiband png bitdepth=16 -> uint16 [0, 200, 256, 5000, 65535]
#   4 bands, ushort, multiband tif             -> uint16 [0, 200, 256, 5000, 65535]
#   4 bands, ushort, multiband png auto        -> uint16 [0, 200, 256, 5000, 65535]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import numpy
import pyvips

row = numpy.array([[0, 200, 256, 5000, 65535]], dtype="uint16")
print("written:", row[0].tolist())


def back(image, end=".png", **options):
    array = pyvips.Image.new_from_buffer(image.write_to_buffer(end, **options), "").numpy()
    return array if array.ndim == 2 else array[:, :, 0]


seen = {}
for bands in (1, 2, 3, 4):
    array = row if bands == 1 else numpy.stack([row] * bands, axis=-1)
    image = pyvips.Image.new_from_array(array)
    for name, read in {
        "png": back(image),
        "png bitdepth=16": back(image, bitdepth=16),
        "tif": back(image, ".tif"),
        "png auto": back(pyvips.Image.new_from_array(array, interpretation="auto")),
    }.items():
        seen[bands, name] = (str(read.dtype), read[0].tolist())
        print(f"{bands} bands, {image.format}, {image.interpretation:9} {name:15} -> {read.dtype} {read[0].tolist()}")

right = ("uint16", row[0].tolist())
assert seen[1, "png"] == ("uint8", [0, 200, 255, 255, 255])
assert seen[1, "png bitdepth=16"] == ("uint16", [0, 51400, 65535, 65535, 65535])
assert seen[2, "png"][0] == "uint8" and seen[2, "png"][1][3] == 5000 >> 8
assert seen[4, "png"][0] == "uint8" and seen[4, "png"][1][3] == 5000 >> 8
assert seen[3, "png"] == right
assert all(seen[bands, name] == right for bands in (1, 2, 3, 4) for name in ("tif", "png auto"))
PROGRAM
