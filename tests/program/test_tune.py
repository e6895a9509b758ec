"""ringfeed tune: what it measures of a small set, what it writes, and what it refuses (docs/tune.md)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import SECONDS_MAX, Ringfeed, build_folder
from stopwatch import Stopwatch

pytestmark = pytest.mark.program

RUN = ("--input", "image", "--target", "label", "--hidden", "16,8", "--batch-size", "32", "--seed", "5", "--quiet")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def seconds_needed(ringfeed: Ringfeed, *options: str) -> str:
    """They depend on the cores: the refusal of too few says how many."""
    words = ringfeed.error("tune", "digits.ring", *RUN, *options, "--seconds", "1", code=2)
    found = re.fullmatch(r"ringfeed: --seconds 1: \d+ measurements need (\d+) s", words)
    assert found, words
    return found[1]


def test_it_measures_says_the_limit_and_writes_what_train_reads(digits: Ringfeed) -> None:
    before = files(digits.folder)
    result = digits("tune", "digits.ring", *RUN, "--seconds", seconds_needed(digits), "--output", "tuned.toml", "--json")
    tuned = json.loads(result.stdout)
    assert len(result.stdout.splitlines()) == 1
    assert tuned["start"]["changes"] == {} and len(tuned["tries"]) <= 3
    # 1,438 samples of 64 float32 train a tiny model: nothing of the feed can be the limit.
    assert tuned["start"]["limit"] in ("model", "all-reduce")
    for tried in (tuned["start"], *tuned["tries"]):
        assert tried["samples_per_second"] > 0 and tried["predicted_samples_per_second"] > 0
    assert tuned["stores"][0]["bytes_per_second"] > 1e6 and tuned["block_seconds"] > 0 and tuned["assemble_seconds_per_sample"] > 0
    pairs = [(model["nproc"], model["threads"]) for model in tuned["models"]]
    assert (1, 1) in pairs and len(pairs) == len(set(pairs))
    sizes = [batch["batch_size"] for batch in tuned["batches"]]
    assert sizes and sizes == [32, 64, 128][:len(sizes)]  # on a busy host the larger ones are left out
    assert tuned["start"]["blocks_of_batch"] >= 1 and 0 < tuned["start"]["mixed_share"] <= 1
    best = max((tuned["start"], *tuned["tries"]), key=lambda tried: tried["samples_per_second"])
    assert tuned["chosen"]["samples_per_second"] >= best["samples_per_second"] / 1.03

    # Nothing else was written, and the file is what the run needs.
    assert files(digits.folder).keys() - before.keys() == {"tuned.toml"}
    assert {name: text for name, text in files(digits.folder).items() if name != "tuned.toml"} == before
    options = tomllib.loads((digits.folder / "tuned.toml").read_text())
    assert options["train"] == {"input": "image", "target": "label", "hidden": [16, 8], "batch-size": 32, "seed": 5,
                                **tuned["chosen"]["changes"]}
    digits("train", "digits.ring", "--config", "tuned.toml", "--ledger", "tuned", "--quiet")
    digits("train", "digits.ring", *RUN, "--ledger", "plain", "--quiet")
    assert "exact" in digits("audit", "tuned", "digits.ring").stdout


def test_a_budget_of_memory_is_kept_by_the_run(digits: Ringfeed) -> None:
    options = ("--batch-size-per-rank", "16", "--budget-memory", "4MiB")
    run = ("--input", "image", "--target", "label", "--hidden", "4", "--threads", "1", "--quiet", *options)
    words = digits.error("tune", "digits.ring", *run, "--seconds", "1", code=2)
    told = digits("tune", "digits.ring", *run, "--seconds", words.split()[-2], "--output", "tuned.toml").stdout
    assert re.search(r"^limit: (model|all-reduce)(, on all cores)?\n +predicted +measured +gain +limit\n +\d+ +\d+ +\+0 % .* as it is$",
                     told, flags=re.MULTILINE), told
    tuned = tomllib.loads((digits.folder / "tuned.toml").read_text())["train"]
    assert tuned["prefetch-bytes"] <= 4 << 20 and "nproc" not in tuned
    digits("train", "digits.ring", "--config", "tuned.toml")


def test_the_order_is_tried_only_when_asked_and_the_file_may_be_standard_output(digits: Ringfeed) -> None:
    options = (*RUN[:-1], "--lanes", "16", "--window", "2", "--tune-order")
    result = digits("tune", "digits.ring", *options, "--seconds", seconds_needed(digits, "--tune-order"), "--output", "-")
    tuned = tomllib.loads(result.stdout)["train"]
    assert tuned["lanes"] <= 16 and tuned["window"] <= 2 and "tune-order" not in tuned
    assert "limit: " in result.stderr and not (digits.folder / "-").exists()


def test_what_it_cannot_do_is_one_line_and_nothing_is_changed(digits: Ringfeed) -> None:
    (digits.folder / "mine.toml").write_text("[train]\n")
    before = files(digits.folder)
    assert digits.error("tune", "digits.ring", *RUN, "--output", "mine.toml", code=1) == (
        "ringfeed: mine.toml: it is there and was not written by ringfeed tune; choose another name")
    few = ("--input", "image", "--target", "label", "--batch-size", "500")
    assert digits.error("tune", "digits.ring", *few, code=2) == (
        "ringfeed: digits.ring: 1438 samples are 3 steps of an epoch, too few to measure; it takes 8: a smaller --batch-size, or more "
        "samples")
    assert "--threads: '-1' is out of its bounds, 0 to 1,024" in digits.error("tune", "digits.ring", *RUN, "--threads", "-1", code=2)
    assert "--budget-memory: '0' is out of its bounds, from 1" in digits.error("tune", "digits.ring", *RUN, "--budget-memory", "0", code=2)
    assert "--seconds: '0.5' is out of its bounds" in digits.error("tune", "digits.ring", *RUN, "--seconds", "0.5", code=2)
    assert "--json" in digits.error("tune", "digits.ring", *RUN, "--output", "-", "--json", code=2)
    assert "no option '--cache'" in digits.error("tune", "digits.ring", *RUN, "--cache", "c", code=2)
    assert "no option '--checkpoint-dir'" in digits.error("tune", "digits.ring", *RUN, "--checkpoint-dir", "c", code=2)
    words = digits.error("tune", "digits.ring", *RUN, "--budget-memory", "1KiB", code=2)
    assert re.match(r"ringfeed: --budget-memory 1 KiB: this order needs at least [\d.]+ [KM]iB on 1 rank; give more, or use", words), words
    with Stopwatch() as watch:
        words = digits.error("tune", "digits.ring", "--input", "image", "--target", "no", "--quiet", "--seconds", "600", code=2)
    assert "'no'" in words and watch.fair_seconds < 20
    assert digits.error("tune", "missing.ring", *RUN, code=2).startswith("ringfeed: missing.ring")
    assert files(digits.folder) == before


def test_ctrl_c_ends_it_with_one_line_and_no_rank_is_left(digits: Ringfeed) -> None:
    process = subprocess.Popen([str(build_folder() / "bin/ringfeed"), "tune", "digits.ring", *RUN[:-1], "--output", "tuned.toml"],
                               cwd=digits.folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        if "the model alone" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130 and out == ""
    assert err.splitlines()[-1] == "ringfeed: interrupted; nothing was written"
    assert not (digits.folder / "tuned.toml").exists()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            assert os.readlink(folder / "cwd") != str(digits.folder)
        except OSError:  # it has just ended, or is somebody else's
            continue
