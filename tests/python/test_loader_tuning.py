"""ringfeed.tune(): the stage that is slow is named, and threads that help are found. What is slow sleeps, so that a busy machine changes
little."""

from __future__ import annotations

import time
from typing import Any

import pytest

import ringfeed

pytestmark = pytest.mark.program
PAUSE = 0.02  # of a batch


def slow(value: Any) -> Any:
    time.sleep(PAUSE)
    return value


def test_a_slow_transform_is_the_limit_and_more_threads_lift_it(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfeed.tuning.cores", lambda: 4)
    seen = []
    tuned = ringfeed.tune(ringfeed.open(numbers), lambda batch: seen.append(batch.size), seconds=12, batch_size=10, seed=3, transform=slow,
                          transform_batches=True, transform_threads=1)
    assert tuned.limit == "transform" and set(tuned.stages) == {"feed", "transform", "step"}
    assert tuned.stages["transform"] == pytest.approx(10 / PAUSE, rel=0.3)
    assert tuned.start.measured == pytest.approx(tuned.start.predicted, rel=0.3)
    assert tuned.options["transform_threads"] in (2, 4)
    best = max(tuned.tries, key=lambda tried: tried.measured)
    assert best.measured > 1.5 * tuned.start.measured and len(tuned.tries) <= 3
    assert set(seen) == {10, 7, 6}  # whole epochs of 1,003, the tail shared
    text = str(tuned)
    assert "limit: transform" in text and "as it is" in text and "transform_threads=" in text
    loader = ringfeed.Loader(ringfeed.open(numbers), 10, **tuned.options, transform=slow, transform_batches=True)
    assert next(iter(loader)).size == 10
    loader.close()


def test_a_slow_step_is_the_limit_and_nothing_is_chosen(numbers: str) -> None:
    tuned = ringfeed.tune(ringfeed.open(numbers), slow, seconds=6, batch_size=10)
    assert tuned.limit == "step" and set(tuned.stages) == {"feed", "step"} and tuned.options == {}
    assert tuned.stages["step"] == pytest.approx(10 / PAUSE, rel=0.3) and tuned.tries == ()
    assert tuned.stages["feed"] > 10 * tuned.stages["step"]


def test_the_feed_alone(numbers: str, tmp_path: Any) -> None:
    tuned = ringfeed.tune(ringfeed.open(numbers), seconds=4, batch_size=10, ledger=tmp_path / "ledger")
    assert tuned.limit == "feed" and not (tmp_path / "ledger").exists()


def test_what_does_not_fit(numbers: str) -> None:
    data = ringfeed.open(numbers)
    with pytest.raises(ringfeed.InvalidArgumentError, match=r"seconds is 0.1; \d+ measurements need \d+"):
        ringfeed.tune(data, seconds=0.1)
    with pytest.raises(TypeError, match="num_workers"):
        ringfeed.tune(data, num_workers=2)

    def fails(batch: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ringfeed.tune(data, fails, seconds=6, batch_size=10)
