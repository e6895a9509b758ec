"""What a training run records while it goes on: JSON lines, TensorBoard's events, Prometheus's text."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import SECONDS_MAX, Ringfeed, build_folder
from prometheus_client.parser import text_string_to_metric_families
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

pytestmark = pytest.mark.program

SAMPLES, VAL, EPOCHS, BATCH = 1438, 359, 3, 64
STEPS = math.ceil(SAMPLES / BATCH)
TRAIN = ("train", "digits.ring", "--model", "mlp", "--hidden", "32", "--input", "image", "--target", "label", "--batch-size", str(BATCH),
         "--epochs", str(EPOCHS), "--threads", "1")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def metrics_of(path: Path) -> dict[str, float]:
    """The samples that have no label but the rank, or that of a part."""
    return metrics_in(path.read_text())


def metrics_in(text: str) -> dict[str, float]:
    """The same, of a text."""
    return {sample.name + sample.labels.get("part", ""): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples if "le" not in sample.labels}


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_line_for_each_step_with_the_loss_of_all_ranks(digits: Ringfeed, ranks: int) -> None:
    run = digits(*TRAIN, "--nproc", str(ranks), "--log", "kept/run.jsonl", "--metrics", "kept/meters/run.prom", "--json")
    summary = json.loads(run.stdout.splitlines()[-1])
    lines = lines_of(digits.folder / "kept/run.jsonl")  # folders that are not there are made
    assert (digits.folder / "kept/meters/run.prom").exists()
    assert [line["event"] for line in lines] == ["start", *([*["step"] * STEPS, "epoch"] * EPOCHS), "end"]
    assert lines[0]["options"]["url"] == "digits.ring" and lines[0]["options"]["world_size"] == ranks
    steps = [line for line in lines if line["event"] == "step"]
    assert [(line["epoch"], line["step"], line["steps"]) for line in steps] == [(i // STEPS, i % STEPS, i + 1) for i in range(len(steps))]
    assert all(line["lr"] == 0.001 and line["seconds"] > line["wait_seconds"] >= 0 for line in steps)
    for epoch in range(EPOCHS):
        of_epoch = [line for line in steps if line["epoch"] == epoch]
        assert sum(line["samples"] for line in of_epoch) == SAMPLES
        mean = sum(line["loss"] * line["samples"] for line in of_epoch) / SAMPLES
        assert mean == pytest.approx(summary["losses"][epoch], rel=1e-6)
    ends = [line for line in lines if line["event"] == "epoch"]
    assert [line["loss"] for line in ends] == summary["losses"] and ends[-1]["val_accuracy"] == summary["val_accuracy"]
    assert lines[-1]["summary"] == summary


def test_a_resumed_run_goes_on_in_the_same_log(digits: Ringfeed) -> None:
    log = digits.folder / "run.jsonl"
    digits(*TRAIN[:-4], "--epochs", "1", "--checkpoint-dir", "checkpoints", "--log", "run.jsonl")
    log.write_text(log.read_text() + '{"event":"step","epo')  # as a kill may leave it
    digits(*TRAIN, "--checkpoint-dir", "checkpoints", "--resume", "auto", "--log", "run.jsonl")
    lines = log.read_text().splitlines()
    torn = lines.index('{"event":"step","epo')
    steps = [json.loads(line)["steps"] for line in lines if line.startswith('{"event":"step"') and line.endswith("}")]
    assert steps == list(range(1, EPOCHS * STEPS + 1))
    assert json.loads(lines[torn + 1])["event"] == "start"


def test_tensorboard_reads_what_the_log_has(digits: Ringfeed) -> None:
    digits(*TRAIN, "--log", "run.jsonl", "--tensorboard", "events")
    lines = lines_of(digits.folder / "run.jsonl")
    events = EventAccumulator(str(digits.folder / "events"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss/train", "loss/epoch", "loss/val", "accuracy/val", "learning_rate", "samples_per_second"}
    for tag, event, name in (("loss/train", "step", "loss"), ("learning_rate", "step", "lr"), ("loss/val", "epoch", "val_loss"),
                             ("accuracy/val", "epoch", "val_accuracy")):
        of_event = [line for line in lines if line["event"] == event]
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [line["steps"] for line in of_event]
        assert [scalar.value for scalar in scalars] == pytest.approx([line[name] for line in of_event], rel=1e-6)


def test_prometheus_reads_the_metrics_of_each_rank(digits: Ringfeed) -> None:
    summary = json.loads(digits(*TRAIN, "--nproc", "2", "--metrics", "run.prom", "--json").stdout.splitlines()[-1])
    ranks = [metrics_of(digits.folder / name) for name in ("run.prom", "run.rank1.prom")]
    assert sum(rank["ringfeed_samples_total"] for rank in ranks) == EPOCHS * SAMPLES
    for rank in ranks:
        assert rank["ringfeed_train_samples_total"] == EPOCHS * SAMPLES
        assert rank["ringfeed_train_step_seconds_count"] == rank["ringfeed_batches_total"] == EPOCHS * STEPS
        assert rank["ringfeed_block_seconds_count"] == rank["ringfeed_blocks_total"] > 0
        assert rank["ringfeed_train_epoch_loss"] == summary["losses"][-1]
        assert 0 < rank["ringfeed_held_bytes_max"] <= rank["ringfeed_prefetch_bytes"]
    for part, name in (("forward", "forward"), ("all_reduce", "all_reduce"), ("wait", "wait")):
        assert ranks[0][f"ringfeed_train_part_seconds_sum{part}"] == summary["seconds"][name]


def started(ringfeed: Ringfeed, *options: str) -> subprocess.Popen[str]:
    """A run that goes on until it is ended."""
    return subprocess.Popen([str(build_folder() / "bin/ringfeed"), *TRAIN[:-4], "--epochs", "1000000", "--threads", "1", *options],
                            cwd=ringfeed.folder, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


def urls_of(process: subprocess.Popen[str], ranks: int) -> list[str]:
    """Where the ranks say that their metrics are, by rank: in a line each."""
    found = {}
    while len(found) < ranks:
        line = process.stderr.readline()
        told = re.fullmatch(r"ringfeed: metrics of rank (\d+): (http://127\.0\.0\.1:\d+/metrics)\n", line)
        assert told or "metrics of rank" not in line, line
        assert line, "the run has ended"
        if told:
            found[int(told[1])] = told[2]
    return [found[rank] for rank in range(ranks)]


def fetch(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=SECONDS_MAX) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return metrics_in(answer.read().decode())


def fetch_until(url: str, name: str, least: float) -> dict[str, float]:
    """What is there once this meter has come so far."""
    end = time.monotonic() + SECONDS_MAX
    while (metrics := fetch(url)).get(name, 0) < least:
        assert time.monotonic() < end
        time.sleep(0.05)
    return metrics


def test_prometheus_fetches_the_metrics_of_each_rank(digits: Ringfeed) -> None:
    with started(digits, "--nproc", "2", "--metrics-port", "0", "--metrics", "run.prom") as process:
        try:
            urls = urls_of(process, 2)
            assert urls[0] != urls[1]
            first = [fetch_until(url, "ringfeed_train_samples_total", 1) for url in urls]
            later = [fetch_until(url, "ringfeed_train_samples_total", metrics["ringfeed_train_samples_total"] + 1)
                     for url, metrics in zip(urls, first, strict=True)]
            assert all(metrics["ringfeed_samples_total"] > 0 for metrics in later)
            assert metrics_of(digits.folder / "run.prom")["ringfeed_train_samples_total"] > 0
            port = urls[1].split(":")[2].split("/")[0]
            busy = digits.error(*TRAIN, "--metrics-port", port, code=1)
            assert f"127.0.0.1:{port}" in busy and "in use" in busy
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130


def test_who_asks_for_metrics_cannot_hold_up_a_run(digits: Ringfeed) -> None:
    with started(digits, "--metrics-port", "0") as process:
        try:
            [url] = urls_of(process, 1)
            address = ("127.0.0.1", int(url.split(":")[2].split("/")[0]))
            with ExitStack() as silent:
                for _ in range(40):
                    client = silent.enter_context(socket.create_connection(address, timeout=SECONDS_MAX))
                    with suppress(OSError):
                        client.sendall(os.urandom(10000))
                before = fetch_until(url, "ringfeed_train_samples_total", 1)["ringfeed_train_samples_total"]
                fetch_until(url, "ringfeed_train_samples_total", before + 1)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130


@pytest.mark.parametrize(("port", "code", "words"), [
    ("99999", 2, "'99999' is no port"), ("localhost:9100", 2, "is no port"), ("192.0.2.1:9100", 2, "no address of this host"),
])
def test_a_port_that_cannot_be(digits: Ringfeed, port: str, code: int, words: str) -> None:
    assert words in digits.error(*TRAIN, "--metrics-port", port, "--output", "run", code=code)
    assert not (digits.folder / "run").exists()


def test_each_rank_needs_a_port(digits: Ringfeed) -> None:
    assert "65536" in digits.error(*TRAIN, "--nproc", "2", "--metrics-port", "65535", code=2)


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_log_may_be_standard_output(digits: Ringfeed, ranks: int) -> None:
    run = digits(*TRAIN, "--nproc", str(ranks), "--log", "-")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert {line["event"] for line in lines} == {"start", "step", "epoch", "end"}
    assert run.stderr.count("loss ") >= EPOCHS  # what is printed else
    assert "--log -: standard output is that of --json" in digits.error(*TRAIN, "--log", "-", "--json", code=2)
    assert {path.name for path in digits.folder.iterdir()} == {"digits.ring"}


@pytest.mark.parametrize("option", ["--metrics", "--tensorboard", "--checkpoint-dir", "--ledger", "--cache", "--output"])
def test_standard_output_is_no_folder_and_no_file_that_others_read(digits: Ringfeed, option: str) -> None:
    told = digits.error(*TRAIN, option, "-", code=2)
    assert told.startswith(f"ringfeed: {option}") and "standard output" in told
    assert {path.name for path in digits.folder.iterdir()} == {"digits.ring"}


@pytest.mark.parametrize("option", ["--log", "--metrics"])
def test_a_file_that_cannot_be_made_is_an_error_before_the_first_step(digits: Ringfeed, option: str) -> None:
    (digits.folder / "taken").write_text("")
    assert "taken" in digits.error(*TRAIN, option, "taken/run.x", code=2)


def test_a_folder_is_no_log(digits: Ringfeed) -> None:
    (digits.folder / "run").mkdir()
    assert "run" in digits.error(*TRAIN, "--log", "run", code=3)


def test_the_last_evaluation_names_mistakes_and_the_worst_samples(digits: Ringfeed) -> None:
    found = {}
    for ranks in (1, 2):
        digits(*TRAIN, "--nproc", str(ranks), "--output", f"run{ranks}")
        summary = json.loads((digits.folder / f"run{ranks}/summary.json").read_text())
        confusion, worst = summary["evaluation"]["confusion"], summary["evaluation"]["worst"]
        assert sum(map(sum, confusion)) == VAL
        assert sum(confusion[i][i] for i in range(10)) / VAL == pytest.approx(summary["val_accuracy"])
        assert len(worst) == 16 and [one["loss"] for one in worst] == sorted((one["loss"] for one in worst), reverse=True)
        assert len({one["sample"] for one in worst}) == 16
        values = [json.loads(line)["sample"]["label"] for line in
                  digits("head", "digits.ring?split=val", "-n", str(VAL), "--json").stdout.splitlines()[:-1]]
        assert [one["target"] for one in worst] == [values[one["sample"]] for one in worst]
        assert all(confusion[int(one["target"])][int(one["output"])] > 0 for one in worst)
        page = (digits.folder / f"run{ranks}/report.html").read_text()
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)[1])
        assert data["shown"]["names"] == ["image", "label"]
        assert [sample[1] for sample in data["shown"]["samples"]] == [one["target"] for one in worst]
        found[ranks] = (confusion, [one["sample"] for one in worst])
    assert found[1] == found[2]
