"""ringfeed view: the page is of this data set, and no other file is written over."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from conftest import Ringfeed

pytestmark = pytest.mark.program


def data_of(page: str) -> dict[str, Any]:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)[1])


def test_the_page_is_of_the_data_set(digits: Ringfeed) -> None:
    result = digits("view", "digits.ring")
    assert "digits.ring.html: 1438 of 1438 samples" in result.stdout
    page = (digits.folder / "digits.ring.html").read_text()
    assert len(page) < 2_000_000
    data = data_of(page)
    assert dict(data["about"]["splits"]) == {"train": 1438, "val": 359}
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["label"]["kinds"]["kinds"] == 10
    assert sum(count for _, count in columns["label"]["kinds"]["most"]) == 1438
    assert len(columns["label"]["batches"]["counts"]) == 23  # batches of 64
    assert columns["image"]["numbers"]["most"] == 16
    assert len(data["shown"]) == 24 and data["shown"][0][0]["width"] == 8
    digits("view", "digits.ring?split=val", "-o", "digits.ring.html", "--samples", "100", "--batch-size", "10", "--seed", "3")
    again = data_of((digits.folder / "digits.ring.html").read_text())
    assert again["samples"] == 100 and again["about"]["split"] == "val"


def test_what_is_refused(digits: Ringfeed) -> None:
    notes = digits.folder / "notes.csv"
    notes.write_text("a,b\n")
    for arguments, code, words in (
            (["-o", "notes.csv"], 1, "notes.csv: this file is no page; name another one with -o"),
            (["-o", "none/a.html"], 2, "none"), (["--samples", "0"], 2, "--samples"), (["--batch-size", "0"], 2, "--batch-size"),
            (["--shuffle", "random"], 2, "--shuffle")):
        result = digits("view", "digits.ring", *arguments, code=code)
        assert words in result.stderr and result.stderr.count("\n") == 1
    assert notes.read_text() == "a,b\n"
    assert "no data set" in digits("view", "none.ring", code=2).stderr
