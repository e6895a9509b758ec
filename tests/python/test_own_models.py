"""Models of users, saved as TorchScript: the program trains them as DistributedDataParallel of Python would, from file to weights
(docs/training.md). The rival is torch's eager mode over the batches of a Loader, with the ranks one behind the other in one process."""

from __future__ import annotations

import copy
import json
import signal
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from built import BUILD, SECONDS_MAX, run_program
from safetensors.torch import load_file
from torch import Tensor, nn

import ringfeed

ROOT = Path(__file__).resolve().parents[2]
BATCH, EPOCHS, SAMPLES, CLASSES = 100, 4, 1797, 10
STEPS = EPOCHS * 18  # the last of an epoch has 97 samples
LEARNING_RATE = 0.05


class ConvNet(nn.Module):
    """With batch norm: its buffers are rank 0's."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(8 * 4 * 4, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image.unsqueeze(1) / 16).flatten(1))


class SmallTransformer(nn.Module):
    """Over whole numbers, its positions a buffer, its output one of a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(17, 16)
        self.register_buffer("places", torch.linspace(-1, 1, 64)[:, None].repeat(1, 16))
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        hidden = self.encoder(self.embedding(tokens) + self.places)
        return {"hidden": hidden, "logits": self.head(hidden.mean(1))}


class Tabular(nn.Module):
    """Two inputs, a table that is used twice, the second of two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(17, 4)
        self.again = self.table
        self.numbers = nn.Linear(10, 12)
        self.head = nn.Linear(28, CLASSES)

    def forward(self, category: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([(self.table(category) + self.again(category)).flatten(1), torch.tanh(self.numbers(numbers))], 1)
        return both, self.head(both)


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


@dataclass
class Case:
    module: Callable[[], nn.Module]
    columns: str
    index: str = ""

    def chosen(self, output: Tensor | dict[str, Tensor] | tuple[Tensor, ...]) -> Tensor:
        if isinstance(output, Tensor):
            return output
        return output[self.index] if isinstance(output, dict) else output[int(self.index)]


CASES = {"conv": Case(ConvNet, "image"), "transformer": Case(SmallTransformer, "tokens", "logits"), "tabular": Case(Tabular, "category,numbers", "1")}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    run_program("ingest", str(ROOT / "data/digits/digits.csv"), str(folder / "digits.ring"), "--tensor", "image=f0..f63:8x8:float32",
                "--tensor", "tokens=f0..f63:64:int64", "--tensor", "category=f10..f13:4:int16", "--tensor", "numbers=f20..f29:10:float32",
                "--tensor", "label=f64::int64")
    return folder


def saved(module: nn.Module, path: Path, is_traced: bool, columns: str = "", digits: Path | None = None) -> str:
    if is_traced:
        batch = next(iter(ringfeed.Loader(ringfeed.open(str(digits / "digits.ring")), 4)))
        script = torch.jit.trace(module, tuple(taken(batch[name], torch.float32) for name in columns.split(",")), strict=False)
    else:
        script = torch.jit.script(module)
    script.save(str(path))
    return str(path)


def taken(column: Tensor, dtype: torch.dtype) -> Tensor:
    """A column as the program gives it to a model."""
    return column.to(dtype) if column.is_floating_point() else column.long()


def program(folder: Path, model: str, case: Case, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(BUILD / "bin/ringfeed"), "train", "digits.ring", "--model", model, "--input", case.columns, "--target", "label",
               "--batch-size", str(BATCH), "--optimizer", "sgd", "--momentum", "0.9", "--lr", str(LEARNING_RATE), "--threads", "1", *options]
    if case.index:
        command += ["--output-index", case.index]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


def eager(folder: Path, case: Case, module: nn.Module, ranks: int, dtype: torch.dtype) -> tuple[list[float], nn.Module]:
    """The mean loss of each step, and the module of rank 0: what torch's DistributedDataParallel does, one rank behind the other."""
    data = ringfeed.open(str(folder / "digits.ring"))
    modules = [copy.deepcopy(module) for _ in range(ranks)]
    optimizers = [torch.optim.SGD(each.parameters(), lr=LEARNING_RATE, momentum=0.9) for each in modules]
    loaders = [ringfeed.Loader(data, global_batch_size=BATCH, rank=rank, world_size=ranks) for rank in range(ranks)]
    losses = []
    for batches in (batches for _ in range(EPOCHS) for batches in zip(*loaders, strict=True)):
        size = sum(batch.size for batch in batches)
        loss = 0.0
        for each, optimizer, batch in zip(modules, optimizers, batches, strict=True):
            for own, first in zip(each.buffers(), modules[0].buffers(), strict=True):
                own.copy_(first)
            optimizer.zero_grad()
            output = case.chosen(each(*(taken(batch[name], dtype) for name in case.columns.split(","))))
            own_sum = nn.functional.cross_entropy(output, batch["label"], reduction="sum")
            (own_sum * (ranks / size)).backward()
            loss += own_sum.item() / size
        for parameters in zip(*(each.parameters() for each in modules), strict=True):
            mean = sum(parameter.grad for parameter in parameters) / ranks
            for parameter in parameters:
                parameter.grad = mean.clone()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss)
    return losses, modules[0]


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])
@pytest.mark.parametrize("name", CASES)
def test_it_is_trained_as_in_python(digits: Path, tmp_path: Path, name: str, dtype: torch.dtype, bound: float, ranks: int) -> None:
    torch.manual_seed(3)
    case = CASES[name]
    module = case.module().to(dtype)
    model = saved(module, tmp_path / "net.pt", name == "tabular" and dtype == torch.float32, case.columns, digits)
    result = program(digits, model, case, "--epochs", str(EPOCHS), "--nproc", str(ranks), "--log", str(tmp_path / "log"), "--output",
                     str(tmp_path / "run"))
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    ours = [line["loss"] for line in lines if line["event"] == "step"]
    theirs, trained = eager(digits, case, module, ranks, dtype)
    assert len(ours) == STEPS == len(theirs)
    assert ours[:50] == pytest.approx(theirs[:50], rel=bound, abs=bound)
    assert theirs[-1] < theirs[0] * 0.95

    fresh = case.module().to(dtype)
    fresh.load_state_dict(load_file(tmp_path / "run/weights.safetensors"))
    for (key, own), other in zip(fresh.state_dict().items(), trained.state_dict().values(), strict=True):
        assert torch.allclose(own.double(), other.double(), rtol=0, atol=1e-4 if dtype == torch.float32 else 1e-8), key


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_goes_on_exactly_with_dropout(digits: Path, tmp_path: Path, ranks: int) -> None:
    torch.manual_seed(3)
    model = saved(Dropping(), tmp_path / "net.pt", is_traced=False)
    case = Case(Dropping, "image")
    train = ("--nproc", str(ranks), "--checkpoint-every", "7", "--json")
    whole = program(digits, model, case, *train, "--epochs", "3", "--checkpoint-dir", str(tmp_path / "a"), "--output", str(tmp_path / "whole"))
    first = program(digits, model, case, *train, "--epochs", "1", "--checkpoint-dir", str(tmp_path / "b"))
    rest = program(digits, model, case, *train, "--epochs", "3", "--checkpoint-dir", str(tmp_path / "b"), "--resume", "auto", "--output",
                   str(tmp_path / "rest"))
    assert (whole.returncode, first.returncode, rest.returncode) == (0, 0, 0), whole.stderr + first.stderr + rest.stderr
    assert json.loads(rest.stdout.splitlines()[-1])["losses"] == json.loads(whole.stdout.splitlines()[-1])["losses"]
    weights, again = (load_file(tmp_path / folder / "weights.safetensors") for folder in ("whole", "rest"))
    assert weights.keys() == again.keys() and all(torch.equal(weights[key], again[key]) for key in weights)

    other = saved(Dropping(), tmp_path / "net.pt", is_traced=False)  # of other first weights
    refused = program(digits, other, case, *train, "--epochs", "4", "--checkpoint-dir", str(tmp_path / "b"), "--resume", "auto")
    assert refused.returncode == 2 and "it does not fit" in refused.stderr


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x.flatten(1) * mask


class Few(nn.Module):
    def __init__(self, outputs: int, width: int = 64, unused: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(width, outputs)
        if unused:
            self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1))


class Summing(Few):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)).sum()


class NoTensor(Few):
    def forward(self, x: Tensor) -> str:
        return str(self.layer(x.flatten(1)).sum().item())


class Counting(Few):
    def __init__(self, outputs: int) -> None:
        super().__init__(outputs)
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return self.layer(x.flatten(1)) * float(self.count)


class Detached(Few):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)).detach()


class ThreeDimensions(Few):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1)).unsqueeze(2).expand(-1, -1, 3)


class OtherInEvaluation(Few):
    def forward(self, x: Tensor) -> Tensor:
        given = self.layer(x.flatten(1))
        return given if self.training else given[:, :2]


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(17, CLASSES, sparse=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.table(tokens).mean(1)


class Expanded(Few):
    """A buffer whose elements share memory, and it writes into its input."""

    def __init__(self, outputs: int) -> None:
        super().__init__(outputs)
        self.register_buffer("ones", torch.ones(1, 64).expand(2, 64))

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(0.5)
        return self.layer(x.flatten(1) * self.ones[0])


def half(outputs: int) -> nn.Module:
    return Few(outputs).half()


def frozen(outputs: int) -> nn.Module:
    return torch.jit.freeze(torch.jit.script(Few(outputs).eval()))


def mixed(outputs: int) -> nn.Module:
    module = Few(outputs)
    module.bias = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    return module


@pytest.mark.parametrize(("module", "options", "words"), [
    (lambda: Few(CLASSES - 1), (), "it gives 9 numbers for a sample, and 'label' has 10 classes"),
    (lambda: Few(CLASSES, 65), (), "its forward does not take such samples (addmm: mat1 and mat2 shapes cannot be multiplied (2x64 and 65x10))"),
    (TwoInputs, (), "its forward takes 2 inputs (x, mask), and --input names 1 (image)"),
    (lambda: Few(CLASSES), ("--input", "image,numbers"), "its forward takes 1 input (x), and --input names 2 (image, numbers)"),
    (Tabular, ("--input", "category,numbers"), "it gives 2 values, counted from 0; name one (--output-index)"),
    (Tabular, ("--input", "category,numbers", "--output-index", "2"), "it gives 2 values, counted from 0; name one (--output-index)"),
    (SmallTransformer, ("--input", "tokens", "--output-index", "0"), "it gives a dict (hidden, logits); name one (--output-index)"),
    (lambda: Few(CLASSES), ("--output-index", "0"), "it gives one tensor; leave --output-index out"),
    (lambda: Summing(CLASSES), (), "it gives a tensor of shape [] for 2 samples; its first dimension must be theirs"),
    (lambda: NoTensor(CLASSES), (), "it gives String; a tensor is expected"),
    (lambda: Counting(CLASSES), (), "its forward changes 'count', which is no buffer: a checkpoint would not have it"),
    (lambda: Detached(CLASSES), (), "its output does not depend on its parameters"),
    (lambda: ThreeDimensions(CLASSES), (), "it gives a tensor of shape [2, 10, 3]; loss cross_entropy takes [samples, classes]"),
    (lambda: OtherInEvaluation(CLASSES), (), "it gives 10 numbers for a sample in training and 2 in evaluation"),
    (Sparse, ("--input", "tokens"), "its parameter table.weight has sparse gradients; make it with sparse=False"),
    (lambda: half(CLASSES), (), "its parameter layer.weight is float16; float32 or float64 can be trained"),
    (lambda: mixed(CLASSES), (), "its parameter layer.weight is float32 and others are float64; use one of them for all"),
    (lambda: frozen(CLASSES), (), "it has no parameter that needs a gradient: nothing to train (is it frozen?)"),
    (lambda: Few(CLASSES, unused=True), ("--nproc", "2"), "its parameter unused.weight has no part in the output"),
    (lambda: Few(CLASSES), ("--hidden", "8"), "has no hidden layers to choose"),
])
def test_what_does_not_fit_is_refused_before_a_step(digits: Path, tmp_path: Path, module: Callable[[], nn.Module], options: tuple[str, ...],
                                                    words: str) -> None:
    made = module()
    (made if isinstance(made, torch.jit.ScriptModule) else torch.jit.script(made)).save(str(tmp_path / "net.pt"))
    refused(digits, tmp_path, str(tmp_path / "net.pt"), options, words)


@pytest.mark.parametrize(("name", "bytes_of", "words"), [
    ("net.pt", b"", "no model: a file of TorchScript is expected"),
    ("net.pt", b"\x80\x02}q\x00." * 100, "no model: a file of TorchScript is expected"),
    ("net.pt", None, "net.pt"),
    ("net.pt2", b"", "an exported program is not trained; save the module as TorchScript"),
])
def test_a_file_that_is_no_model(digits: Path, tmp_path: Path, name: str, bytes_of: bytes | None, words: str) -> None:
    if bytes_of is not None:
        (tmp_path / name).write_bytes(bytes_of)
    refused(digits, tmp_path, str(tmp_path / name), (), words)


def test_weights_alone_are_no_model(digits: Path, tmp_path: Path) -> None:
    torch.save(Few(CLASSES).state_dict(), tmp_path / "net.pt")
    refused(digits, tmp_path, str(tmp_path / "net.pt"), (), "no model: a file of TorchScript is expected")


def test_each_member_of_a_damaged_file_is_found(digits: Path, tmp_path: Path) -> None:
    """torch reads them in silence."""
    torch.jit.script(Few(CLASSES)).save(str(tmp_path / "whole.pt"))
    whole = (tmp_path / "whole.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive:
        members = [member for member in archive.infolist() if member.compress_size > 0]
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    for member in members:
        name_bytes, extra_bytes = struct.unpack_from("<HH", whole, member.header_offset + 26)
        at = member.header_offset + 30 + name_bytes + extra_bytes + member.compress_size // 2
        (tmp_path / "net.pt").write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
        result = program(digits, str(tmp_path / "net.pt"), Case(Few, "image"))
        assert result.returncode == 3, result.stderr
        assert f"net.pt: its member '{member.filename}' is damaged: its bytes do not match their CRC-32; restore it from a copy" in result.stderr


class Endless(nn.Module):
    """Its text is longer than what a pipe's writer holds back, so that it is seen before the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, CLASSES)
        self.text = "in forward" * 10_000

    def forward(self, image: Tensor) -> Tensor:
        print(self.text)
        output = self.layer(image.flatten(1))
        while bool(output.sum() < 1e30):
            output = output * 1
        return output


def test_the_second_ctrl_c_ends_a_forward_that_does_not_end(digits: Path, tmp_path: Path) -> None:
    torch.jit.script(Endless()).save(str(tmp_path / "net.pt"))
    command = [str(BUILD / "bin/ringfeed"), "train", "digits.ring", "--model", str(tmp_path / "net.pt"), "--input", "image", "--target", "label",
               "--threads", "1"]
    with subprocess.Popen(command, cwd=digits, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.read(10) == b"in forward"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SECONDS_MAX) == 130


def refused(digits: Path, tmp_path: Path, model: str, options: tuple[str, ...], words: str) -> None:
    given = dict(zip(options[::2], options[1::2], strict=True))
    case = Case(Few, given.pop("--input", "image"), given.pop("--output-index", ""))
    result = program(digits, model, case, "--output", str(tmp_path / "run"), *(word for pair in given.items() for word in pair))
    assert result.returncode == 2, result.stderr
    assert words in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "run/weights.safetensors").exists()


@pytest.mark.parametrize(("training", "words"), [(True, "stays on in evaluation"), (False, "stays off in training")])
def test_dropout_that_was_traced_is_told(digits: Path, tmp_path: Path, training: bool, words: str) -> None:
    model = saved(Dropping().train(training), tmp_path / "net.pt", True, "image", digits)
    result = program(digits, model, Case(Dropping, "image"))
    assert result.returncode == 0 and words in result.stderr
    scripted = saved(Dropping(), tmp_path / "net.pt", is_traced=False)
    assert "torch.jit.script" not in program(digits, scripted, Case(Dropping, "image")).stderr


def test_what_a_model_does_to_its_input_is_not_done_to_the_target(digits: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = Expanded(64)
    model = saved(module, tmp_path / "net.pt", is_traced=False)
    command = [str(BUILD / "bin/ringfeed"), "train", "digits.ring", "--model", model, "--input", "image", "--target", "image", "--loss", "mse",
               "--batch-size", str(BATCH), "--optimizer", "sgd", "--lr", "1e-12", "--threads", "1", "--json"]
    result = subprocess.run(command, cwd=digits, capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    images = torch.cat([batch["image"].clone() for batch in ringfeed.Loader(ringfeed.open(str(digits / "digits.ring")), BATCH)])
    with torch.no_grad():
        expected = nn.functional.mse_loss(module(images.clone()), images.flatten(1)).item()
    assert json.loads(result.stdout.splitlines()[-1])["losses"] == pytest.approx([expected], rel=1e-5)


def test_what_a_model_says_while_it_trains_is_told(digits: Path, tmp_path: Path) -> None:
    class Narrow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(5, CLASSES)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.table(tokens).mean(1)

    model = saved(Narrow(), tmp_path / "net.pt", is_traced=False)
    result = program(digits, model, Case(Narrow, "tokens"))
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("net.pt: its forward does not take such samples (index out of range in self)")


class WithLoss(nn.Module):
    """Gives its loss, of inputs that a target is one of."""

    def __init__(self, mean: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(64, CLASSES)
        self.mean = mean

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        each = nn.functional.cross_entropy(self.layer(image.flatten(1)), label, reduction="none")
        return each.mean() if self.mean else each


@pytest.mark.parametrize("mean", [True, False])
def test_a_model_may_give_its_loss(digits: Path, tmp_path: Path, mean: bool) -> None:
    torch.manual_seed(3)
    module = WithLoss(mean)
    model = saved(module, tmp_path / "net.pt", is_traced=False)
    plain = Few(CLASSES)
    plain.layer.load_state_dict(module.layer.state_dict())
    expected = program(digits, saved(plain, tmp_path / "plain.pt", is_traced=False), Case(Few, "image"), "--epochs", "2", "--json")
    losses = json.loads(expected.stdout.splitlines()[-1])["losses"]
    command = [str(BUILD / "bin/ringfeed"), "train", "digits.ring", "--model", model, "--input", "image,label", "--loss", "model", "--batch-size",
               str(BATCH), "--optimizer", "sgd", "--momentum", "0.9", "--lr", str(LEARNING_RATE), "--threads", "1", "--epochs", "2", "--json"]
    for ranks in ("1", "2"):
        result = subprocess.run([*command, "--nproc", ranks], cwd=digits, capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
        assert json.loads(result.stdout.splitlines()[-1])["losses"] == pytest.approx(losses, rel=1e-4)  # each sums in float32 in its own order


def test_a_loss_of_a_wrong_shape_is_refused(digits: Path, tmp_path: Path) -> None:
    model = saved(Few(CLASSES), tmp_path / "net.pt", is_traced=False)
    refused(digits, tmp_path, model, ("--loss", "model"), "it gives a tensor of shape [2, 10] for 2 samples; loss model takes a mean")
