#!/usr/bin/env bash
# WebDataset decodes 16-bit grey PNG to 8 bits by cutting: all above 255 is 255. Of 16-bit colour the upper byte stays.
#
# Versions: webdataset 1.0.2, Pillow 13.0.0, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: PNG is lossless, Pillow opens the file with all 16 bits (mode I;16), and decode("pil")
#   reads as "what Pillow gives"; for "rgb" one expects value / 65535. TarWriter stores the array with its 16 bits, and
#   the same library's other direction loses them.
# What happens: depth maps in millimetres, as most RGB-D sets have them, become white: 1.0 ("rgb") or 255 ("pil",
#   "rgb8", "l8") wherever something is farther away than 25 cm. A palette PNG (labels of segmentation) is looked up:
#   the class numbers are gone, also for "l8", where the grey of the colour stands instead.
# Where: autodecode.py calls convert("RGB") or convert("L") for each kind; Pillow's I;16 to L cuts at 255
#   (python-pillow/Pillow#3838 discusses why it does not scale), while its PNG reader has only 8 bits for RGB and takes
#   the upper byte.
# What to do: a decoder of their own first, .decode(handle_extension("depth.png", function), "rgb8"), or store .npy.
#
# Seen:
#   stored: {'colour.png': 'RGB', 'depth.png': 'I;16', 'seg.png': 'P'} [0, 200, 256, 5000, 65535]
#   pil  colour.png uint8 (1, 5, 3): [0, 0, 1, 19, 255]
#   pil  depth.png  uint8 (1, 5, 3): [0, 200, 255, 255, 255]
#   pil  seg.png    uint8 (1, 5, 3): [0, 40, 80, 120, 216]
#   rgb8 colour.png uint8 (1, 5, 3): [0, 0, 1, 19, 255]
#   rgb8 depth.png  uint8 (1, 5, 3): [0, 200, 255, 255, 255]
#   rgb8 seg.png    uint8 (1, 5, 3): [0, 40, 80, 120, 216]
#   l8   colour.png uint8 (1, 5): [0, 0, 1, 19, 255]
#   l8   depth.png  uint8 (1, 5): [0, 200, 255, 255, 255]
#   l8   seg.png    uint8 (1, 5): [0, 67, 134, 51, 189]
#   rgb  colour.png float32 (1, 5, 3): [0.0, 0.0, 0.004, 0.075, 1.0]
#   rgb  depth.png  float32 (1, 5, 3): [0.0, 0.784, 1.0, 1.0, 1.0]
#   rgb  seg.png    float32 (1, 5, 3): [0.0, 0.157, 0.314, 0.471, 0.847]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  webdataset==1.0.2 pillow==13.0.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import io
import struct
import zlib

import numpy
import webdataset
from PIL import Image

DEPTHS = [0, 200, 256, 5000, 65535]
depth = numpy.array([DEPTHS], dtype="uint16")
labels = Image.fromarray(numpy.array([[0, 1, 2, 3, 255]], dtype="uint8"))
labels.putpalette(sum(([number * 40 % 256, number * 90 % 256, number * 20 % 256] for number in range(256)), []))


def png_of(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def png_of_16_bit_colour(values):
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"".join(struct.pack(">HHH", value, value, value) for value in values)
    head = struct.pack(">IIBBBBB", len(values), 1, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(row)) + part(b"IEND", b"")


with webdataset.TarWriter("a.tar") as writer:
    pictures = {"depth.png": depth, "colour.png": png_of_16_bit_colour(DEPTHS), "seg.png": png_of(labels)}
    writer.write({"__key__": "a"} | pictures)


def read(kind=None):
    data = webdataset.WebDataset("a.tar", shardshuffle=False)
    return next(iter(data.decode(kind) if kind else data))


raw = {key: Image.open(io.BytesIO(value)) for key, value in read().items() if key.endswith("png")}
print("stored:", {key: picture.mode for key, picture in raw.items()}, numpy.array(raw["depth.png"])[0].tolist())
assert numpy.array(raw["depth.png"])[0].tolist() == DEPTHS
assert numpy.array(raw["seg.png"])[0].tolist() == [0, 1, 2, 3, 255]
seen = {}
for kind in ("pil", "rgb8", "l8", "rgb"):
    for key, value in read(kind).items():
        if key.endswith("png"):
            array = numpy.array(value)
            first = array[0, :, 0] if array.ndim == 3 else array[0]
            seen[kind, key] = [round(number, 3) for number in first.tolist()]
            print(f"{kind:4} {key:10} {array.dtype} {array.shape}: {seen[kind, key]}")
for kind in ("pil", "rgb8", "l8"):
    assert seen[kind, "depth.png"] == [0, 200, 255, 255, 255]
    assert seen[kind, "colour.png"] == [value >> 8 for value in DEPTHS]
    assert seen[kind, "seg.png"] != [0, 1, 2, 3, 255]
assert seen["rgb", "depth.png"][2:] == [1.0, 1.0, 1.0]
PROGRAM
