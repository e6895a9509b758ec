"""ringfeed view: the page is of this data set, and no other file is written over."""

from __future__ import annotations

import base64
import json
import os
import re
from typing import Any

import numpy
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
    digits("view", "digits.ring?split=val")
    assert data_of((digits.folder / "digits.ring.val.html").read_text())["about"]["split"] == "val"
    digits("view", "digits.ring?split=val", "-o", "digits.ring.html", "--samples", "100", "--batch-size", "10", "--seed", "3")
    again = data_of((digits.folder / "digits.ring.html").read_text())
    assert again["samples"] == 100 and again["about"]["split"] == "val"


def test_what_is_refused(digits: Ringfeed) -> None:
    notes = digits.folder / "notes.csv"
    notes.write_text("a,b\n")
    home = digits.folder / "home.html"
    home.write_text("<!doctype html><h1>my page</h1>")
    os.mkfifo(digits.folder / "pipe")
    for arguments, code, words in (
            (["-o", "notes.csv"], 1, "notes.csv: it is there and was not written by ringfeed view; choose another name"),
            (["-o", "home.html"], 1, "home.html: it is there and was not written by ringfeed view"),
            (["-o", "pipe"], 2, "pipe: it is no regular file"), (["-o", "digits.ring"], 2, "digits.ring: it is a folder"),
            (["-o", "none/a.html"], 2, "there is no folder none"), (["--samples", "0"], 2, "--samples"), (["--batch-size", "0"], 2, "--batch-size"),
            (["--shuffle", "random"], 2, "--shuffle")):
        result = digits("view", "digits.ring", *arguments, code=code)
        assert words in result.stderr and result.stderr.count("\n") == 1
    assert notes.read_text() == "a,b\n" and home.read_text() == "<!doctype html><h1>my page</h1>"
    assert "no data set" in digits("view", "none.ring", code=2).stderr


def test_odd_values_are_counted_exactly_and_the_page_stays_small(ringfeed: Ringfeed) -> None:
    ids = [2**63 - 1, -2**63, 2**53 + 1, 2**53, 0]
    lines = [{"id": ids[i % 5], "text": "a" * 250 + str(i % 50), "kanji": "\u6f22" * 100 + str(i)} | {f"c{k}": "<" * 195 for k in range(100)}
             for i in range(100)]
    (ringfeed.folder / "odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ringfeed("ingest", "odd.jsonl", "odd.ring")
    ringfeed("view", "odd.ring", "--samples", "99", "--shuffle", "none")
    page = (ringfeed.folder / "odd.ring.html").read_text()
    assert len(page) < 2_000_000
    data = data_of(page)
    columns = {column["name"]: column for column in data["columns"]}
    assert data["samples"] == 99 and (data["column_count"], len(columns)) == (103, 60)
    assert columns["id"]["kinds"]["kinds"] == 5 and sum(count for _, count in columns["id"]["kinds"]["most"]) == 99
    assert {name for name, _ in columns["id"]["kinds"]["most"]} == {str(value) for value in ids}
    assert columns["text"]["kinds"]["kinds"] == 50 and columns["kanji"]["kinds"]["kinds"] == 99
    assert columns["kanji"]["kinds"]["most"][0][0] == "\u6f22" * 20 + "…"


def test_pictures_with_values_that_are_no_numbers(ringfeed: Ringfeed) -> None:
    pictures = numpy.zeros((3, 4, 4), "float32")
    pictures[0] = numpy.nan
    pictures[1, 0, 0], pictures[1, 3, 3] = numpy.inf, 1
    pictures[2] = numpy.array([-3e38, 3e38, 0, 0], "float32")
    numpy.save(ringfeed.folder / "nan.npy", pictures)
    ringfeed("ingest", "nan.npy", "nan.ring", "--allow-nan", "--no-permute")
    page = ringfeed("view", "nan.ring", "-o", "-", "--shuffle", "none").stdout
    nothing, holes, wide = (sample[0] for sample in data_of(page)["shown"])
    assert nothing == "4 x 4, no value is finite"
    assert list(base64.b64decode(holes["holes"])) == [0] + 15 * [255]
    assert list(base64.b64decode(holes["pixels"])) == 15 * [0] + [255]
    assert "holes" not in wide and list(base64.b64decode(wide["pixels"])[:4]) == [0, 255, 128, 128]


def test_the_page_on_standard_output(digits: Ringfeed) -> None:
    before = sorted(path.name for path in digits.folder.iterdir())
    result = digits("view", "digits.ring", "-o", "-")
    assert data_of(result.stdout)["samples"] == 1438 and result.stdout.startswith("<!doctype html>")
    assert "1438 of 1438 samples" in result.stderr
    assert sorted(path.name for path in digits.folder.iterdir()) == before
    assert "--json" in digits.error("view", "digits.ring", "-o", "-", "--json", code=2)


def test_head_draws_booleans(ringfeed: Ringfeed) -> None:
    numpy.save(ringfeed.folder / "bools.npy", numpy.eye(8, dtype=bool)[None].repeat(3, 0))
    ringfeed("ingest", "bools.npy", "bools.ring")
    assert "0 to 1" in ringfeed("head", "bools.ring", "-n", "1", "--draw").stdout
