"""Options in a TOML file (docs/config.md): which command gets them, what wins, and where a mistake in it stands."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from conftest import DIGITS, ROOT, TENSORS, Ringfeed

pytestmark = pytest.mark.program

TRAIN = 'input = "image"\ntarget = "label"\nhidden = [4, 3]\nthreads = 1\nbatch-size = 64\n'


def write(ringfeed: Ringfeed, text: str) -> None:
    (ringfeed.folder / "run.toml").write_text(text)


def train(ringfeed: Ringfeed, *options: str) -> dict[str, Any]:
    """The options of a run, as its log has them, and its summary."""
    result = ringfeed("train", "digits.ring", "--config", "run.toml", "--json", "--log", "run.jsonl", *options)
    lines = [json.loads(line) for line in (ringfeed.folder / "run.jsonl").read_text().splitlines()]
    (ringfeed.folder / "run.jsonl").unlink()
    return {**lines[0]["options"], "summary": json.loads(result.stdout.splitlines()[-1])}


def test_options_of_the_file_are_those_of_the_run(digits: Ringfeed) -> None:
    write(digits, f"lr = 0.25\n[train]\n{TRAIN}epochs = 2\n")
    run = train(digits)
    assert (run["lr"], run["hidden"], run["batch_size"], run["epochs"]) == (0.25, [4, 3], 64, 2)
    said = digits("train", "digits.ring", "--input", "image", "--target", "label", "--hidden", "4,3", "--threads", "1", "--batch-size", "64",
                  "--epochs", "2", "--lr", "0.25", "--json")
    assert run["summary"]["losses"] == json.loads(said.stdout.splitlines()[-1])["losses"]


def test_the_command_line_wins_and_then_the_table_of_the_command(digits: Ringfeed) -> None:
    write(digits, f"epochs = 5\nlr = 0.5\nbatch-size = 8\n[train]\n{TRAIN}epochs = 2\n[list]\njson = true\n")
    assert train(digits)["epochs"] == 2
    run = train(digits, "--epochs", "1", "--hidden", "9", "--batch-size-per-rank", "32")
    assert (run["epochs"], run["hidden"], run["lr"]) == (1, [9], 0.5)
    assert run["batch_size_per_rank"] == 32


def test_of_options_that_exclude_each_other_the_table_has_its_own(digits: Ringfeed) -> None:
    write(digits, f"batch-size = 32\n[train]\n{TRAIN}batch-size-per-rank = 7\n".replace("batch-size = 64\n", ""))
    assert train(digits)["batch_size_per_rank"] == 7
    write(digits, '[train]\ninput = "image"\ntarget = "label"\nbatch-size = 8\nbatch-size-per-rank = 4\n')
    assert re.search(r"run.toml:[45]: batch-size.* and batch-size.* exclude each other", digits.error("train", "digits.ring", "--config", "run.toml", code=2))


def test_every_rank_reads_it(digits: Ringfeed) -> None:
    write(digits, f"[train]\n{TRAIN}nproc = 2\n")
    assert train(digits)["summary"]["world_size"] == 2


def test_switches_and_arrays_of_another_command(ringfeed: Ringfeed) -> None:
    tensors = json.dumps(list(TENSORS[1::2]))
    write(ringfeed, f'quiet = true\njson = true\n[ingest]\ntensor = {tensors}\nsplit = "train=0.5,val=0.5"\n[head]\njson = false\n')
    result = ringfeed("ingest", DIGITS, "digits.ring", "--config", "run.toml")
    assert result.stderr == "" and json.loads(result.stdout)["splits"].keys() == {"train", "val"}
    assert "{" not in ringfeed("head", "digits.ring", "--config", "run.toml").stdout.split()[0]


@pytest.mark.parametrize(("text", "words"), [
    ("epoch = 2", "run.toml:1: no command has an option 'epoch'; did you mean 'epochs'?"),
    ("\n[[train]]\nepochs = 2", "run.toml:2: 'train' is a command: its options stand in one table, [train]"),
    ("train = 1", "run.toml:1: 'train' is a command: its options stand in one table, [train]"),
    ("\nhidden = []", "run.toml:2: hidden has no value; leave it out"),
    ("epochs = 0", "run.toml:1: --epochs: '0' is out of its bounds, 1 to 1,000,000"),
    ("epochs = 2.0", "run.toml:1: --epochs: '2.0' is not a whole number, 1 to 1,000,000"),
    ("seed = 1.0", "run.toml:1: --seed: '1.0' is not a whole number, 0 to 2^64 - 1"),
    ('hidden = "16,,8"', "run.toml:1: --hidden: '16,,8' has an empty place; fill it, or leave out the comma"),
    ("\n[train]\nepoch = 2", "run.toml:3: train has no option 'epoch'; did you mean 'epochs'?"),
    ("\n[head]\nepochs = 2", "run.toml:3: head has no option 'epochs'"),
    ("\n\n[trian]", "run.toml:3: [trian]: there is no such command; did you mean 'train'?"),
    ("[train]\nepochs = 'x'", "run.toml:2: --epochs: 'x' is not a whole number, 1 to 1,000,000"),
    ("[train]\nepochs = -1", "run.toml:2: --epochs: '-1' is not a whole number, 1 to 1,000,000"),
    ("[train]\nepochs = 1.5", "run.toml:2: --epochs: '1.5' is not a whole number, 1 to 1,000,000"),
    ("[train]\nepochs = true", "run.toml:2: epochs is no switch: give it a value"),
    ("[train]\nepochs = [1, 2]", "run.toml:2: epochs takes one value, not several"),
    ("[train]\nlr = {a = 1}", "run.toml:2: lr takes a number or a text (or several, in one array)"),
    ("[train]\nhidden = [1, [2]]", "run.toml:2: hidden takes a number or a text (or several, in one array)"),
    ("[train]\noutput = 1979-05-27", "run.toml:2: output takes a number or a text (or several, in one array)"),
    ("[train]\nmodel = 'x'", "run.toml:2: --model: 'x' is no model; use linear, mlp, cnn, resnet18, resnet50, transformer, or the path of a file of TorchScript (net.pt)"),
    ("overwrite = 1", "run.toml:1: overwrite is a switch: true or false"),
    ("password = 'x'", "run.toml:1: 'password': a password does not stand in such a file; password-file names the file that has it"),
    ("config = 'x'", "run.toml:1: no command has an option 'config'"),
    ("[train\nepochs = 1", "run.toml:1: it is not TOML: Error while parsing table header: expected ']', saw '\\n'"),
    ("epochs = 1\nepochs = 2", "run.toml:2: it is not TOML: Error while parsing key-value pair: cannot redefine existing integer 'epochs'"),
])
def test_a_mistake_is_named_with_its_line(digits: Ringfeed, text: str, words: str) -> None:
    write(digits, text)
    assert digits.error("train", "digits.ring", "--input", "image", "--target", "label", "--config", "run.toml", code=2) == f"ringfeed: {words}"


def test_what_is_missing_in_both_is_missing(digits: Ringfeed) -> None:
    write(digits, "target = 'label'")
    assert digits.error("train", "digits.ring", "--config", "run.toml", code=2) == (
        "ringfeed: --input is required; see 'ringfeed train --help'")


def test_a_file_that_is_none(digits: Ringfeed) -> None:
    assert digits.error("list", "--config", "no.toml", code=2) == "ringfeed: no.toml: No such file or directory; check the path"
    assert digits.error("list", "--config", ".", code=2) == "ringfeed: --config '.': it is a folder; name a TOML file"
    assert digits.error("list", "--config", "", code=2) == "ringfeed: --config '': it is no path; name a TOML file"
    assert digits.error("list", "--config", "/dev/null", code=2) == "ringfeed: --config '/dev/null': it is no regular file; name a TOML file"
    os.mkfifo(digits.folder / "pipe")
    assert "'pipe': it is no regular file" in digits.error("list", "--config", "pipe", code=2)
    write(digits, "#" * (1 << 20))
    digits("list", "--config", "run.toml")
    write(digits, "#" * (2 << 20))
    assert digits.error("list", "--config", "run.toml", code=2) == (
        "ringfeed: --config 'run.toml': it is of 2 MiB, and a file of options has 1 MiB at most; name a TOML file")


def test_an_option_that_does_not_fit_is_told_with_its_place(digits: Ringfeed) -> None:
    write(digits, "quiet = true\n\nuser = 'bob'\n")
    assert digits.error("list", ".", "--config", "run.toml", code=2) == (
        "ringfeed: run.toml:3: --user is for a data set at cassandra://, and '.' is not; leave it out")
    assert digits.error("list", ".", "--user", "bob", "--config", "run.toml", code=2).startswith("ringfeed: --user is for")


def test_every_command_has_it(ringfeed: Ringfeed) -> None:
    commands = re.findall(r"^  ([a-z]+) ", ringfeed("--help").stdout.split("Subcommands:")[1].split("Exit codes")[0], flags=re.MULTILINE)
    assert len(commands) >= 10
    for command in commands:
        assert "--config" in ringfeed(command, "--help").stdout


def test_the_example_of_the_page(digits: Ringfeed) -> None:
    page = (ROOT / "docs/config.md").read_text()
    write(digits, page.split("```toml\n")[1].split("```")[0])
    assert re.search(r"^ringfeed train digits.ring --config run.toml --epochs 5$", page, flags=re.MULTILINE)
    run = train(digits, "--epochs", "5")
    assert (run["hidden"], run["lr"], run["epochs"]) == ([256, 128], 0.01, 5)


def test_a_run_keeps_what_it_was_started_with(digits: Ringfeed) -> None:
    write(digits, "[train]\nlr = 0.05\nhidden = [4, 3]\n")
    options = ("--input", "image", "--target", "label", "--threads", "1", "--epochs", "2", "--batch-size-per-rank", "32", "--seed", str(2**64 - 1),
               "--freeze", "fc1.b,fc2.b", "--schedule", "one-cycle", "--clip-norm", "0.5")
    first = json.loads(digits("train", "digits.ring", "--config", "run.toml", *options, "--output", "first", "--json").stdout.splitlines()[-1])
    kept = (digits.folder / "first/config.toml").read_text()
    assert kept.startswith("# ringfeed train digits.ring --config first/config.toml --output ANOTHER\n[train]\n")
    assert 'hidden = [4, 3]\n' in kept and "lr = 0.05\n" in kept and "batch-size = " not in kept
    again = digits("train", "digits.ring", "--config", "first/config.toml", "--output", "second", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["losses"] == first["losses"]
    assert (digits.folder / "second/config.toml").read_text() == kept.replace("first", "second")
