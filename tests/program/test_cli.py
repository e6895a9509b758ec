"""The command line: what it prints where, its exit codes, and its answers to bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from conftest import DIGITS, SECONDS_MAX, TENSORS, Ringfeed, build_folder
from stopwatch import Stopwatch

pytestmark = pytest.mark.program

ONE_NUMBER_NPY = b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n\x07"
COMMANDS = ("ingest", "inspect", "list", "head", "view", "verify", "check", "diff", "export", "train", "audit", "doctor", "tune")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(ringfeed: Ringfeed, command: str) -> None:
    result = ringfeed(command, "--help")
    assert "Example" in result.stdout and f"ringfeed {command}" in result.stdout
    for option in ("--json", "--quiet"):
        assert option in result.stdout


def test_version(ringfeed: Ringfeed) -> None:
    assert ringfeed("--version").stdout.startswith("ringfeed 0.")


@pytest.mark.parametrize(
    "arguments",
    [(), ("nonsense",), ("ingest",), ("ingest", "only-one"), ("inspect", "a", "b"), ("head", "x", "-n", "0"),
     ("train", "x", "--no-such-option"), ("train", "x", "--model", "forest", "--input", "a", "--target", "b")],
)
def test_usage_is_2(ringfeed: Ringfeed, arguments: tuple[str, ...]) -> None:
    assert "--help" in ringfeed.error(*arguments, code=2)


@pytest.mark.parametrize(("arguments", "words"), [
    (("ls",), "'ls' is no command; did you mean 'list'?; see 'ringfeed --help'"),
    (("ingset", "a", "b"), "'ingset' is no command; did you mean 'ingest'?; see 'ringfeed --help'"),
    (("--versoin",), "'--versoin' is no option; did you mean '--version'?; see 'ringfeed --help'"),
    (("--transmogrify",), "'--transmogrify' is no option; see 'ringfeed --help'"),
    (("transmogrify",), "'transmogrify' is no command; see 'ringfeed --help'"),
    (("train", "x", "--epoch", "3"), "train has no option '--epoch'; did you mean '--epochs'?; see 'ringfeed train --help'"),
    (("train", "x", "--bach-size=3"), "train has no option '--bach-size'; did you mean '--batch-size'?; see 'ringfeed train --help'"),
    (("list", "--transmogrify"), "list has no option '--transmogrify'; see 'ringfeed list --help'"),
])
def test_what_may_be_meant_is_told(ringfeed: Ringfeed, arguments: tuple[str, ...], words: str) -> None:
    assert ringfeed.error(*arguments, code=2) == f"ringfeed: {words}"


@pytest.mark.parametrize("command", [(), ("train",), ("ingest",)])
def test_help_is_a_word_too(ringfeed: Ringfeed, command: tuple[str, ...]) -> None:
    assert ringfeed("help", *command).stdout == ringfeed(*command, "--help").stdout


@pytest.mark.parametrize(("options", "words"), [
    (("--hidden", "16,,8"), "--hidden: '16,,8' has an empty place; fill it, or leave out the comma"),
    (("--hidden=16,",), "--hidden: '16,' has an empty place"),
    (("--class-weights", ",1"), "--class-weights: ',1' has an empty place"),
    (("--epochs", "2.5"), "--epochs: '2.5' is not a whole number, 1 to 1,000,000"),
    (("--seed", "1.0"), "--seed: '1.0' is not a whole number, 0 to 2^64 - 1"),
    (("--hidden", "16,x"), "--hidden: 'x' is not a whole number;"),
    (("--resume", ""), "--resume: it is empty, as a variable is that was not set"),
])
def test_values_that_are_none_are_named(digits: Ringfeed, options: tuple[str, ...], words: str) -> None:
    assert words in digits.error("train", "digits.ring", "--input", "image", "--target", "label", *options, code=2)


@pytest.mark.parametrize("arguments", [
    ("check", "digits.ring"), ("diff", "digits.ring", "digits.ring"), ("export", "digits.ring", "out", "--format", "parquet"),
    ("export", "digits.ring", "out", "--format", "mds"), ("ingest", DIGITS, "x.ring"),
])
def test_a_column_that_is_named_twice_is_told(digits: Ringfeed, arguments: tuple[str, ...]) -> None:
    name = "f1" if arguments[0] == "ingest" else "label"
    assert digits.error(*arguments, "--columns", f"{name},{name}", code=2) == (
        f"ringfeed: --columns: '{name}' stands twice; leave one out")
    assert "has an empty place" in digits.error(*arguments, "--columns", f"{name},,", code=2)
    assert not (digits.folder / "out").exists()


@pytest.mark.parametrize("arguments", [("export", "digits.ring", "", "--format", "parquet"), ("ingest", "", "x.ring"), ("audit", "", "digits.ring")])
def test_a_place_of_no_name_is_told(digits: Ringfeed, arguments: tuple[str, ...]) -> None:
    assert "it is empty, as a variable is that was not set" in digits.error(*arguments, code=2)


def test_nan_is_shown_without_a_sign(digits: Ringfeed) -> None:
    run = digits("train", "digits.ring", "--input", "image", "--target", "label", "--optimizer", "sgd", "--lr", "1e30", "--on-nan", "continue")
    assert "train loss of the last epoch: nan" in run.stdout and "-nan" not in run.stdout + run.stderr


def test_help_has_its_examples_before_the_options(ringfeed: Ringfeed) -> None:
    for command in COMMANDS:
        text = ringfeed(command, "--help").stdout
        assert text.count("Example") == 1 and text.index("Example") < text.index("--json")
    assert ringfeed("--help").stdout.rstrip().endswith("--output run")


def test_weights_are_neither_replaced_nor_thrown_away_in_silence(digits: Ringfeed) -> None:
    train = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4", "--threads", "1", "--batch-size", "64")
    assert digits(*train).stderr.count("the weights are not kept; --output DIR keeps them") == 1
    assert digits(*train, "--nproc", "2").stderr.count("the weights are not kept") == 1
    assert "the weights" not in digits(*train, "--output", "run").stderr
    weights = (digits.folder / "run/weights.safetensors").read_bytes()
    assert digits.error(*train, "--output", "run", "--seed", "1", code=1) == (
        "ringfeed: run: the weights of another run are here; choose another folder, or give --overwrite to replace them")
    anew = ("--checkpoint-dir", "checkpoints", "--resume", "auto")  # nothing to go on from: it begins
    assert "the weights of another run are here" in digits.error(*train, "--output", "run", "--seed", "1", *anew, code=1)
    assert (digits.folder / "run/weights.safetensors").read_bytes() == weights
    for _ in range(2):  # the second goes on from the end of the first
        digits(*train, "--output", "kept", "--seed", "1", *anew)
    digits(*train, "--output", "run", "--seed", "1", "--overwrite")
    assert (digits.folder / "run/weights.safetensors").read_bytes() != weights
    (digits.folder / "file").touch()
    assert "file: it is no folder" in digits.error(*train, "--output", "file", code=2)  # before it trains


def test_a_file_over_the_limit_of_the_process_is_an_error(digits: Ringfeed) -> None:
    refused = subprocess.run(["bash", "-c", 'ulimit -f 8; exec "$0" copy digits.ring other.ring', str(build_folder() / "bin/ringfeed")],
                             cwd=digits.folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert refused.returncode > 0 and "ulimit -f" in refused.stderr, (refused.returncode, refused.stderr)


def test_progress_on_a_terminal_says_what_it_counts(digits: Ringfeed) -> None:
    ours, its = os.openpty()
    process = subprocess.Popen([str(build_folder() / "bin/ringfeed"), "train", "digits.ring", "--input", "image", "--target", "label",
                                "--hidden", "2048,2048", "--threads", "1", "--output", "run"], cwd=digits.folder, stderr=its,
                               stdout=subprocess.DEVNULL)
    os.close(its)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how a terminal ends whose other side was closed
        pass
    os.close(ours)
    assert process.wait(timeout=SECONDS_MAX) == 0
    assert re.search(rb"epoch 1/1: +\d+%\|#* *\| \d+/1\.44k samples \[\d\d:\d\d<", shown), shown


def test_a_run_that_has_come_to_its_end_says_so(digits: Ringfeed) -> None:
    train = ("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4", "--threads", "1", "--output", "run",
             "--checkpoint-dir", "checkpoints", "--resume", "auto", "--epochs")
    digits(*train, "2")
    files = {path.name: path.read_bytes() for path in (digits.folder / "run").iterdir()}
    assert files.keys() == {"config.toml", "report.html", "summary.json", "weights.safetensors"}
    assert digits(*train, "1").stdout == (
        "nothing to train: checkpoints/checkpoint-000001 was written behind epoch 2, and --epochs is 1\n")
    assert {path.name: path.read_bytes() for path in (digits.folder / "run").iterdir()} == files


@pytest.mark.parametrize("address", ["x.ring?split=val", "x.ring?version=1"])
def test_a_data_set_is_not_made_under_a_split_or_a_version(digits: Ringfeed, address: str) -> None:
    assert "?split= and ?version= choose what is read of a data set" in digits.error("ingest", DIGITS, address, code=2)
    assert "only the first URL may say ?version=N" in digits.error("copy", "digits.ring", address, code=2)
    assert not (digits.folder / "x.ring").exists()


@pytest.mark.parametrize("option", ["--output", "--checkpoint-dir", "--ledger", "--log", "--metrics", "--tensorboard", "--cache"])
def test_an_empty_name_is_not_taken_for_none(digits: Ringfeed, option: str) -> None:
    words = digits.error("train", "digits.ring", "--input", "image", "--target", "label", option, "", code=2)
    assert option in words and "it is empty, as a variable is that was not set" in words


def test_what_others_put_into_a_data_set_stays(digits: Ringfeed) -> None:
    data = digits.folder / "digits.ring"
    notes = [data / ".ingest/notes.txt", data / ".ingest/mine/notes.txt", data / "data/v9-0000000000000000/notes.txt"]
    for path in notes:
        path.parent.mkdir(parents=True)
        path.write_text("keep")
    (data / ".ingest/part-0.arrow").write_text("of a writer that was killed")
    (data / "data/v9-0000000000000000/train-00000.arrow").write_text("the same")
    digits("ingest", DIGITS, "digits.ring", *TENSORS, "--split", "train=0.8,val=0.2", "--append")
    assert [path.read_text() for path in notes] == ["keep"] * 3
    assert not (data / ".ingest/part-0.arrow").exists() and not (data / "data/v9-0000000000000000/train-00000.arrow").exists()
    digits("verify", "digits.ring")


def test_a_folder_in_the_place_of_a_manifest_is_left_alone(digits: Ringfeed) -> None:
    manifest = digits.folder / "digits.ring/versions/1.json"
    manifest.unlink()
    manifest.mkdir()
    (manifest / "precious").write_text("keep")
    before = sorted(digits.folder.rglob("*"))
    assert "versions/1.json: it is a folder, and the manifest of version 1 is due there" in digits.error("delete", "digits.ring", "--yes", code=3)
    assert sorted(digits.folder.rglob("*")) == before


def test_a_copy_onto_another_data_set_is_told_what_copies_can_do(digits: Ringfeed) -> None:
    digits("ingest", DIGITS, "other.ring", *TENSORS)
    assert digits.error("copy", "digits.ring", "other.ring", code=1) == (
        "ringfeed: other.ring: there is a data set already, and it is no copy of this one; copy to another name, or delete it first")


def test_a_file_in_the_place_of_a_data_set_is_told_how_to_become_one(digits: Ringfeed) -> None:
    shutil.copy(DIGITS, digits.folder / "own.csv")
    for command in (("inspect", "own.csv"), ("train", "own.csv", "--input", "a", "--target", "b"), ("verify", "own.csv")):
        assert "own.csv: it is a file, and a data set is a folder; make one of it with 'ringfeed ingest own.csv NAME.ring'" in digits.error(
            *command, code=2)


def test_ingest_reports_splits(digits: Ringfeed) -> None:
    summary = json.loads(digits("inspect", "digits.ring", "--json").stdout.splitlines()[-1])
    assert summary["splits"]["train"]["samples"] == 1438
    assert summary["splits"]["val"]["samples"] == 359
    assert summary["columns"] == [{"name": "image", "type": "float32 [8, 8]"},
                                  {"name": "label", "type": "int64", "least": 0, "most": 9}]
    text = digits("inspect", "digits.ring").stdout
    assert "train: 1438 samples" in text and "image: float32 [8, 8]" in text
    assert "label: int64, 0 to 9" in text


def test_list_goes_on_behind_what_cannot_be_opened(ringfeed: Ringfeed, tmp_path: Path) -> None:
    for name in ("a.ring", "b.ring"):
        ringfeed("ingest", DIGITS, str(tmp_path / "sets" / name), *TENSORS)
    manifest = tmp_path / "sets/a.ring/versions/1.json"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    lines = [json.loads(line) for line in ringfeed("list", str(tmp_path / "sets"), "--json").stdout.splitlines()]
    assert [Path(line["url"]).name for line in lines[:-1]] == ["a.ring", "b.ring"]
    assert "1.json" in lines[0]["error"] and lines[1]["samples"] == 1797
    assert "cannot be opened" in ringfeed("list", str(tmp_path / "sets")).stdout.splitlines()[0]


def test_head_shows_what_was_in_the_source(digits: Ringfeed) -> None:
    rows = {tuple(float(v) for v in line.split(",")) for line in Path(DIGITS).read_text().split()}
    lines = [json.loads(line) for line in digits("head", "digits.ring?split=val", "-n", "50", "--json").stdout.splitlines()]
    assert lines[-1] == {"samples": 50}
    for line in lines[:-1]:
        flat = [pixel for row in line["sample"]["image"] for pixel in row]
        assert tuple([*flat, float(line["sample"]["label"])]) in rows
    assert digits("head", "digits.ring", "-n", "2").stdout.count("label=") == 2


def test_list_and_verify(digits: Ringfeed) -> None:
    listed = [json.loads(line) for line in digits("list", ".", "--json").stdout.splitlines()]
    assert len(listed[-1]["datasets"]) == 1 and listed[-1]["datasets"][0].endswith("digits.ring")
    assert json.loads(digits("verify", "digits.ring", "--json").stdout)["ok"] is True
    assert digits("list", ".", "--quiet").stdout.count("1797 samples") == 1
    assert digits("list").stdout == digits("list", ".").stdout


def test_same_ingest_again_changes_nothing(digits: Ringfeed) -> None:
    before = {p: p.read_bytes() for p in (digits.folder / "digits.ring").rglob("*") if p.is_file()}
    result = digits("ingest", DIGITS, "digits.ring", *TENSORS, "--split", "train=0.8,val=0.2", "--stratify", "label")
    assert "unchanged" in result.stdout
    assert {p: p.read_bytes() for p in (digits.folder / "digits.ring").rglob("*") if p.is_file()} == before


def test_another_ingest_into_it_is_refused_and_append_makes_a_version(digits: Ringfeed) -> None:
    line = digits.error("ingest", DIGITS, "digits.ring", *TENSORS, "--seed", "1", code=1)
    assert "--append" in line
    digits("ingest", DIGITS, "digits.ring", *TENSORS, "--seed", "1", "--append")
    newest = json.loads(digits("inspect", "digits.ring", "--json").stdout)
    assert newest["version"] == 2 and newest["splits"]["train"]["samples"] == 1438 + 1797
    assert "digits.ring: version 2 (there are: 1, 2)\n" in digits("inspect", "digits.ring").stdout
    old = json.loads(digits("inspect", "digits.ring?version=1", "--json").stdout)
    assert old["version"] == 1 and old["splits"]["train"]["samples"] == 1438


def test_missing_things_are_named_with_2(digits: Ringfeed) -> None:
    assert "nowhere" in digits.error("inspect", "nowhere", code=2)
    assert "train, val" in digits.error("head", "digits.ring?split=test", code=2)
    assert "version" in digits.error("head", "digits.ring?version=9", code=2)
    assert "gone.csv" in digits.error("ingest", "gone.csv", "x.ring", code=2)
    line = digits.error("train", "digits.ring", "--input", "pixels", "--target", "label", code=2)
    assert "pixels" in line and "image, label" in line


def test_bad_csv_is_3_with_file_and_line(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "bad.csv").write_text("a,b\n1,2\n3,4\n5,x\n")
    line = ringfeed.error("ingest", "bad.csv", "x.ring", "--tensor", "v=a,b:2:float32", code=3)
    assert line.startswith("ringfeed: bad.csv:4: ")
    assert not (ringfeed.folder / "x.ring/versions").exists()
    result = ringfeed("ingest", "bad.csv", "x.ring", "--tensor", "v=a,b:2:float32", "--on-bad", "skip", "--rejects", "r.txt")
    assert "1 records rejected" in result.stdout
    assert (ringfeed.folder / "r.txt").read_text().startswith("bad.csv:4: ")


@pytest.mark.parametrize("text", ["", "{}", "no JSON"])
def test_a_damaged_manifest_can_be_deleted(digits: Ringfeed, text: str) -> None:
    (digits.folder / "digits.ring/versions/1.json").write_text(text)
    assert "delete the data set and ingest again" in digits.error("inspect", "digits.ring", code=3)
    digits("delete", "digits.ring", "--yes")
    digits("ingest", DIGITS, "digits.ring", *TENSORS)
    digits("verify", "digits.ring")


def test_names_that_no_reader_takes_are_refused_before_anything_is_written(ringfeed: Ringfeed) -> None:
    name = "n" * 1025
    (ringfeed.folder / "a.csv").write_text(f"{name},b\n1,2\n")
    (ringfeed.folder / "b.csv").write_text("a,b\n1,2\n")
    (ringfeed.folder / ".npy").write_bytes(ONE_NUMBER_NPY)
    for arguments, words in ((("a.csv",), "1025 bytes, the limit is 1024"), (("b.csv", "--tensor", f"{name}=a::int8"), "1025 bytes"),
                             ((".npy",), ".npy: column 1 has no name")):
        assert words in ringfeed.error("ingest", *arguments[:1], "x.ring", *arguments[1:], code=3)
        assert not (ringfeed.folder / "x.ring").exists()


def test_text_labels_beside_numbers(ringfeed: Ringfeed) -> None:
    """A table as people have them: some columns are packed, one is left out, labels become classes, the others stay."""
    rows = [f"2026-01-01,{i},{i + 1},{'cat' if i % 2 else 'dog'},note {i}" for i in range(20)]
    (ringfeed.folder / "a.csv").write_text("\n".join(["when,a,b,label,note", *rows]) + "\n")
    ringfeed("ingest", "a.csv", "a.ring", "--tensor", "x=a,b:2:float32", "--drop", "when", "--classes", "label", "--row-number", "row")
    summary = json.loads(ringfeed("inspect", "a.ring", "--json").stdout)
    assert [(column["name"], column["type"]) for column in summary["columns"]] == [
        ("x", "float32 [2]"), ("label", "int64"), ("note", "string"), ("row", "int64")]
    assert summary["columns"][1]["classes"] == ["cat", "dog"]
    assert "label: int64, 0 to 1, classes 0 cat, 1 dog" in ringfeed("inspect", "a.ring").stdout
    ringfeed("verify", "a.ring")
    samples = [json.loads(line)["sample"] for line in ringfeed("head", "a.ring", "-n", "20", "--json").stdout.splitlines()[:-1]]
    labels = {sample["row"]: sample["label"] for sample in samples}
    assert labels == {i: (i + 1) % 2 for i in range(20)}
    (ringfeed.folder / "b.csv").write_text("when,a,b,label,note\n2026-01-01,1,2,dog,x\n")
    more = ("ingest", "b.csv", "a.ring", "--tensor", "x=a,b:2:float32", "--drop", "when", "--classes", "label", "--row-number", "row")
    assert "--append" in ringfeed.error(*more, code=1)
    ringfeed(*more, "--append")
    line = ringfeed.error("train", "a.ring", "--input", "note", "--target", "label", code=2)
    assert "ingest it with --classes note" in line
    ringfeed(*more, "--overwrite")
    assert json.loads(ringfeed("inspect", "a.ring", "--json").stdout)["versions"] == [1, 2, 3]


def test_columns_of_a_table_are_put_side_by_side_for_training(ringfeed: Ringfeed) -> None:
    """The obvious way with a CSV file: each column is a number, one of them is what is to be learnt."""
    rows = [f"{i % 7},{i % 5 / 4},{3 * (i % 7) - i % 5 / 4 + 0.5},{'heavy' if i % 7 > 3 else 'light'}" for i in range(105)]
    (ringfeed.folder / "fruit.csv").write_text("\n".join(["sweet,sour,price,kind", *rows]) + "\n")
    ringfeed("ingest", "fruit.csv", "fruit.ring", "--classes", "kind")
    options = ("--input", "sweet,sour", "--batch-size", "15", "--epochs", "60", "--optimizer", "adam", "--lr", "0.1", "--model", "linear")
    run = ringfeed("train", "fruit.ring", "--target", "price", "--loss", "mse", *options, "--output", "out", "--json")
    assert json.loads(run.stdout.splitlines()[-1])["losses"][-1] < 0.01
    labels = ringfeed("train", "fruit.ring", "--target", "kind", *options, "--json")
    assert json.loads(labels.stdout.splitlines()[-1])["losses"][-1] < 0.3
    with (ringfeed.folder / "out/weights.safetensors").open("rb") as weights:
        header = json.loads(weights.read(int.from_bytes(weights.read(8), "little")))
    model = json.loads(header["__metadata__"]["ringfeed"])
    assert (model["input"], model["input_shape"], model["input_divisor"]) == ("sweet,sour", [2], [1, 1])


@pytest.mark.parametrize("name", ["b.csv", "b.CSV.gz", "b.parquet", "b.npy", "b.jsonl", "b.tsv", "b-idx1-ubyte", "b.arrow"])
def test_a_source_in_the_place_of_the_data_set_is_refused(ringfeed: Ringfeed, name: str) -> None:
    for path in ("a.csv", name):
        (ringfeed.folder / path).write_text("x,y\n1,2\n")
    told = ringfeed.error("ingest", "a.csv", name, code=2)
    assert told.startswith(f"ringfeed: {name}: it has the name of a file of samples") and "name all files as sources" in told
    ringfeed("ingest", "a.csv", "a.ring")
    assert name in ringfeed.error("copy", "a.ring", f"none/{name}", code=2)
    assert {path.name for path in ringfeed.folder.iterdir()} == {"a.csv", "a.ring", name}


def test_nan_is_counted_where_it_was_allowed(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("x\n1.5\nnan\n-inf\n")
    assert ringfeed.error("ingest", "a.csv", "a.ring", code=3).startswith("ringfeed: a.csv:3: column 'x': 'nan' is not a finite number (--allow-nan admits it)")
    ringfeed("ingest", "a.csv", "a.ring", "--allow-nan")
    assert "NaN and infinity allowed" in ringfeed("inspect", "a.ring").stdout
    assert "2 values are NaN or infinite" in ringfeed("verify", "a.ring").stdout
    assert json.loads(ringfeed("verify", "a.ring", "--json").stdout)["not_finite"] == 2


def test_other_delimiters_and_json_lines(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("zip;x\n00501;1\n")
    assert "say with --delimiter what the delimiter is" in ringfeed.error("ingest", "a.csv", "a.ring", code=2)
    ringfeed("ingest", "a.csv", "a.ring", "--delimiter", ";", "--schema", "zip=string,x=float32", "--no-permute")
    assert ringfeed("inspect", "a.ring").stdout.count("zip: string\n  x: float32\n") == 1
    assert "in the order of the source" in ringfeed("inspect", "a.ring").stdout
    (ringfeed.folder / "b.jsonl").write_text('{"x": [1, 2], "s": "a"}\n{"x": [3, 4], "s": "b"}\n{"x": null, "s": "c"}\n')
    assert ringfeed.error("ingest", "b.jsonl", "b.ring", code=3).startswith("ringfeed: b.jsonl:3: column 'x': the value is null")
    ringfeed("ingest", "b.jsonl", "b.ring", "--on-bad", "skip", "--tensor", "x:2:float32")
    assert "x: float32 [2]\n  s: string" in ringfeed("inspect", "b.ring").stdout
    for option, words in (("--delimiter=ab", "one ASCII character"), ("--schema=x", "the form is NAME=TYPE"), ("--drop=y", "no column 'y'")):
        assert words in ringfeed.error("ingest", "b.jsonl", "c.ring", option, code=2)


def test_a_header_of_numbers(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("0,1\n5,6\n7,8\n")
    line = ringfeed.error("ingest", "a.csv", "a.ring", code=2)
    assert line.startswith("ringfeed: a.csv:1: the first row counts up from 0")
    assert line.endswith("; say --header yes or --header no")
    for header, names, samples in (("yes", ["0", "1"], 2), ("no", ["f0", "f1"], 3)):
        ringfeed("ingest", "a.csv", f"{header}.ring", "--header", header)
        summary = json.loads(ringfeed("inspect", f"{header}.ring", "--json").stdout)
        assert [column["name"] for column in summary["columns"]] == names
        assert summary["splits"]["train"]["samples"] == samples
    (ringfeed.folder / "a.npy").write_bytes(ONE_NUMBER_NPY)
    assert "only CSV files have a header" in ringfeed.error("ingest", "a.npy", "b.ring", "--header", "no", code=2)


@pytest.mark.parametrize("number", ["-1", "18446744073709551616", "99999999999999999999999", "0x10", "1.5", "1e3", " 1"])
def test_numbers_that_are_none_are_refused(digits: Ringfeed, number: str) -> None:
    for arguments in (("ingest", DIGITS, "x.ring", f"--seed={number}"),
                      ("train", "digits.ring", "--input", "image", "--target", "label", f"--seed={number}"),
                      ("train", "digits.ring", "--input", "image", "--target", "label", f"--epochs={number}"),
                      ("train", "digits.ring", "--input", "image", "--target", "label", f"--nproc={number}"),
                      ("head", "digits.ring", "-n", number)):
        line = digits.error(*arguments, code=2)
        assert "not a whole number" in line or "not in range" in line or "out of its bounds" in line, line


def test_zeros_in_front_of_a_number_mean_nothing(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("x\n" + "".join(f"{i}\n" for i in range(100)))
    ringfeed("ingest", "a.csv", "padded.ring", "--seed", "010")
    ringfeed("ingest", "a.csv", "plain.ring", "--seed", "10")
    ringfeed("ingest", "a.csv", "nine.ring", "--seed", "09")
    heads = [ringfeed("head", f"{name}.ring", "-n", "08").stdout for name in ("padded", "plain", "nine")]
    assert heads[0] == heads[1] != heads[2] and heads[0].count("x=") == 8
    ringfeed("ingest", "a.csv", "most.ring", "--seed", "18446744073709551615")


def test_a_sample_that_is_too_long_is_skipped(ringfeed: Ringfeed) -> None:
    (ringfeed.folder / "a.csv").write_text("x,t\n1,a\n2," + "y" * (9 << 20) + "\n3,b\n")
    assert ringfeed.error("ingest", "a.csv", "x.ring", code=3).startswith("ringfeed: a.csv:3: the sample has 9437192 bytes")
    assert "1 records rejected" in ringfeed("ingest", "a.csv", "x.ring", "--on-bad", "skip").stdout


def test_flipped_bit_is_3(digits: Ringfeed) -> None:
    path = next((digits.folder / "digits.ring/data").rglob("*.arrow"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert path.name in digits.error("verify", "digits.ring", code=3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch-size", "0"), "--batch-size: '0' is out of its bounds, from 1"),
        (("--batch-size", "1", "--nproc", "2"), "2 ranks"),
        (("--loss", "mse"), "mse"),
        (("--prefetch-bytes", "1"), "--prefetch-bytes"),
        (("--prefetch-bytes", "lots"), "lots"),
        (("--lr", "0"), "--lr: '0' is out of its bounds, above 0"),
        (("--lr", "nan"), "--lr: 'nan' is out of its bounds, above 0"),
        (("--momentum", "1"), "--momentum: '1' is out of its bounds, 0 to below 1"),
        (("--threads", "-1"), "--threads: '-1' is out of its bounds, 0 to 1,024"),
        (("--read-threads", "257"), "--read-threads: '257' is out of its bounds, 1 to 256"),
        (("--checkpoint-keep", "0"), "--checkpoint-keep: '0' is out of its bounds, from 1"),
    ],
)
def test_train_refuses_what_does_not_fit(digits: Ringfeed, options: tuple[str, ...], words: str) -> None:
    line = digits.error("train", "digits.ring", "--input", "image", "--target", "label", "--quiet", *options, code=2)
    assert words in line


def test_lanes_that_do_not_divide_among_ranks_are_warned_of_once(digits: Ringfeed) -> None:
    options = ("train", "digits.ring", "--input", "image", "--target", "label", "--batch-size", "10", "--nproc", "3")
    warnings = [line for line in digits(*options, "--threads", "1").stderr.splitlines() if "--lanes" in line]
    assert len(warnings) == 1 and "--lanes 9" in warnings[0]
    assert "--lanes" not in digits(*options, "--threads", "1", "--lanes", "9").stderr


def test_classes_are_counted_without_reading_a_sample(ringfeed: Ringfeed) -> None:
    ringfeed("ingest", DIGITS, "digits.ring", *TENSORS, "--split", "train=0.8,other=0.2")
    column = json.loads(ringfeed("inspect", "digits.ring", "--json").stdout)["columns"][1]
    assert (column["name"], column["least"], column["most"]) == ("label", 0, 9)
    part = next((ringfeed.folder / "digits.ring").rglob("other-*.arrow"))
    part.write_bytes(bytes(part.stat().st_size))  # who reads this split finds no chunk in it
    ringfeed("train", "digits.ring", "--input", "image", "--target", "label", "--quiet")
    assert "other-" in ringfeed.error("verify", "digits.ring", "--quiet", code=3)


def test_cuda_without_a_device_is_refused(digits: Ringfeed) -> None:
    options = ("train", "digits.ring", "--input", "image", "--target", "label", "--quiet", "--json")
    line = digits.error(*options, "--device", "cuda", code=2, CUDA_VISIBLE_DEVICES="")
    assert "shows no device" in line
    assert json.loads(digits(*options, CUDA_VISIBLE_DEVICES="").stdout.splitlines()[-1])["device"] == "cpu"


def test_a_run_ends_with_where_the_time_went_and_a_cache_changes_nothing(digits: Ringfeed) -> None:
    train = ("train", "digits.ring", "--input", "image", "--target", "label", "--epochs", "2", "--threads", "1", "--output")
    text = digits(*train, "plain").stdout
    assert re.search(r"^time: waiting .* %, forward .* %, backward .* %, all-reduce 0\.0 %, optimizer .* % of .* s; "
                     r"beside it the feed: store .* s, checksum .* s, assembly .* s$", text, re.MULTILINE), text
    digits(*train, "cached", "--cache", "cache", "--cache-bytes", "1MiB")
    moved = digits.folder / "elsewhere.ring"
    (digits.folder / "digits.ring").rename(moved)
    missing = digits.error(*train, "none", "--cache", "cache", code=2)  # a folder that is gone is not a server that does not answer
    assert "digits.ring" in missing
    moved.rename(digits.folder / "digits.ring")
    digits(*train, "again", "--cache", "cache")
    losses = [json.loads((digits.folder / name / "summary.json").read_text())["losses"] for name in ("plain", "cached", "again")]
    assert losses[0] == losses[1] == losses[2]


def test_torchrun_gives_the_losses_of_nproc(digits: Ringfeed) -> None:
    train = ("train", "digits.ring", "--input", "image", "--target", "label", "--epochs", "2", "--threads", "1",
             "--device", "cpu", "--quiet", "--output")
    digits(*train, "own", "--nproc", "2")
    result = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python", "--nproc-per-node", "2",
         str(build_folder() / "bin/ringfeed"), *train, "torchrun"],
        cwd=digits.folder, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert result.returncode == 0, result.stderr
    own, other = (json.loads((digits.folder / name / "summary.json").read_text()) for name in ("own", "torchrun"))
    assert other["world_size"] == 2
    assert other["losses"] == own["losses"]
    assert own["seconds"]["all_reduce"] > 0 and own["seconds"]["backward"] > 0


@pytest.mark.parametrize(("environment", "policy"), [
    ({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE"), ({"GOMP_SPINCOUNT": "1000"}, "PASSIVE"),
])
def test_threads_that_wait_sleep_unless_the_user_chose_otherwise(digits: Ringfeed, environment: dict[str, str], policy: str) -> None:
    run = digits("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4", "--threads", "2",
                 OMP_DISPLAY_ENV="verbose", **environment)
    assert f"OMP_WAIT_POLICY = '{policy}'" in run.stderr
    spins = re.search(r"GOMP_SPINCOUNT = '(\d+)'", run.stderr)
    assert spins is not None and (spins[1] == "0") == (environment == {})


def test_original_case(ringfeed: Ringfeed) -> None:
    """SimpleModel Linear(10,1), MSELoss, SGD(lr=0.01), shuffled batches of 10, 10 epochs, both kinds of parallelism."""
    import random

    random.seed(0)
    rows = [[random.gauss(0, 1) for _ in range(11)] for _ in range(100)]
    (ringfeed.folder / "mymodel.csv").write_text("\n".join(",".join(map(repr, row)) for row in rows) + "\n")
    ringfeed("ingest", "mymodel.csv", "mymodel.ring", "--tensor", "data=f0..f9:10:float32", "--tensor", "target=f10:1:float32")
    losses = {}
    for name, options in {"alone": (), "ddp": ("--nproc", "2"), "data-parallel": ("--parallel", "data-parallel")}.items():
        ringfeed("train", "mymodel.ring", "--model", "linear", "--input", "data", "--target", "target", "--loss", "mse",
                 "--optimizer", "sgd", "--lr", "0.01", "--batch-size", "10", "--epochs", "10", "--output", name, *options)
        losses[name] = json.loads((ringfeed.folder / name / "summary.json").read_text())["losses"]
    assert losses["alone"][-1] < losses["alone"][0]
    assert losses["data-parallel"] == losses["alone"]
    assert losses["ddp"] == pytest.approx(losses["alone"], rel=1e-5)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_reader_that_has_had_enough_ends_training_without_a_word(digits: Ringfeed, ranks: int) -> None:
    process = subprocess.Popen(
        [str(build_folder() / "bin/ringfeed"), "train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4",
         "--threads", "1", "--epochs", "100000", "--nproc", str(ranks), "--json", "--quiet"],
        cwd=digits.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr and process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) in (-signal.SIGPIPE, 128 + signal.SIGPIPE)  # to a shell they are the same
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.quiet
def test_interrupted_training_ends_within_two_seconds(digits: Ringfeed) -> None:
    process = subprocess.Popen(
        [str(build_folder() / "bin/ringfeed"), "train", "digits.ring", "--input", "image", "--target", "label",
         "--epochs", "100000", "--nproc", "2", "--json"],
        cwd=digits.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stdout.readline()  # the first epoch is through
        with Stopwatch() as watch:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        assert watch.fair_seconds < 2.5
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_each_command_that_takes_long(ringfeed: Ringfeed, number: signal.Signals) -> None:
    numpy.save(ringfeed.folder / "x.npy", numpy.arange(16 << 20, dtype=numpy.float32).reshape(-1, 256))

    for command in (("ingest", "x.npy", "x.ring"), ("verify", "x.ring"), ("copy", "x.ring", "y.ring"), ("delete", "x.ring", "--yes")):
        result = ringfeed.told_to_end(number, *command)
        assert result.returncode == 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM), result.stderr
        assert result.stdout == "" and result.stderr.startswith("ringfeed: interrupted") and result.stderr.count("\n") == 1
        ringfeed(*command)  # goes on, or does it again
        assert {path.name for path in ringfeed.folder.iterdir()} <= {"x.npy", "x.ring", "y.ring"}
    ringfeed("verify", "y.ring")


def test_doctor_of_a_folder(digits: Ringfeed) -> None:
    found = json.loads(digits("doctor", "digits.ring", "--json").stdout)
    assert found["ok"] is True and {check["verdict"] for check in found["checks"]} <= {"ok", "note", "warning"}
    (digits.folder / "file").write_text("")
    result = digits("doctor", "digits.ring", "--prefetch-bytes", "1000TiB", "--cache", "file/cache", code=1)
    verdicts = {line[9:].split("  ")[0].strip(): line.split(" ")[0] for line in result.stdout.splitlines() if line[0] != " "}
    assert (verdicts["memory"], verdicts["cache"], verdicts["data set"]) == ("stop", "warning", "ok")
    assert result.stdout.splitlines()[-1] == "1 check will stop a run"
    part = next((digits.folder / "digits.ring/data").rglob("*.arrow"))
    part.write_bytes(part.read_bytes()[:-1])
    assert "missing or of another size" in digits("doctor", "digits.ring", code=1).stdout
    assert "there is none here" in digits("doctor", "missing.ring", code=1).stdout
    digits("doctor", "missing.ring", "--for", "ingest")
    assert "password" in digits.error("doctor", "cassandra://a:b@h/k/n", code=2)
    digits.error("doctor", "digits.ring", "--nproc", "0", code=2)
    digits.error("doctor", "digits.ring", "--prefetch-bytes", "many", code=2)
    assert "the name of the data set is missing" in digits.error("doctor", "cassandra://127.0.0.1/ml", code=2)


def test_doctor_says_of_reading_ahead_what_the_run_does(digits: Ringfeed) -> None:
    train = ("train", "digits.ring", "--input", "image", "--target", "label", "--quiet")
    for options in (("--prefetch-bytes", "1KiB"), ("--nproc", "9", "--lanes", "8")):
        refusal = digits.error(*train, *options, code=2).removeprefix("ringfeed: ")
        told = json.loads(digits("doctor", "digits.ring", "--json", *options, code=1).stdout)["checks"]
        found = {check["check"]: check for check in told}
        assert found["reading ahead"]["verdict"] == "stop" and found["reading ahead"]["value"] in refusal, options
        assert digits("doctor", "digits.ring", "--for", "read", *options)
    assert "256 MiB of a rank, this order needs " in digits("doctor", "digits.ring").stdout


def test_names_of_strangers_do_nothing_to_a_terminal(ringfeed: Ringfeed) -> None:
    evil = "x\x1b]0;owned\x07\ny\u009b31m\x7f"
    shown = "x\\u001b]0;owned\\u0007\\ny\\u009b31m\\u007f"
    (ringfeed.folder / "a.jsonl").write_text("".join(json.dumps({evil: i, "text": evil + "漢" * 60}) + "\n" for i in range(20)))
    ringfeed("ingest", "a.jsonl", evil)
    texts = {command: ringfeed(*command).stdout for command in
             (("list",), ("inspect", evil), ("head", evil), ("doctor", evil), ("inspect", evil, "--json"), ("head", evil, "--json"))}
    texts[("error",)] = ringfeed.error("train", evil, "--input", "none", "--target", evil, code=2)
    texts[("warning",)] = ringfeed.error("inspect", evil + "?split=none", code=2)
    for command, text in texts.items():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), command
    assert texts[("inspect", evil)].startswith(f"{shown}: version 1 ")
    assert f"  {shown}: int64" in texts[("inspect", evil)] and re.search(rf" {re.escape(shown)}=\d+ ", texts[("head", evil)])
    assert texts[("list",)] == f"./{shown}  version 1  20 samples\n"
    assert json.loads(texts[("head", evil, "--json")].splitlines()[0])["sample"][evil] in range(20)
    assert [column["name"] for column in json.loads(texts[("inspect", evil, "--json")])["columns"]] == [evil, "text"]
    assert "\\x" not in texts[("head", evil)]  # no character is cut in two


def drawn(ringfeed: Ringfeed, name: str, *arguments: str, **environment: str) -> list[str]:
    return ringfeed("head", name, "--draw", *arguments, **environment).stdout.splitlines()


def write(folder: Path, array: numpy.ndarray, name: str = "image") -> None:
    numpy.save(folder / "a.npy", array)
    Ringfeed(folder)("ingest", "a.npy", f"{name}.ring", "--no-permute", "--allow-nan", "--quiet")


def test_head_draws_pictures(ringfeed: Ringfeed) -> None:
    ramp = numpy.array([[[0, 63, 102], [127, 190, 255]]], numpy.uint8)
    for name, array in (("a", ramp), ("b", ramp[:, None]), ("c", ramp.astype("float32") / 255), ("d", ramp.astype("float64") * 1e300)):
        write(ringfeed.folder, array, name)
        lines = drawn(ringfeed, f"{name}.ring")
        assert lines[0] == "0:" and "(2 x 3, 0 to " in lines[1]
        assert lines[2:] == ["  ░░▒▒", "▒▒▓▓██"], name
    write(ringfeed.folder, numpy.array([[[numpy.nan, 1], [numpy.inf, 0]], [[numpy.nan] * 2] * 2], "float32"))
    lines = drawn(ringfeed, "image.ring")
    assert lines[2:4] == ["??██", "??  "] and "no value is finite" in lines[5] and lines[6:] == ["????"] * 2
    write(ringfeed.folder, numpy.zeros((1, 2, 2), "int64"), "zeros")
    assert drawn(ringfeed, "zeros.ring")[2:] == ["    "] * 2


def test_pictures_fit_the_width_and_are_drawn_on_a_terminal_alone(ringfeed: Ringfeed) -> None:
    wide = numpy.zeros((1, 60, 600), "uint8")
    wide[:, :, 300:] = 200
    write(ringfeed.folder, wide)
    for width, lines in ((80, 4), (20, 1), (1, 1), (0, 4)):
        drawing = drawn(ringfeed, "image.ring", COLUMNS=str(width))[2:]
        assert len(drawing) == lines and all(len(line) == max(width or 80, 2) for line in drawing)
        if width != 1:
            half = (width or 80) // 2
            assert set(drawing) == {" " * half + "█" * half}
    write(ringfeed.folder, numpy.eye(600, dtype="float32")[None, :, :2], "tall")
    assert len(drawn(ringfeed, "tall.ring")[2:]) == 48
    assert "█" not in ringfeed("head", "image.ring").stdout
    assert "█" not in ringfeed("head", "image.ring", "--json", "--draw").stdout
    ours, its = os.openpty()
    for arguments, draws in (((), True), (("--no-draw",), False)):
        command = [str(build_folder() / "bin/ringfeed"), "head", "image.ring", *arguments]
        subprocess.run(command, cwd=ringfeed.folder, stdout=its, check=True, timeout=SECONDS_MAX)
        assert ("█" in os.read(ours, 100_000).decode(errors="replace")) == draws
    os.close(ours)
    os.close(its)
