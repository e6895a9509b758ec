"""`ringfeed check` and `ringfeed diff`: what they find, print and end with."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy
import pytest
from conftest import DIGITS, TENSORS, Ringfeed

pytestmark = pytest.mark.program

SAMPLES = 1_000_000
PLANTED = 1_000


def test_a_thousand_planted_among_a_million_are_found_within_a_mebibyte(ringfeed: Ringfeed) -> None:
    random = numpy.random.default_rng(5)
    values = random.permutation(SAMPLES).astype(numpy.int64)
    places = random.choice(SAMPLES, 2 * PLANTED, replace=False)
    values[places[:PLANTED]] = values[places[PLANTED:]]
    numpy.save(ringfeed.folder / "value.npy", values)
    ringfeed("ingest", "value.npy", "many.ring", "--no-permute")
    (ringfeed.folder / "spill").mkdir()
    result = ringfeed("check", "many.ring", "--memory", "1MiB", "--json", code=3, TMPDIR=str(ringfeed.folder / "spill"))
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["samples"], found["groups"], found["repeated"], found["distinct"]) == (SAMPLES, PLANTED, PLANTED, SAMPLES - PLANTED)
    first = sorted(sorted((int(a), int(b))) for a, b in zip(places[:PLANTED], places[PLANTED:], strict=True))[:10]
    assert [[each["sample"] for each in group["samples"]] for group in found["shown"]] == first
    assert list((ringfeed.folder / "spill").iterdir()) == []


def test_digits_have_no_duplicates_until_one_is_planted(digits: Ringfeed) -> None:
    assert digits("check", "digits.ring").stdout == "check: no sample is there twice, of 1797 samples\n"
    lines = Path(DIGITS).read_text().splitlines(keepends=True)
    (digits.folder / "more.csv").write_text("".join([*lines[:3], lines[1]]))
    digits("ingest", "more.csv", "more.ring", *TENSORS, "--no-permute")
    result = digits("check", "digits.ring", "more.ring", code=3)
    assert result.stdout.startswith("check: 3 samples are there several times, 4 repeated, of 1801\n")
    assert "\n  within more.ring train: 1\n" in result.stdout
    assert "more.ring train 1 = more.ring train 3" in result.stdout
    assert digits("check", "more.ring", "--across-splits").stdout == "check: no sample is there twice in several splits, of 4 samples\n"
    assert json.loads(digits("check", "digits.ring", "more.ring", "--across-splits", "--json", code=3).stdout)["groups"] == 3


def test_versions_of_digits_differ_by_what_was_changed(digits: Ringfeed) -> None:
    lines = Path(DIGITS).read_text().splitlines(keepends=True)
    (digits.folder / "less.csv").write_text("".join(lines[:-5]))
    digits("ingest", "less.csv", "digits.ring", *TENSORS, "--overwrite")
    result = digits("diff", "digits.ring?version=1", "digits.ring", code=3)
    assert result.stdout.startswith("diff: differ, 1797 samples and 1792\n  5 removed, 0 added, 0 changed, ")
    assert result.stdout.count("\n  - digits.ring?version=1 ") == 5
    found = json.loads(digits("diff", "digits.ring?version=1", "digits.ring", "--json", code=3).stdout)
    assert (found["removed"], found["added"], len(found["first_removed"]), found["columns"]) == (5, 0, 5, [])
    assert digits("diff", "digits.ring", "digits.ring?version=2").stdout == "diff: the same, 1792 samples and 1792\n"
    assert "have one value of 'label'" in digits.error("diff", "digits.ring", "digits.ring?version=1", "--key", "label", code=2)


def test_another_type_of_a_column_comes_first(digits: Ringfeed) -> None:
    digits("ingest", DIGITS, "double.ring", "--tensor", "image=f0..f63:8x8:float64", "--tensor", "label=f64::int64")
    assert "column image: float32 [8, 8], now float64 [8, 8]\n  compared: label\n" in digits("diff", "digits.ring", "double.ring", code=3).stdout
    assert "--columns" in digits.error("check", "digits.ring", "double.ring", code=2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("check", "digits.ring"), ("diff", "digits.ring", "digits.ring")])
def test_a_signal_ends_a_comparison(digits: Ringfeed, command: tuple[str, ...], number: signal.Signals) -> None:
    files = sorted(digits.folder.rglob("*"))
    result = digits.told_to_end(number, *command)
    assert (result.returncode, result.stdout, result.stderr) == (130 if number == signal.SIGINT else 143, "", "ringfeed: interrupted\n")
    assert sorted(digits.folder.rglob("*")) == files
