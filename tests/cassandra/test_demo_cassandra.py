"""`make demo-cassandra`: the README's third command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cassandra
ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev")


def test_the_original_case_from_create_keyspace_to_epoch_10_and_back(tmp_path: Path) -> None:
    demo = subprocess.run([sys.executable, ROOT / "tools/demo_cassandra.py"], capture_output=True, text=True, timeout=300, cwd=ROOT,
                          env=dict(os.environ, RINGFEED_BUILD=str(BUILD), RINGFEED_DEMO=str(tmp_path)))
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "cql> CREATE KEYSPACE IF NOT EXISTS mykeyspace" in demo.stdout
    assert "data vector<float, 10>" in demo.stdout
    assert "100 rows read back: bit for bit those that were written" in demo.stdout
    assert demo.stderr.count("going on at LOCAL_ONE") == 1  # one of three replicas lives
    losses = {way: json.loads((tmp_path / way / "summary.json").read_text())["losses"] for way in ("ddp", "data-parallel")}
    for way in losses.values():
        assert len(way) == 10 and way[-1] < way[0]
    for by_two, by_one in zip(losses["ddp"], losses["data-parallel"], strict=True):
        assert abs(by_two - by_one) < 1e-5 * by_one  # the same steps; sums in another order
