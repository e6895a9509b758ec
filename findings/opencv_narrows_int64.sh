#!/usr/bin/env bash
# OpenCV 5 in Python: int64 and uint64 arrays come back as int32, modulo 2^32, even from flip() and rotate().
#
# Versions: opencv-python-headless 5.0.0.93, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: OpenCV 5 has matrices of 64-bit integers (cv2.CV_64S), int64 is what NumPy makes by default
#   on Linux, other types that a function cannot take are refused, and flip only moves elements.
# What happens: maps of instance ids, hashes or time stamps that are flipped, rotated, padded or resized (by nearest
#   neighbour) wrap without a word: 2^32 + 7 becomes 7, another instance; the dtype changes to int32 for small values
#   too, where a loss of torch asks for int64. uint32 and int32 are kept.
# Where: the conversion of NumPy arrays in the Python binding (cv2_convert.cpp) casts 64-bit integers to int32;
#   opencv/opencv#26514, which would have kept int64, was closed as too radical a change of the API.
# What to do: NumPy's flip, rot90, pad; a view as two bands of int32 for the rest.
#
# Seen:
#   OpenCV 5.0.0 has CV_64S: True CV_64U: True
#   int64  4294967303 flip               int32 [7]
#   int64  4294967303 rotate             int32 [7]
#   int64  4294967303 copyMakeBorder     int32 [7]
#   int64  4294967303 resize NEAREST     int32 [7]
#   int64  4294967303 warpAffine NEAREST int32 [7]
#   uint64 4294967303 flip               int32 [7]
#   uint64 4294967303 rotate             int32 [7]
#   uint64 4294967303 copyMakeBorder     int32 [7]
#   uint64 4294967303 resize NEAREST     int32 [7]
#   uint64 4294967303 warpAffine NEAREST int32 [7]
#   int64           7 flip               int32 [7]
#   int64           7 rotate             int32 [7]
#   int64           7 copyMakeBorder     int32 [7]
#   int64           7 resize NEAREST     int32 [7]
#   int64           7 warpAffine NEAREST int32 [7]
#   uint32 2147483655 flip               uint32 [2147483655]
#   uint32 2147483655 rotate             uint32 [2147483655]
#   uint32 2147483655 copyMakeBorder     uint32 [2147483655]
#   uint32 2147483655 resize NEAREST     uint32 [2147483655]
#   uint32 2147483655 warpAffine NEAREST refused
#   int32           7 flip               int32 [7]
#   int32           7 rotate             int32 [7]
#   int32           7 copyMakeBorder     int32 [7]
#   int32           7 resize NEAREST     int32 [7]
#   int32           7 warpAffine NEAREST int32 [7]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import cv2
import numpy

print("OpenCV", cv2.__version__, "has CV_64S:", hasattr(cv2, "CV_64S"), "CV_64U:", hasattr(cv2, "CV_64U"))
moves = {
    "flip": lambda ids: cv2.flip(ids, 1),
    "rotate": lambda ids: cv2.rotate(ids, cv2.ROTATE_180),
    "copyMakeBorder": lambda ids: cv2.copyMakeBorder(ids, 0, 0, 1, 0, cv2.BORDER_REPLICATE),
    "resize NEAREST": lambda ids: cv2.resize(ids, (2, 2), interpolation=cv2.INTER_NEAREST),
    "warpAffine NEAREST": lambda ids: cv2.warpAffine(ids, numpy.eye(2, 3), (2, 2), flags=cv2.INTER_NEAREST),
}
for dtype, first in (("int64", 2**32 + 7), ("uint64", 2**32 + 7), ("int64", 7), ("uint32", 2**31 + 7), ("int32", 7)):
    ids = numpy.full((2, 2), first, dtype=dtype)
    for name, move in moves.items():
        try:
            moved = move(ids)
        except cv2.error:
            print(f"{dtype:6} {first:10} {name:18} refused")
            assert (dtype, name) == ("uint32", "warpAffine NEAREST")
            continue
        print(f"{dtype:6} {first:10} {name:18} {moved.dtype} {numpy.unique(moved).tolist()}")
        assert moved.dtype == ("int32" if "64" in dtype else dtype)
        assert numpy.unique(moved).tolist() == [first % 2**32]
PROGRAM
