"""Data sets that the tests of the Python package share."""

from __future__ import annotations

import numpy
import pytest
from built import run_program

SAMPLES, WIDTH = 1003, 4


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data set of 1,003 samples in small chunks: `id` counts, every one of the 4 elements of `data` is the id."""
    folder = tmp_path_factory.mktemp("numbers")
    ids = numpy.arange(SAMPLES, dtype=numpy.int64)
    numpy.save(folder / "id.npy", ids)
    numpy.save(folder / "data.npy", numpy.repeat(ids.astype(numpy.float32)[:, None], WIDTH, axis=1))
    run_program("ingest", str(folder / "id.npy"), str(folder / "data.npy"), str(folder / "numbers.ring"), "--chunk-bytes", "4KiB")
    return str(folder / "numbers.ring")
