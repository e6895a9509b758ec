"""What MosaicML Streaming itself reads of an export, and what it writes as a source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from conftest import DIGITS, ROOT, SECONDS_MAX, TENSORS, Ringfeed

pytestmark = [pytest.mark.program, pytest.mark.engines]

STREAMING = ROOT / ".deps/streaming"
READ = """
import json, sys
from streaming import LocalDataset
samples = LocalDataset(local=sys.argv[1], split="train")
print(json.dumps([[sample["image"].tolist(), str(sample["image"].dtype), sample["label"]] for sample in samples]))
"""
WRITE = """
import sys
import numpy
from streaming import MDSWriter
columns = {"id": "int", "x": "ndarray:float32:2,3", "tokens": "ndarray:int32", "text": "str", "raw": "bytes", "small": "uint8", "real": "float64"}
with MDSWriter(out=sys.argv[1], columns=columns, size_limit=4096) as out:
    for i in range(500):
        out.write({"id": i, "x": numpy.full((2, 3), i, numpy.float32), "tokens": numpy.arange(1 + i % 300, dtype=numpy.int32), "text": f"Größe {i}",
                   "raw": bytes([i % 256]), "small": i % 256, "real": i / 7})
"""


def streaming(script: str, folder: Path) -> str:
    """Runs a script that has MosaicML Streaming."""
    assert STREAMING.is_dir(), "MosaicML Streaming is missing; install it with tools/setup.sh streaming"
    result = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
                            env=dict(os.environ, PYTHONPATH=str(STREAMING)))
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_reads_what_was_exported(ringfeed: Ringfeed) -> None:
    ringfeed("ingest", DIGITS, "digits.ring", *TENSORS, "--no-permute")
    ringfeed("export", "digits.ring", "out", "--format", "mds")
    values = numpy.loadtxt(DIGITS, delimiter=",")
    images, dtypes, labels = zip(*json.loads(streaming(READ, ringfeed.folder / "out")), strict=True)
    assert set(dtypes) == {"float32"}
    assert numpy.array_equal(numpy.array(images).reshape(-1, 64), values[:, :64])
    assert list(labels) == values[:, 64].tolist()


def test_what_it_wrote_is_ingested(ringfeed: Ringfeed) -> None:
    streaming(WRITE, ringfeed.folder / "shards")
    assert len(list((ringfeed.folder / "shards").glob("*.mds"))) > 10
    ringfeed("ingest", "shards", "a.ring", "--no-permute")
    for i, line in enumerate(ringfeed("head", "a.ring", "-n", "500", "--json").stdout.splitlines()[:500]):
        assert json.loads(line)["sample"] == {"id": i, "x": [[i] * 3] * 2, "tokens": list(range(1 + i % 300)), "text": f"Größe {i}",
                                              "raw": f"{i % 256:02x}", "small": i % 256, "real": i / 7}
