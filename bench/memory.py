"""RssAnon of the feed against --prefetch-bytes: 1 to 10,000 chunks, 1 and 8 ranks, the least legal budget, four times
that, and the default. The bar: growth at most the budget plus 10 %. Prints a JSON line per case and one for all."""

from __future__ import annotations

import json
import re
import subprocess

from harness import BUILD, DATA, report_bound

CHUNK_BYTES = 16 * 1024
WIDTH = 64


def dataset_of(chunks: int) -> str:
    """A data set of so many chunks of 16 KiB."""
    import numpy

    folder = DATA / f"memory-{chunks}"
    folder.mkdir(parents=True, exist_ok=True)
    samples = chunks * (CHUNK_BYTES // (WIDTH * 4))
    if not (folder / "x.npy").exists():
        numpy.save(folder / "x.npy", numpy.random.default_rng(0).standard_normal((samples, WIDTH), dtype=numpy.float32))
    subprocess.run([str(BUILD / "bin/ringfeed"), "ingest", str(folder / "x.npy"), str(folder / "x.ring"), "--quiet",
                    "--chunk-bytes", str(CHUNK_BYTES)], check=True, stdout=subprocess.DEVNULL)
    return str(folder / "x.ring")


def measure(url: str, world: int, budget: int) -> dict | str:
    """The side's line, or its error."""
    result = subprocess.run([str(BUILD / "bin/bench_memory_side"), url, "64", str(world), str(budget)],
                            capture_output=True, text=True)
    return json.loads(result.stdout) if result.returncode == 0 else result.stderr


def main() -> None:
    worst = 0.0
    for chunks in (1, 10, 100, 1000, 10_000):
        url = dataset_of(chunks)
        for world in (1, 8):
            refusal = measure(url, world, 1)
            assert isinstance(refusal, str)
            found = re.search(r"\((\d+) bytes\)", refusal)
            assert found, refusal
            for budget in (int(found[1]), 4 * int(found[1]), 0):
                line = measure(url, world, budget)
                assert isinstance(line, dict), line
                share = line["rss_anon_growth_bytes"] / line["budget_bytes"]
                worst = max(worst, share)
                print(json.dumps({"name": "memory", "chunks": chunks, "ranks": world, **line, "share": round(share, 3)}),
                      flush=True)
    report_bound("memory of the feed over --prefetch-bytes, worst case", [worst], "of it", 1.1, "1 assembling, 1 reading")


main()
