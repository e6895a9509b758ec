"""The examples that need no Cassandra, run as their docstrings say; each at least once by a Python of its own, then by forks of one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import forked
import numpy
import pytest
import torch
from built import PACKAGE, run_program
from PIL import Image

import ringfeed

pytestmark = pytest.mark.program
EXAMPLES = Path(__file__).resolve().parents[2] / "examples/python"
SECONDS_MAX = 300
ENVIRONMENT = dict(os.environ, PYTHONPATH=PACKAGE, OMP_NUM_THREADS="1")
EPOCHS, STEPS = 3, 101  # of resume.py: 1,003 samples in steps of 10, the last two of 7 and 6


def python() -> str:
    """For all runs but the first of an example."""
    return forked.python(("ringfeed", "torch.distributed.launcher", "pytorch_lightning"), (PACKAGE,))


def run(executable: str, example: str, *arguments: str, ranks: int = 0) -> str:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks else []
    result = subprocess.run([executable, *launcher, str(EXAMPLES / example), *arguments], capture_output=True, text=True,
                            timeout=SECONDS_MAX, env=ENVIRONMENT)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def losses_of(output: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^epoch \d+: loss ([\d.]+)$", output, flags=re.MULTILINE)]


def test_ddp_of_two_is_as_of_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    url = str(tmp_path / "samples.ring")
    ringfeed.write(url, {"data": torch.randn(103, 10), "target": torch.randn(103, 1)})  # ranks get different numbers of them
    one, two = (losses_of(run(executable, "ddp.py", url, ranks=ranks)) for ranks, executable in ((1, sys.executable), (2, python())))
    assert len(one) == 10 and one[-1] < one[0]
    assert two == pytest.approx(one, rel=1e-4)


def test_pictures_are_learned_alike_on_one_and_two(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    for number in range(120):
        pixels = generator.integers(0, 60, (40, 44, 3), dtype=numpy.uint8)
        pixels[..., number % 3] += 120  # a class is a colour
        place = tmp_path / "photos" / ("red", "green", "blue")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.jpg")
    url = str(tmp_path / "photos.ring")
    run_program("ingest", str(tmp_path / "photos"), url, "--split", "train=0.8,val=0.2", "--stratify", "label")
    found = [re.findall(r"^epoch \d: accuracy ([\d.]+)$", run(executable, "images.py", url, ranks=ranks), flags=re.MULTILINE)
             for ranks, executable in ((1, sys.executable), (2, python()))]
    for accuracies in found:
        assert len(accuracies) == 6 and float(accuracies[-1]) > 0.95


def steps_of(output: str) -> dict[tuple[int, int], str]:
    """By epoch and step what resume.py says of it: loss and samples."""
    lines = re.findall(r"^epoch (\d+) step (\d+): (.*)\n", output, flags=re.MULTILINE)
    return {(int(epoch), int(step)): rest for epoch, step, rest in lines}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], str]:
    folder = tmp_path_factory.mktemp("unbroken")
    arguments = ("--data", str(folder / "samples.ring"), "--checkpoint", str(folder / "checkpoint.pt"))
    steps = steps_of(run(sys.executable, "resume.py", *arguments))
    assert list(steps) == [(epoch, step) for epoch in range(EPOCHS) for step in range(STEPS)]
    for epoch in range(EPOCHS):
        ids = [int(word) for step in range(STEPS) for word in steps[epoch, step].split("samples ")[1].split()]
        assert sorted(ids) == list(range(1003))
    return steps


@pytest.mark.parametrize(("lines_read", "between"), [([25], 7), ([3, 130], 7), ([101, 5], 10)])  # the last: at the end of an epoch
def test_a_run_that_is_killed_goes_on_exactly(tmp_path: Path, unbroken: dict[tuple[int, int], str], lines_read: list[int],
                                              between: int) -> None:
    arguments = ("--data", str(tmp_path / "samples.ring"), "--checkpoint", str(tmp_path / "checkpoint.pt"), "--steps-between", str(between))
    runs = []
    for count in lines_read:
        process = subprocess.Popen([python(), str(EXAMPLES / "resume.py"), *arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        try:
            lines = [process.stdout.readline() for _ in range(count)]
            process.send_signal(signal.SIGKILL)
            runs.append(steps_of("".join(lines) + process.stdout.read()))
        finally:
            process.kill()
            process.wait()
    runs.append(steps_of(run(python(), "resume.py", *arguments)))
    starts = [next(iter(steps)) for steps in runs]
    assert starts[0] == (0, 0) and starts[-1] > (0, 0) and all(step % between == 0 for _, step in starts)
    for steps, after in zip(runs, [*starts[1:], (EPOCHS, 0)], strict=True):
        assert all(text == unbroken[place] for place, text in steps.items())
        assert max(steps) >= max((place for place in unbroken if place < after), default=(0, 0))  # nothing is left out in between
    assert runs[-1] == {place: text for place, text in unbroken.items() if place >= starts[-1]}


@pytest.fixture(scope="module")
def lightning_samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Arguments: a data set, which the first run makes."""
    return "--data", str(tmp_path_factory.mktemp("lightning") / "samples.ring")


@pytest.fixture(scope="module")
def lightning_alone(lightning_samples: tuple[str, str]) -> list[float]:
    """Losses on one device, unbroken."""
    return losses_of(run(sys.executable, "with_lightning.py", *lightning_samples))


def test_lightning_on_two_devices_is_as_on_one(lightning_samples: tuple[str, str], lightning_alone: list[float]) -> None:
    two = losses_of(run(python(), "with_lightning.py", *lightning_samples, "--devices", "2"))
    assert len(lightning_alone) == 3 and lightning_alone[-1] < lightning_alone[0] / 2
    assert two == pytest.approx(lightning_alone, rel=1e-4)


def test_lightning_goes_on_from_its_checkpoint(tmp_path: Path, lightning_samples: tuple[str, str], lightning_alone: list[float]) -> None:
    data = lightning_samples
    run(python(), "with_lightning.py", *data, "--checkpoints", str(tmp_path), "--epochs", "2")  # the last checkpoint is of step 98 of 100
    resumed = losses_of(run(python(), "with_lightning.py", *data, "--checkpoints", str(tmp_path)))
    assert resumed[-1] == pytest.approx(lightning_alone[-1], rel=1e-6)


def test_examples_make_data_sets_of_different_names() -> None:
    """Run one after the other in a folder, as they stand, none finds the data set of another."""
    names = [name for example in EXAMPLES.glob("*.py") for name in re.findall(r'"--data", default="(.*?)"', example.read_text())]
    assert len(names) == len(set(names)) == 2 and "samples.ring" not in names  # which docs/python.md makes
