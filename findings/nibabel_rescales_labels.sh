#!/usr/bin/env bash
# nibabel scales whole-number labels when they are saved with another image's header: 3 and 4 both come back as 3.53.
#
# Versions: nibabel 5.4.2, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: Nifti1Image(array, affine, header) is how a label map is given the geometry of the image it
#   belongs to. One expects the dtype of the array, or an error for what does not fit; labels that fit come back exact,
#   and the array in memory is right until it is loaded again.
# What happens: the header's dtype is kept. If the greatest label does not fit in it (300 in uint8 of an eight-bit mask,
#   70,000 in int16 of a CT), all labels are divided by a slope and rounded: of 0..300, brain parcels for instance,
#   150 are wrong after get_fdata().astype(int), and 45 have become one with another. No warning, at saving or loading.
# Where: "scaled" writing, meant for measurements, is done for integers too (arraywriters.py); the manual has a
#   page on data scaling, the docstring of Nifti1Image does not tell. Giving no header takes the array's dtype.
# What to do: image.set_data_dtype(array.dtype) before saving, or Nifti1Image(array, affine, header, dtype=array.dtype).
#
# Seen:
#   0..300, header of a uint8 mask: stored as uint8, begins with [0.0, 1.18, 2.35, 3.53, 3.53, 4.71],
#     150 of 301 wrong as int, 256 different values of 301
#   0..299 and 70,000, header of an int16 scan: stored as int16, begins with [0.0, 1.07, 2.14, 3.2, 4.27, 5.34],
#     150 of 301 wrong as int, 282 different values of 301
#   0..255, header of a uint8 mask: stored as uint8, begins with [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
#     0 of 301 wrong as int, 256 different values of 256
#   0..300, header and dtype: stored as int32, begins with [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
#     0 of 301 wrong as int, 301 different values of 301
#   0..300, no header: stored as int32, begins with [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
#     0 of 301 wrong as int, 301 different values of 301
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir nibabel==5.4.2 numpy==2.4.6
cd "$folder"
venv/bin/python -W error - <<'PROGRAM'
import nibabel
import numpy

EYE = numpy.eye(4)
mask = nibabel.Nifti1Image(numpy.ones((7, 43, 1), dtype="uint8"), EYE)
scan = nibabel.Nifti1Image(numpy.ones((7, 43, 1), dtype="int16"), EYE)


def back(labels, header, **options):
    nibabel.save(nibabel.Nifti1Image(labels, EYE, header, **options), "labels.nii.gz")
    loaded = nibabel.load("labels.nii.gz")
    return loaded.get_data_dtype(), loaded.get_fdata().ravel()


def told(name, labels, header, **options):
    stored, values = back(labels, header, **options)
    flat = labels.ravel()
    whole = values.astype(int)
    print(f"{name}: stored as {stored}, begins with {values[:6].round(2).tolist()},")
    print(f"  {(whole != flat).sum()} of {flat.size} wrong as int, {numpy.unique(values).size} different values"
          f" of {numpy.unique(flat).size}")
    return values, whole != flat


parcels = numpy.arange(301, dtype="int32").reshape(7, 43, 1)
values, wrong = told("0..300, header of a uint8 mask", parcels, mask.header)
assert wrong.sum() == 150 and abs(values[3] - 3.53) < 0.01 and values[3] == values[4]
assert numpy.unique(values).size == 256
far = parcels.copy()
far[-1, -1, 0] = 70000
values, wrong = told("0..299 and 70,000, header of an int16 scan", far, scan.header)
assert wrong.sum() > 100
for name, labels, header, options in (
    ("0..255, header of a uint8 mask", parcels.clip(0, 255), mask.header, {}),
    ("0..300, header and dtype", parcels, mask.header, {"dtype": parcels.dtype}),
    ("0..300, no header", parcels, None, {}),
):
    assert not told(name, labels, header, **options)[1].any()
PROGRAM
