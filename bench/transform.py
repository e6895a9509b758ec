"""JPEG bytes decoded on the way to the loop: the Loader's transform= on two threads beside TorchDataset in a DataLoader with two workers.

1,500 JPEGs of 224 x 224 (a binary column, about 25 KB each) and labels, decoded by Pillow to uint8 tensors, batches of 32; local data set,
warm page cache. A round is one epoch of a loader that is there already. With an argument it is a side: transform.py KIND DATASET.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy
from harness import BUILD, DATA, ROOT, Side, alternate_sides, rates, report

SAMPLES, SIDE, BATCH, THREADS = 1500, 224, 32, 2
sys.path[:0] = [str(BUILD / "python")]
sys.path.append(str(ROOT / ".deps/streaming"))  # Pillow


def make_dataset() -> str:
    """Smooth random pictures with some noise: they compress about as photographs do."""
    import ringfeed
    from PIL import Image

    url = str(DATA / "jpegs.ring")
    random = numpy.random.default_rng(1)

    def samples() -> Iterable[dict[str, Any]]:
        for number in range(SAMPLES):
            coarse = Image.fromarray(random.integers(0, 256, (14, 14, 3), numpy.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            pixels = numpy.asarray(coarse, numpy.int16) + random.integers(-12, 13, (SIDE, SIDE, 3), numpy.int16)
            file = io.BytesIO()
            Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(file, "JPEG", quality=90)
            yield {"image": file.getvalue(), "label": number % 10}

    if not (DATA / "jpegs.ring").exists():
        DATA.mkdir(parents=True, exist_ok=True)
        ringfeed.write(url, samples(), progress=False)
    return url


def decoded(sample: dict[str, Any]) -> dict[str, Any]:
    import torch
    from PIL import Image

    image = numpy.asarray(Image.open(io.BytesIO(sample["image"])).convert("RGB"))
    return {"image": torch.from_numpy(image.transpose(2, 0, 1).copy()), "label": sample["label"]}


def loader_of(kind: str, url: str) -> Iterable[Any]:
    import ringfeed
    import torch

    torch.set_num_threads(1)
    if kind == "loader":
        return ringfeed.Loader(ringfeed.open(url), BATCH, seed=1, transform=decoded, transform_threads=THREADS)
    return torch.utils.data.DataLoader(ringfeed.TorchDataset(url, transform=decoded), BATCH, shuffle=True, num_workers=THREADS,
                                       persistent_workers=True)


def run_side(kind: str, url: str) -> None:
    loader = loader_of(kind, url)
    for _ in sys.stdin:
        start = time.perf_counter()
        samples = sum(len(batch["label"]) for batch in loader)
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - start}), flush=True)


def main() -> None:
    url = make_dataset()
    results = alternate_sides({kind: Side([sys.executable, "bench/transform.py", kind, url]) for kind in ("loader", "torch_dataset")})
    report("transform, JPEG by Pillow, Loader on 2 threads vs TorchDataset in DataLoader with 2 workers", rates(results["loader"]),
           rates(results["torch_dataset"]), "images/s", 1.0, f"{THREADS} on both sides")


if sys.argv[1:]:
    run_side(*sys.argv[1:])
else:
    main()
