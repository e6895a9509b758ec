"""Photographs from a folder to normalized tensors: our Loader beside torchvision's ImageFolder in a DataLoader with two workers, and NVIDIA
DALI's file reader with its CPU operators.

1,000 JPEGs of 500 x 375 pixels (smooth random shapes and noise, about 107 KB each, 4:2:0, quality 90) in ten classes; all sides cut out a
random box (area 0.08 to 1), resize it to 224 x 224, flip and normalize to float32 [B, 3, 224, 224], in batches of 64, on two cores. Warm
page cache; a round is an epoch of a loader that is there already. With an argument it is a side: images.py KIND.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy
from harness import BUILD, DATA, ROOT, Side, alternate_sides, rates, report

PICTURES, WIDTH, HEIGHT, SIDE, BATCH, THREADS = 1000, 500, 375, 224, 64, 2
FOLDER, URL = DATA / "photos", DATA / "photos.ring"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
sys.path[:0] = [str(BUILD / "python")]


def make_pictures() -> None:
    """Shapes with noise: they compress about as photographs do."""
    import subprocess

    from PIL import Image

    generator = numpy.random.default_rng(1)
    for number in range(PICTURES if not FOLDER.exists() else 0):
        coarse = Image.fromarray(generator.integers(0, 256, (12, 16, 3), numpy.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        pixels = numpy.asarray(coarse, numpy.int16) + generator.integers(-17, 18, (HEIGHT, WIDTH, 1), numpy.int16)
        place = FOLDER / str(number % 10)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(place / f"{number}.jpg", quality=90)
    if not URL.exists():
        subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", str(FOLDER), str(URL)], check=True, capture_output=True)


def ours() -> Iterator[Any]:
    import ringfeed

    loader = ringfeed.Loader(ringfeed.open(str(URL)), BATCH, seed=1, columns=["image", "label"], decode={"image": ringfeed.image.Train(SIDE)},
                             decode_threads=THREADS)
    while True:
        yield (batch["image"] for batch in loader)


def torchvisions() -> Iterator[Any]:
    import torch
    from torchvision import datasets, transforms

    steps = transforms.Compose([transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
                                transforms.Normalize(MEAN, DEVIATION)])
    loader = torch.utils.data.DataLoader(datasets.ImageFolder(str(FOLDER), steps), BATCH, shuffle=True, num_workers=THREADS,
                                         persistent_workers=True)
    while True:
        yield (images for images, _ in loader)


def dalis() -> Iterator[Any]:
    sys.path.append(str(ROOT / ".deps/dali"))
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=BATCH, num_threads=THREADS, device_id=None)
    def pictures() -> Any:  # noqa: ANN401
        files, _ = fn.readers.file(file_root=str(FOLDER), random_shuffle=True, name="files")
        images = fn.decoders.image_random_crop(files, device="cpu", random_area=[0.08, 1.0], random_aspect_ratio=[3 / 4, 4 / 3])
        images = fn.resize(images, size=[SIDE, SIDE], interp_type=types.INTERP_LINEAR, antialias=True)
        return fn.crop_mirror_normalize(images, dtype=types.FLOAT, output_layout="CHW", mirror=fn.random.coin_flip(),
                                        mean=[255 * mean for mean in MEAN], std=[255 * deviation for deviation in DEVIATION])

    pipeline = pictures()
    pipeline.build()
    while True:
        yield (pipeline.run()[0].as_array() for _ in range(-(-PICTURES // BATCH)))


SIDES = {"ours": ours, "torchvision": torchvisions, "dali": dalis}


def run_side(kind: str) -> None:
    epochs = SIDES[kind]()
    for _ in sys.stdin:
        start = time.perf_counter()
        samples = 0
        for images in next(epochs):
            assert tuple(images.shape[1:]) == (3, SIDE, SIDE)
            samples += len(images)
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - start}), flush=True)


def main() -> None:
    make_pictures()
    results = alternate_sides({kind: Side([sys.executable, "bench/images.py", kind]) for kind in SIDES})
    for rival, bar in (("torchvision", 6.0), ("dali", 1.7)):
        report(f"photographs to float32 [3, 224, 224], ours vs {rival}", rates(results["ours"]), rates(results[rival]), "images/s", bar,
               f"{THREADS} on each side")


if sys.argv[1:]:
    run_side(*sys.argv[1:])
else:
    main()
