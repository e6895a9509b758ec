"""Shards of WebDataset are held against the library of that name, which writes and reads them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import webdataset
from built import run_program

import ringfeed

pytestmark = pytest.mark.program


def samples() -> list[dict[str, object]]:
    random = numpy.random.default_rng(7)
    return [{"__key__": f"digits/{number:04d}", "png": random.bytes(number % 50), "cls": number % 10, "txt": f"number {number} é",
             "json": {"number": number}, "left.npy": random.random((3, 2), numpy.float32), "seg.png": random.bytes(3)} for number in range(120)]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_what_the_library_wrote_has_the_values_that_it_reads(tmp_path: Path, ending: str) -> None:
    every = samples()
    shards = [tmp_path / f"{number}{ending}" for number in range(3)]
    for number, shard in enumerate(shards):
        with webdataset.TarWriter(str(shard)) as writer:
            for sample in every[number::3]:
                writer.write(sample)
    run_program("ingest", *map(str, shards), str(tmp_path / "a.ring"), "--no-permute")
    opened = ringfeed.open(tmp_path / "a.ring")
    read = [sample for shard in shards for sample in webdataset.WebDataset(str(shard), shardshuffle=False).decode()]
    assert set(opened.columns) == set(every[0]) and len(opened) == len(read) == 120
    for ours, theirs in zip(opened, read, strict=True):
        assert ours["__key__"] == theirs["__key__"]
        assert (int(ours["cls"]), ours["txt"]) == (theirs["cls"], theirs["txt"])
        assert bytes(ours["png"]) == theirs["png"] and bytes(ours["seg.png"]) == theirs["seg.png"]
        assert (ours["left.npy"] == theirs["left.npy"]).all() and ours["left.npy"].shape == (3, 2)
        assert json.loads(ours["json"]) == theirs["json"]
