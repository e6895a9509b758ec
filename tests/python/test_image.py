"""Decoding and the steps of pictures against Pillow and torchvision, and what cannot be decoded."""

from __future__ import annotations

import io
import random

import numpy
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import ringfeed
from ringfeed import image

SIDES = [*range(1, 19), 31, 32, 33, 47, 48, 49, 63, 64, 65, 66, 67]
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def noise(width: int, height: int, seed: int = 0) -> numpy.ndarray:
    """Smooth and rough parts: what shows a wrong upsampling."""
    rough = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    rough[: height // 2] = numpy.linspace(0, 255, width, dtype=numpy.uint8)[None, :, None]
    return rough


def encoded(pixels: numpy.ndarray, kind: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def pillow(file: bytes) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def planes(pixels: numpy.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


@pytest.mark.parametrize("options", [
    {"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"subsampling": 2, "progressive": True}, {"subsampling": 0, "progressive": True},
    {"subsampling": 2, "restart_marker_blocks": 1}, {"subsampling": 1, "restart_marker_rows": 1}, {"subsampling": 2, "quality": 30},
    {"mode": "L"}, {"mode": "L", "progressive": True}, {"mode": "CMYK"}, {"keep_rgb": True},
], ids=str)
def test_jpegs_are_decoded_as_pillow_does(options: dict) -> None:
    mode = options.get("mode", "RGB")
    options = {name: value for name, value in options.items() if name != "mode"}
    for number, width in enumerate(SIDES):
        for height in (SIDES[-1 - number], SIDES[(7 * number) % len(SIDES)]):
            file = encoded(noise(width, height, number), "JPEG", mode, **options)
            numpy.testing.assert_array_equal(image.decode(file), pillow(file), err_msg=f"{width} x {height}")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pngs_are_decoded_as_pillow_does(mode: str) -> None:
    for width, height in ((1, 1), (7, 5), (67, 31)):
        file = encoded(noise(width, height), "PNG", mode)
        numpy.testing.assert_array_equal(image.decode(file), pillow(file), err_msg=f"{width} x {height}")


def test_a_png_with_a_transparent_colour_is_decoded_as_pillow_does() -> None:
    for mode, transparency in (("P", 3), ("RGB", (1, 2, 3)), ("L", 7)):
        file = encoded(noise(23, 9), "PNG", mode, transparency=transparency)
        numpy.testing.assert_array_equal(image.decode(file), pillow(file), err_msg=mode)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}, {"mode": "RGBA", "quality": 60}, {"mode": "RGBA", "lossless": True}], ids=str)
def test_webps_are_decoded_as_pillow_does(options: dict) -> None:
    options = dict(options)
    mode = options.pop("mode", "RGB")
    for width, height in ((1, 1), (7, 5), (67, 31)):
        file = encoded(noise(width, height), "WEBP", mode, **options)
        numpy.testing.assert_array_equal(image.decode(file), pillow(file), err_msg=f"{width} x {height}")


def test_the_orientation_of_exif_is_applied() -> None:
    turns = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
             5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}
    for orientation, turn in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "PNG", "WEBP"):
            file = encoded(noise(40, 23), kind, exif=exif)
            assert image.probe(file).orientation == orientation
            upright = numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB").transpose(turn))
            numpy.testing.assert_array_equal(image.decode(file), upright, err_msg=f"{kind} {orientation}")
            numpy.testing.assert_array_equal(image.Steps("center_crop:9x7")(file), v2.CenterCrop((9, 7))(planes(upright)))


def test_the_head_says_size_and_format() -> None:
    assert image.probe(encoded(noise(31, 17), "JPEG")) == ("jpeg", 31, 17, 3, 1)
    assert image.probe(encoded(noise(31, 17), "JPEG", "L")) == ("jpeg", 31, 17, 1, 1)
    assert image.probe(encoded(noise(31, 17), "JPEG", "CMYK")) == ("jpeg", 31, 17, 4, 1)
    assert image.probe(encoded(noise(31, 17), "PNG", "RGBA")) == ("png", 31, 17, 4, 1)
    for options in ({"lossless": True}, {"quality": 50}):
        assert image.probe(encoded(noise(31, 17), "WEBP", **options)) == ("webp", 31, 17, 3, 1)
    half = Image.fromarray(numpy.dstack([noise(31, 17), noise(31, 17)[..., 0]]))
    for options in ({"lossless": True}, {"quality": 50}):
        file = io.BytesIO()
        half.save(file, "WEBP", **options)
        assert image.probe(file.getvalue()) == ("webp", 31, 17, 4, 1)


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"subsampling": 2, "progressive": True},
                                     {"mode": "L"}, {"mode": "CMYK"}, {"subsampling": 2, "restart_marker_blocks": 3}], ids=str)
def test_a_box_is_the_box_of_the_whole(options: dict) -> None:
    """Boxes of every place: random_crop draws them, and none is resized."""
    draw = random.Random(5)
    options = dict(options)
    mode = options.pop("mode", "RGB")
    for number in range(1430):
        if number % 10 == 0:
            width, height = draw.randint(1, 150), draw.randint(1, 120)
            file = encoded(noise(width, height, number), "JPEG", mode, **options)
            whole = pillow(file)
        rows, columns = draw.randint(1, height), draw.randint(1, width)
        box = image.Steps(f"random_crop:{rows}x{columns}")(file, sample=number).transpose(1, 2, 0)
        windows = numpy.lib.stride_tricks.sliding_window_view(whole, (rows, columns), (0, 1))
        found = (windows == box.transpose(2, 0, 1)).all(axis=(2, 3, 4))
        assert found.any(), f"{number}: {rows} x {columns} of {height} x {width}"


@pytest.mark.parametrize(("width", "height", "to"), [(67, 41, (20, 33)), (500, 375, (224, 224)), (31, 17, (64, 80)), (640, 480, (7, 5)), (50, 50, (50, 23))])
def test_a_resize_is_that_of_pillow_and_near_torchvisions(width: int, height: int, to: tuple[int, int]) -> None:
    file = encoded(noise(width, height), "JPEG")
    made = image.Steps(f"resize:{to[0]}x{to[1]}")(file)
    exact = Image.fromarray(pillow(file)).resize((to[1], to[0]), Image.Resampling.BILINEAR)
    numpy.testing.assert_array_equal(made.transpose(1, 2, 0), numpy.asarray(exact))
    near = v2.Resize(to, antialias=True)(planes(pillow(file))).numpy()
    assert numpy.abs(made.astype(int) - near).max() <= 1


def test_the_steps_of_validation_are_near_torchvisions() -> None:
    theirs = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224), v2.ToDtype(torch.float32, scale=True), v2.Normalize(**IMAGENET)])
    for width, height in ((500, 375), (333, 512), (256, 300)):
        file = encoded(noise(width, height), "JPEG")
        made = image.Val(224)(file)
        assert made.dtype == numpy.float32 and made.shape == (3, 224, 224)
        near = theirs(planes(pillow(file))).numpy()
        assert numpy.abs(made - near).max() <= 1.001 / 255 / 0.224


def test_normalize_is_exact() -> None:
    file = encoded(noise(64, 64), "PNG")
    exact = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(**IMAGENET)])(planes(pillow(file)))
    numpy.testing.assert_array_equal(image.Steps("center_crop:64,normalize:imagenet")(file), exact)
    numpy.testing.assert_array_equal(image.Steps("center_crop:64,float")(file), v2.ToDtype(torch.float32, scale=True)(planes(pillow(file))))


def test_flips_are_halves() -> None:
    pixels = noise(9, 6)
    file = encoded(pixels, "PNG")
    plain = pixels.transpose(2, 0, 1)
    for way, turned in (("horizontal", plain[:, :, ::-1]), ("vertical", plain[:, ::-1])):
        made = [image.Steps(f"center_crop:6x9,flip:{way}")(file, sample=i) for i in range(400)]
        flipped = sum(numpy.array_equal(each, turned) for each in made)
        assert all(numpy.array_equal(each, turned) or numpy.array_equal(each, plain) for each in made)
        assert 150 < flipped < 250
    both = image.Steps("center_crop:6x9,flip:p=1,flip:vertical:p=1")(file)
    numpy.testing.assert_array_equal(both, plain[:, ::-1, ::-1])
    cut = image.Steps("center_crop:6x9,flip:p=1,random_crop:6x3,resize:6x6,flip:p=1")(file)
    assert cut.shape == (3, 6, 6)


def test_a_crop_goes_over_the_edge_by_its_padding() -> None:
    pixels = noise(8, 8) | 1
    file = encoded(pixels, "PNG")
    padded = numpy.pad(pixels, ((3, 3), (3, 3), (0, 0)))
    places = set()
    for sample in range(300):
        made = image.Steps("random_crop:8:padding=3")(file, sample=sample).transpose(1, 2, 0)
        places.add(next((y, x) for y in range(7) for x in range(7) if numpy.array_equal(padded[y:y + 8, x:x + 8], made)))
    assert len(places) == 49


def test_colours_are_near_torchvisions() -> None:
    file = encoded(noise(40, 30), "PNG")
    whole = planes(pillow(file))
    gray = image.Steps("center_crop:30x40,grayscale")(file)
    assert numpy.abs(gray.astype(int) - v2.Grayscale(3)(whole).numpy()).max() <= 1
    # One factor of the jitter: found again by trying those of torchvision.
    adjust = {"brightness": v2.functional.adjust_brightness, "contrast": v2.functional.adjust_contrast,
              "saturation": v2.functional.adjust_saturation, "hue": v2.functional.adjust_hue}
    for name, function in adjust.items():
        middle = 0 if name == "hue" else 1
        factors = numpy.linspace(middle - 0.4, middle + 0.4, 801)
        tried = torch.stack([function(whole, factor) for factor in factors]).numpy().astype(int)
        distances = []
        for sample in range(12):
            made = image.Steps(f"center_crop:30x40,color_jitter:{name}=0.4")(file, sample=sample)
            distances.append(numpy.abs(tried - made).mean(axis=(1, 2, 3)).min())
        assert max(distances) < 0.6, name


def test_erasing_makes_zeros() -> None:
    file = encoded(noise(40, 30) | 1, "PNG")
    shares = []
    for sample in range(200):
        made = image.Steps("center_crop:30x40,random_erasing:p=1")(file, sample=sample)
        assert ((made == 0).all(axis=0) == (made == 0).any(axis=0)).all()
        shares.append((made[0] == 0).mean())
        normalized = image.Steps("center_crop:30x40,normalize:imagenet,random_erasing:p=1")(file, sample=sample)
        numpy.testing.assert_array_equal(normalized[0] == 0, made[0] == 0)
    assert 0.1 < numpy.mean(shares) < 0.25 and max(shares) <= 0.35


def distance_of(one: numpy.ndarray, other: numpy.ndarray) -> float:
    """Kolmogorov and Smirnov's."""
    both = numpy.sort(numpy.concatenate([one, other]))
    return numpy.abs(numpy.searchsorted(numpy.sort(one), both, "right") / len(one)
                     - numpy.searchsorted(numpy.sort(other), both, "right") / len(other)).max()


def test_boxes_are_drawn_as_torchvision_draws_them() -> None:
    """A picture whose pixels are their coordinates: a box of it says where it is."""
    width, height, draws = 200, 150, 3000  # made larger, which keeps the values at the edges
    y, x = numpy.mgrid[:height, :width].astype(numpy.uint8)
    file = encoded(numpy.stack([x, y, y], axis=-1), "PNG")
    ours = []
    for sample in range(draws):
        made = image.Steps("random_resized_crop:150x200")(file, seed=3, sample=sample).astype(int)
        across, down = made[0].max() - made[0].min() + 1, made[1].max() - made[1].min() + 1
        ours.append((across * down, across / down, made[0].min(), made[1].min()))
    torch.manual_seed(3)
    theirs = []
    for _ in range(draws):
        top, left, rows, columns = v2.RandomResizedCrop.make_params(v2.RandomResizedCrop(64), [planes(pillow(file))]).values()
        theirs.append((rows * columns, columns / rows, left, top))
    for one, other, what in zip(numpy.array(ours).T, numpy.array(theirs).T, ("area", "ratio", "left", "top"), strict=True):
        assert distance_of(one, other) < 1.95 * (2 / draws) ** 0.5, what


def test_what_is_drawn_depends_on_seed_epoch_and_sample() -> None:
    file = encoded(noise(60, 50), "JPEG")
    steps = image.Train(24)
    first = steps(file, seed=1, epoch=2, sample=3)
    numpy.testing.assert_array_equal(first, steps(file, seed=1, epoch=2, sample=3))
    for other in ({"seed": 2, "epoch": 2, "sample": 3}, {"seed": 1, "epoch": 3, "sample": 3}, {"seed": 1, "epoch": 2, "sample": 4}):
        assert not numpy.array_equal(first, steps(file, **other))


def test_what_is_no_picture_is_named() -> None:
    jpeg, png, webp = (encoded(noise(64, 48), kind) for kind in ("JPEG", "PNG", "WEBP"))
    deep = io.BytesIO()
    Image.fromarray(numpy.zeros((4, 4), dtype=numpy.uint16)).save(deep, "PNG")
    frames = io.BytesIO()
    Image.fromarray(noise(8, 8)).save(frames, "WEBP", save_all=True, append_images=[Image.fromarray(noise(8, 8, 1))])
    large = png[:16] + (65535).to_bytes(4, "big") * 2 + png[24:]
    nothing = png[:16] + (0).to_bytes(4, "big") + png[20:]
    for file, what in (
        (b"", "no bytes where a picture is due"), (b"GIF89a", "not a picture that can be read: JPEG, PNG and WebP can"),
        (jpeg[:300], "cut off"), (jpeg[:-900], "cut off"), (jpeg[:-2], "cut off"), (png[:-40], "cut off"), (png[:20], "damaged"),
        (webp[:-20], "damaged or cut off"), (webp[:14], "damaged"), (jpeg[:2], "not a picture"), (jpeg[:3], "cut off in its head"),
        (deep.getvalue(), "16 bits where 8 are due"), (frames.getvalue(), "an animated WebP"),
        (large, "65535 x 65535 pixels, over the limit of 134217728"), (nothing, "a picture of 0 x 48 pixels"),
    ):
        with pytest.raises(ringfeed.BadDataError, match=what) as raised:
            image.decode(file)
        assert "\n" not in str(raised.value)
    with pytest.raises(ringfeed.BadDataError, match="a picture of 64 x 48 pixels is smaller than center_crop:49x49; put a resize before it"):
        image.Steps("center_crop:49")(jpeg)
    with pytest.raises(ringfeed.InvalidArgumentError, match="there is none of this name"):
        image.Steps(["crop"])
    with pytest.raises(ringfeed.InvalidArgumentError, match="a text or a list of texts"):
        image.Steps(3)


def test_a_damaged_picture_is_an_error_or_as_pillow_has_it() -> None:
    draw = random.Random(11)
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = encoded(noise(40, 40), kind)
        told = 0
        for _ in range(300):
            file = bytearray(whole)
            file[draw.randrange(len(file))] ^= 1 << draw.randrange(8)
            try:
                pixels = image.decode(bytes(file))
            except ringfeed.BadDataError as error:
                told += 1
                assert "\n" not in str(error)
            else:
                assert pixels.dtype == numpy.uint8 and pixels.ndim == 3
        assert told > 5
