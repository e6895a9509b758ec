"""The Python sides of the feed benchmarks: python_rivals.py KIND PLACE BATCH [EPOCHS | first], as a Side of harness.py.

  ours             ringfeed.Loader over the data set PLACE, shuffle block, as torch tensors
  ours_numpy       the same as NumPy arrays
  dataloader:N     torch's DataLoader, shuffle=True, N workers, over a TensorDataset of PLACE/image.npy and PLACE/label.npy in memory
  streaming:N      MosaicML's StreamingDataLoader, N workers, over a local StreamingDataset of PLACE/mds, shuffle=True
  streaming_write  makes PLACE/mds of the npy files unless it is there, and ends

A round is EPOCHS (2) epochs of a loader of its own over data that are open (of streaming, which takes minutes for them, STREAMING_SAMPLES); with
"first" it is opening them and the first batch.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy
import torch
from harness import BUILD, ROOT, cpu_seconds

STREAMING_SAMPLES = 20_000
Load = Callable[[int], Iterable[Any]]
"""Makes the loader of a round, by its number."""


def open_ours(place: str, batch: int, as_numpy: bool) -> Load:
    sys.path.insert(0, str(BUILD / "python"))
    import ringfeed

    data = ringfeed.open(place)
    return lambda number: ringfeed.Loader(data, batch, seed=number, as_numpy=as_numpy)


def read_npy(place: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    return numpy.load(f"{place}/image.npy"), numpy.load(f"{place}/label.npy")


def open_tensors(place: str, batch: int, workers: int) -> Load:
    data = torch.utils.data.TensorDataset(*map(torch.from_numpy, read_npy(place)))
    return lambda _: torch.utils.data.DataLoader(data, batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)


def import_streaming() -> Any:  # noqa: ANN401
    folder = ROOT / ".deps/streaming"
    if not folder.is_dir():
        sys.exit("MosaicML Streaming is missing; install it with tools/setup.sh streaming")
    sys.path.insert(0, str(folder))
    import streaming

    return streaming


def open_streaming(place: str, batch: int, workers: int) -> Load:
    streaming = import_streaming()
    warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # of its samples
    with contextlib.suppress(FileNotFoundError):  # the other process of these was first
        streaming.base.util.clean_stale_shared_memory()  # of the round before
    data = streaming.StreamingDataset(local=f"{place}/mds", shuffle=True, batch_size=batch)
    return lambda _: streaming.StreamingDataLoader(data, batch_size=batch, num_workers=workers, persistent_workers=workers > 0)


def write_streaming(place: str) -> None:
    folder = Path(place) / "mds"
    if folder.is_dir():
        return
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    images, labels = read_npy(place)
    columns = {"image": f"ndarray:float32:{images.shape[1]}", "label": "int"}
    with import_streaming().MDSWriter(out=str(part), columns=columns) as writer:
        for image, label in zip(images, labels, strict=True):
            writer.write({"image": image, "label": int(label)})
    part.rename(folder)


def size_of(batch: Any) -> int:  # noqa: ANN401
    """Ours say it, as those of the C++ feed do; len() of a tensor takes 1 us."""
    if hasattr(batch, "size"):
        return batch.size
    return len(batch["label"] if isinstance(batch, dict) else batch[1])


def run_epochs(load: Load, number: int, epochs: int, samples_max: int | None) -> dict:
    start = time.perf_counter()
    samples = 0
    loader = load(number)
    for batch in chain.from_iterable(loader for _ in range(epochs)):
        samples += size_of(batch)
        if samples_max is not None and samples >= samples_max:
            break
    return {"samples": samples, "seconds": time.perf_counter() - start}


def first_batch(open_data: Callable[[], Load], number: int) -> dict:
    start = time.perf_counter()
    batches = iter(open_data()(number))
    samples = size_of(next(batches))
    return {"samples": samples, "seconds": time.perf_counter() - start}


def main() -> None:
    (kind, _, workers), place, batch = sys.argv[1].partition(":"), sys.argv[2], int(sys.argv[3])
    if kind == "streaming_write":
        write_streaming(place)
        return
    torch.set_num_threads(1)

    def open_data() -> Load:
        if kind == "dataloader":
            return open_tensors(place, batch, int(workers))
        if kind == "streaming":
            return open_streaming(place, batch, int(workers))
        return open_ours(place, batch, as_numpy=kind == "ours_numpy")

    rest = sys.argv[4:]
    load = None if rest == ["first"] else open_data()
    samples_max = STREAMING_SAMPLES if kind == "streaming" else None
    for number, _ in enumerate(sys.stdin):
        before = cpu_seconds()
        result = run_epochs(load, number, int(rest[0]) if rest else 2, samples_max) if load else first_batch(open_data, number)
        print(json.dumps({**result, "cpu_seconds": cpu_seconds() - before}), flush=True)  # the workers have ended with their loader


main()
