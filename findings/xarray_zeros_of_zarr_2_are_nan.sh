#!/usr/bin/env bash
# xarray reads each 0 of a Zarr array of format 2 as NaN, a uint8 picture as float32 and int64 labels as float64.
#
# Versions: zarr 3.1.6, xarray 2026.9.0, NumPy 2.4.6, Python 3.11.
# Why a good guess is wrong: nothing was declared missing: 0 is merely what zarr-python writes as `fill_value` unless
#   told otherwise, the value of chunks that were never written; here all were. The same array in format 3 is read as
#   it was stored.
# What happens: black pixels and the labels of class 0 become NaN (and a loss NaN, or the class is masked away), ids
#   above 2^53 are rounded. No warning. The other way round, what xarray itself writes is read back rightly, since it
#   gives integers no fill_value in format 2.
# Where: for format 2 the fill value is taken for the _FillValue of the CF conventions (pydata/xarray#5475). The
#   parameter that is documented to turn it off, open_zarr(use_zarr_fill_value_as_mask=False), has no effect:
#   open_dataset() of backends/zarr.py takes it and passes None on (the like for format 3: pydata/xarray#10269).
# What to do: mask_and_scale=False, or write the array with fill_value=None.
#
# Seen:
#   format 2, 0 warnings
#     pixels float32 [[nan, 1.0, 2.0], [255.0, nan, 7.0]]
#     ids float64 [nan, 9007199254740992.0]
#   format 2, use_zarr_fill_value_as_mask=False, 0 warnings
#     pixels float32 [[nan, 1.0, 2.0], [255.0, nan, 7.0]]
#     ids float64 [nan, 9007199254740992.0]
#   format 3, 0 warnings
#     pixels uint8 [[0, 1, 2], [255, 0, 7]]
#     ids int64 [0, 9007199254740993]
#   format 2, mask_and_scale=False, 0 warnings
#     pixels uint8 [[0, 1, 2], [255, 0, 7]]
#     ids int64 [0, 9007199254740993]
#   format 2, fill_value=None, 0 warnings
#     pixels uint8 [[0, 1, 2], [255, 0, 7]]
#     ids int64 [0, 9007199254740993]
#   format 2, by xarray, 0 warnings
#     pixels uint8 [[0, 1, 2], [255, 0, 7]]
#     ids int64 [0, 9007199254740993]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
  zarr==3.1.6 xarray==2026.9.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PROGRAM'
import warnings

import numpy
import xarray
import zarr

pixels = numpy.array([[0, 1, 2], [255, 0, 7]], dtype="uint8")
ids = numpy.array([0, 2**53 + 1], dtype="int64")


def written(version, **options):
    group = zarr.open_group(f"{version}{len(options)}.zarr", mode="w", zarr_format=version)
    for name, values, axes in (("pixels", pixels, ["row", "column"]), ("ids", ids, ["row"])):
        if version == 3:
            options["dimension_names"] = axes
        array = group.create_array(name, shape=values.shape, chunks=values.shape, dtype=values.dtype, **options)
        if version == 2:
            array.attrs["_ARRAY_DIMENSIONS"] = axes
        array[:] = values
        assert (array[:] == values).all()
    return group.store


def read(name, store, **options):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        data = xarray.open_zarr(store, consolidated=False, **options).load()
    print(f"{name}, {len(warned)} warnings")
    print(f"  pixels {data.pixels.dtype} {data.pixels.values.tolist()}")
    print(f"  ids {data.ids.dtype} {data.ids.values.tolist()}")
    return data


two = read("format 2", written(2))
assert two.pixels.dtype == "float32" and numpy.isnan(two.pixels.values).tolist() == (pixels == 0).tolist()
assert two.ids.dtype == "float64" and numpy.isnan(two.ids.values[0]) and two.ids.values[1] == 2**53
told = read("format 2, use_zarr_fill_value_as_mask=False", written(2), use_zarr_fill_value_as_mask=False)
assert told.identical(two)
for data in (
    read("format 3", written(3)),
    read("format 2, mask_and_scale=False", written(2), mask_and_scale=False),
    read("format 2, fill_value=None", written(2, fill_value=None)),
):
    assert data.pixels.dtype == "uint8" and (data.pixels.values == pixels).all()
    assert data.ids.dtype == "int64" and (data.ids.values == ids).all()
xarray.Dataset({"pixels": (("row", "column"), pixels), "ids": ("row", ids)}).to_zarr("own.zarr", zarr_format=2)
own = read("format 2, by xarray", "own.zarr")
assert own.pixels.dtype == "uint8" and (own.pixels.values == pixels).all()
PROGRAM
