"""What a Loader measures of itself and its store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import ringfeed

pytestmark = pytest.mark.program


def test_the_meters_say_what_was_read(numbers: str) -> None:
    loader = ringfeed.Loader(ringfeed.open(numbers), 100)
    assert loader.metrics()["ringfeed_samples_total"] == 0
    for _ in loader:
        pass
    metrics, stats = loader.metrics(), loader.stats()
    assert metrics["ringfeed_samples_total"] == stats["samples"] == 1003
    assert metrics["ringfeed_batches_total"] == stats["batches"] == 11
    assert metrics["ringfeed_blocks_total"] == stats["blocks_read"] > 0
    assert metrics["ringfeed_check_seconds_count"] >= 1
    assert 0 < metrics["ringfeed_assemble_seconds_sum"] == pytest.approx(stats["assemble_seconds"], rel=0.5)
    assert 0 < metrics["ringfeed_assemble_seconds_p50"] <= metrics["ringfeed_assemble_seconds_p99"]
    assert metrics["ringfeed_held_bytes"] <= metrics["ringfeed_held_bytes_max"] <= metrics["ringfeed_prefetch_bytes"]
    samples = {sample.name: sample for family in text_string_to_metric_families(loader.metrics_text()) for sample in family.samples}
    assert samples["ringfeed_batches_total"].value == 11 and samples["ringfeed_batches_total"].labels == {"rank": "0"}


def test_of_a_slow_transform_the_wait_is_told(numbers: str) -> None:
    def slow(batch: ringfeed.Batch) -> ringfeed.Batch:
        time.sleep(0 if batch.step else 1)
        return batch

    loader = ringfeed.Loader(ringfeed.open(numbers), 100, transform=slow, transform_batches=True, transform_threads=1)
    start = time.perf_counter()
    batches = iter(loader)
    next(batches)
    first = loader.stats()
    assert (first["samples"], first["batches"]) == (100, 1)  # and not what is under way behind it
    for _ in batches:
        pass
    stats, seconds = loader.stats(), time.perf_counter() - start
    assert (stats["samples"], stats["batches"]) == (1003, 11)
    assert 0.5 <= stats["transform_seconds"] <= stats["wait_seconds"] <= seconds
    plain = ringfeed.Loader(ringfeed.open(numbers), 100)
    next(iter(plain))
    assert plain.stats()["transform_seconds"] == 0


def test_the_meters_of_a_cache_say_how_much_it_had(numbers: str, tmp_path: Path) -> None:
    hits = []
    for _ in range(2):
        loader = ringfeed.Loader(ringfeed.open(numbers, cache_dir=str(tmp_path)), 100)
        for _ in loader:
            pass
        metrics = loader.metrics()
        assert metrics["ringfeed_cache_hits_total"] + metrics["ringfeed_cache_misses_total"] >= 1
        hits.append((metrics["ringfeed_cache_hits_total"], metrics["ringfeed_cache_misses_total"]))
        loader.close()  # what it has read is in the cache for sure
    assert hits[0][1] >= 1  # hits, too, where it has read on into the next epoch
    assert hits[1][1] == 0 and hits[1][0] >= hits[0][1]
