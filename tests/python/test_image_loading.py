"""Pictures from a folder into batches: the folder against torchvision's ImageFolder, and the same pixels on any ranks, threads and stores."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy
import pytest
from built import BUILD, run_program
from PIL import Image
from torchvision.datasets import ImageFolder

import ringfeed
from ringfeed import image

PICTURES, CLASSES = 203, ("ape", "bee", "cat")
STEPS = "random_resized_crop:24,flip,color_jitter:brightness=0.3:hue=0.1,normalize:imagenet,random_erasing"


def save_picture(number: int, path: Path) -> None:
    size = (30 + number % 11, 40 + number % 7, 3)
    Image.fromarray(numpy.random.default_rng(number).integers(0, 256, size, dtype=numpy.uint8)).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of all formats in three classes, some in folders of their own."""
    root = tmp_path_factory.mktemp("pictures") / "photos"
    for number in range(PICTURES):
        place = root / CLASSES[number % 3] / ("" if number % 5 else f"more{number % 2}")
        place.mkdir(parents=True, exist_ok=True)
        save_picture(number, place / f"{number * 7919 % 1000:03}{('.jpg', '.PNG', '.webp', '.jpeg')[number % 4]}")
    (root / "ape/notes.txt").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def photos(folder: Path) -> str:
    url = str(folder.parent / "photos.ring")
    run_program("ingest", str(folder), url, "--chunk-bytes", "32KiB")
    return url


def refusal_of(*arguments: str) -> tuple[int, str]:
    """Exit code and the one line of an ingest that fails."""
    result = subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", *arguments], capture_output=True, text=True, timeout=120)
    lines = [line for line in result.stderr.splitlines() if line.startswith("ringfeed")]
    assert len(lines) == 1, result.stderr
    assert not Path(arguments[1]).exists() or not (Path(arguments[1]) / "manifest").exists()
    return result.returncode, lines[0]


def test_a_folder_is_what_torchvision_finds_in_it(folder: Path, tmp_path: Path) -> None:
    url = str(tmp_path / "in_order.ring")
    run_program("ingest", str(folder), url, "--no-permute", "--verify-images", "full")
    theirs = ImageFolder(str(folder))
    ds = ringfeed.open(url)
    assert [column.name for column in ds.schema] == ["image", "file", "format", "width", "height", "bytes", "label"]
    assert [*ds.schema[-1].classes] == theirs.classes
    assert len(ds) == len(theirs.samples) == PICTURES
    for number, (path, label) in enumerate(theirs.samples):
        sample = ds[number]
        assert sample["file"] == os.path.relpath(path, folder)
        assert sample["image"] == Path(path).read_bytes()
        with Image.open(path) as opened:
            assert (sample["format"], sample["width"], sample["height"]) == (opened.format.lower(), *opened.size)
        assert (sample["label"], sample["bytes"]) == (label, len(sample["image"]))


def test_head_says_what_a_picture_is(photos: str) -> None:
    result = subprocess.run([str(BUILD / "bin/ringfeed"), "head", photos, "-n", "1"], capture_output=True, text=True, check=True, timeout=120)
    sample = ringfeed.open(photos)[0]
    assert f" image={sample['format']} {sample['width']} x {sample['height']}, {len(sample['image']) / 1024:.1f} KiB " in result.stdout


def hashes_of(url: str, ranks: int = 1, epochs: int = 2, seed: int = 5, **options: object) -> list[tuple[int, int, list[str]]]:
    """Of each step over all ranks: the hashes of its decoded pictures, sorted."""
    steps: dict[tuple[int, int], list[str]] = {}
    ds = ringfeed.open(url)
    for rank in range(ranks):
        loader = ringfeed.Loader(ds, global_batch_size=20, seed=seed, rank=rank, world_size=ranks, as_numpy=True, columns=["image", "label"],
                                 decode={"image": STEPS}, lanes=20, **options)
        for _ in range(epochs):
            for batch in loader:
                assert batch["image"].dtype == numpy.float32 and batch["image"].shape == (batch.size, 3, 24, 24)
                found = [hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in batch["image"]]
                steps.setdefault((batch.epoch, batch.step), []).extend(found)
        loader.close()
    return [(*step, sorted(found)) for step, found in sorted(steps.items())]


def test_pixels_are_the_same_on_any_ranks_and_threads(photos: str) -> None:
    alone = hashes_of(photos, decode_threads=1)
    assert len({each for *_, found in alone for each in found}) == 2 * PICTURES
    for ranks in (1, 2, 3, 5):
        assert hashes_of(photos, ranks, decode_threads=4 if ranks < 3 else 2, read_threads=2) == alone, ranks
    assert hashes_of(photos, seed=6) != alone


def test_pixels_are_those_of_the_steps_alone(photos: str) -> None:
    """By the sample's number: what one picture at a time gives."""
    ds = ringfeed.open(photos)
    alone = sorted(image.Steps(STEPS)(ds[number]["image"], seed=5, epoch=1, sample=number).tobytes() for number in range(PICTURES))
    loader = ringfeed.Loader(ds, batch_size=20, seed=5, as_numpy=True, decode={"image": image.Steps(STEPS)}, columns=["image"])
    loader.set_epoch(1)
    assert sorted(pixels.tobytes() for batch in loader for pixels in batch["image"]) == alone


def test_pixels_are_the_same_after_a_resume_on_other_ranks(photos: str) -> None:
    alone = hashes_of(photos, epochs=1)
    ds = ringfeed.open(photos)
    arguments = {"global_batch_size": 20, "seed": 5, "as_numpy": True, "columns": ["image"], "decode": {"image": STEPS}, "lanes": 20}
    first = ringfeed.Loader(ds, rank=0, world_size=1, **arguments)
    batches = iter(first)
    for _ in range(4):
        next(batches)
    state = first.state_dict()
    first.close()
    steps: dict[int, list[str]] = {}
    for rank in range(3):
        loader = ringfeed.Loader(ds, rank=rank, world_size=3, **arguments)
        loader.load_state_dict(state)
        for batch in loader:
            steps.setdefault(batch.step, []).extend(hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in batch["image"])
    assert [(0, step, sorted(found)) for step, found in sorted(steps.items())] == alone[4:]


def test_pixels_are_bytes_without_normalize(photos: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(photos), batch_size=50, decode={"image": ["resize:16", "center_crop:16"]})
    for batch in loader:
        assert str(batch["image"].dtype) == "torch.uint8" and batch["image"].shape == (batch.size, 3, 16, 16)


def test_the_ledger_is_of_the_stored_bytes(photos: str, tmp_path: Path) -> None:
    loader = ringfeed.Loader(ringfeed.open(photos), batch_size=20, decode={"image": STEPS}, ledger=tmp_path / "ledger", rank=0, world_size=1)
    for _ in loader:
        pass
    loader.close()
    assert ringfeed.audit(tmp_path / "ledger", photos).exact


def test_what_does_not_fit_is_refused(photos: str) -> None:
    ds = ringfeed.open(photos)
    for decode, what in (
        ({"label": STEPS}, "decode: column 'label' is int64; what is decoded is binary, the bytes of a picture's file"),
        ({"picture": STEPS}, "picture"), ({"image": "crop:3"}, "there is none of this name"), ("image", "a dict of steps by column"),
        ({"image": "resize:24"}, "they leave the size open"),
    ):
        with pytest.raises(ringfeed.InvalidArgumentError, match=what):
            ringfeed.Loader(ds, decode=decode)
    with pytest.raises(ringfeed.InvalidArgumentError, match="prefetch_bytes"):
        ringfeed.Loader(ds, batch_size=100, decode={"image": "resize:2048x2048"}, prefetch_bytes=1 << 30)


def test_a_picture_that_cannot_be_decoded_is_named_in_training(tmp_path: Path) -> None:
    (tmp_path / "photos/a").mkdir(parents=True)
    for number in range(8):
        save_picture(number, tmp_path / f"photos/a/{number}.jpg")
    whole = (tmp_path / "photos/a/5.jpg").read_bytes()
    (tmp_path / "photos/a/5.jpg").write_bytes(whole[: len(whole) // 2])
    url = str(tmp_path / "photos.ring")
    run_program("ingest", str(tmp_path / "photos"), url, "--no-permute")
    loader = ringfeed.Loader(ringfeed.open(url), batch_size=8, decode={"image": "resize:8x8"})
    with pytest.raises(ringfeed.BadDataError, match=r"sample 5, column 'image': the picture is cut off.*verify-images.* full"):
        next(iter(loader))
    code, line = refusal_of(str(tmp_path / "photos"), str(tmp_path / "again.ring"), "--verify-images", "full")
    assert (code, "a/5.jpg: the picture is cut off" in line) == (3, True)
    run_program("ingest", str(tmp_path / "photos"), str(tmp_path / "again.ring"), "--verify-images", "full", "--on-bad", "skip",
                "--rejects", str(tmp_path / "rejects.txt"))
    assert len(ringfeed.open(str(tmp_path / "again.ring"))) == 7
    assert (tmp_path / "rejects.txt").read_text() == f"{tmp_path}/photos/a/5.jpg: the picture is cut off: fetch or write it again\n"


def test_labels_come_from_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(6):
        save_picture(number, tmp_path / f"photos/{number}.jpg")
    labels = tmp_path / "labels.csv"
    labels.write_text("file,species,age\n" + "".join(f"{number}.jpg,{'bee' if number % 2 else 'ape'},{number}.5\n" for number in (3, 1, 2, 0)))
    arguments = [str(tmp_path / "photos"), str(tmp_path / "photos.ring"), "--no-permute", "--labels", str(labels)]
    run_program("ingest", *arguments, "--classes", "species")
    ds = ringfeed.open(arguments[1])
    assert [column.name for column in ds.schema] == ["image", "file", "format", "width", "height", "bytes", "species", "age"]
    assert [(ds[i]["file"], int(ds[i]["species"]), float(ds[i]["age"])) for i in range(4)] == [
        ("3.jpg", 1, 3.5), ("1.jpg", 1, 1.5), ("2.jpg", 0, 2.5), ("0.jpg", 0, 0.5)]
    arguments[1] = str(tmp_path / "other.ring")
    for row, what in (("7.jpg", "photos/7.jpg is not there"), ("../labels.csv", "is no name below the folder"), ("1.jpg", "'1.jpg' stands twice")):
        labels.write_text(f"file,age\n1.jpg,1\n{row},3\n")
        code, line = refusal_of(*arguments)
        assert code == 3 and f"{labels}: record 2: " in line and what in line
    labels.write_text("name,age\n1.jpg,1\n")
    assert "no column of text is called file or file_name" in refusal_of(*arguments)[1]
    code, line = refusal_of(str(labels), arguments[1], "--labels", str(labels))
    assert code == 2 and "--labels goes with a folder of pictures" in line


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    root, url = tmp_path / "photos", str(tmp_path / "photos.ring")
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
    save_picture(0, root / "a/0.jpg")
    code, line = refusal_of(str(root), url)
    assert code == 3 and f"{root}/b: a class without a picture" in line
    (root / "b/secret.png").symlink_to("/etc/passwd")
    code, line = refusal_of(str(root), url)
    assert code == 2 and f"{root}/b/secret.png: a link" in line
    (root / "b/secret.png").unlink()
    (root / "b/1.png").write_bytes(b"GIF89a")
    code, line = refusal_of(str(root), url)
    assert code == 3 and f"{root}/b/1.png: not a picture that can be read" in line
    (root / "b/1.png").write_bytes(b"")
    code, line = refusal_of(str(root), url)
    assert code == 3 and f"{root}/b/1.png: no bytes where a picture is due" in line
    save_picture(1, root / "b/1.png")
    save_picture(2, root / "top.jpg")
    code, line = refusal_of(str(root), url)
    assert code == 2 and f"{root}/top.jpg: a picture beside the folders of classes" in line
    code, line = refusal_of(str(root / "top.jpg"), url)
    assert code == 2 and "of pictures name the folder that they are in" in line


def losses_of(folder: Path) -> list[float]:
    return json.loads((folder / "summary.json").read_text())["losses"]


def test_training_goes_on_with_the_same_pixels(photos: str, tmp_path: Path) -> None:
    """A run of three epochs, and one that is stopped after the first and goes on with two processes."""
    arguments = ["train", photos, "--model", "cnn", "--hidden", "16", "--input", "image", "--target", "label", "--batch-size", "20", "--lanes", "20",
                 "--device", "cpu", "--checkpoint-dir"]
    steps = ["--decode", f"image={STEPS}"]
    run_program(*arguments, str(tmp_path / "whole"), *steps, "--epochs", "3", "--output", str(tmp_path / "whole_run"))
    run_program(*arguments, str(tmp_path / "parts"), *steps, "--epochs", "1", "--output", str(tmp_path / "first_run"))
    parts = [*arguments, str(tmp_path / "parts"), "--epochs", "3", "--resume", "auto", "--nproc", "2", "--output", str(tmp_path / "parts_run")]
    other = subprocess.run([str(BUILD / "bin/ringfeed"), *parts, "--decode", "image=resize:24x24,float"], capture_output=True, text=True, timeout=120)
    assert other.returncode == 2 and "the checkpoint is of decode" in other.stderr
    run_program(*parts, *steps)
    assert losses_of(tmp_path / "parts_run") == pytest.approx(losses_of(tmp_path / "whole_run"), rel=1e-3)
