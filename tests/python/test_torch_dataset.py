"""TorchDataset in torch's own DataLoader."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler

import ringfeed

pytestmark = pytest.mark.program
SAMPLES, WIDTH = 1003, 4  # of `numbers`


@pytest.mark.parametrize(("workers", "context"), [(0, None), (2, "fork"), (2, "spawn")])
def test_every_sample_once(numbers: str, workers: int, context: str | None) -> None:
    data = ringfeed.TorchDataset(numbers)
    assert len(data) == SAMPLES
    loader = DataLoader(data, batch_size=64, shuffle=True, num_workers=workers, multiprocessing_context=context)
    for _ in range(2):
        ids = []
        for batch in loader:
            assert torch.equal(batch["data"], batch["id"].to(torch.float32)[:, None].expand(-1, WIDTH))
            ids += batch["id"].tolist()
        assert sorted(ids) == list(range(SAMPLES))
    assert int(data[0]["id"]) == int(ringfeed.open(numbers)[0]["id"])  # the parent's own is as it was


def test_columns_tuples_and_transform(numbers: str) -> None:
    def double(sample: tuple[Any, ...]) -> tuple[Any, ...]:
        return sample[0] * 2, sample[1]

    data = ringfeed.TorchDataset(ringfeed.open(numbers), columns=["data", "id"], as_tuple=True, transform=double)
    values, number = data[3]
    assert values.tolist() == [2.0 * number] * WIDTH
    for batch, ids in DataLoader(data, batch_size=100):
        assert torch.equal(batch, 2 * ids.to(torch.float32)[:, None].expand(-1, WIDTH))
    with pytest.raises(IndexError):
        data[SAMPLES]
    with pytest.raises(ringfeed.InvalidArgumentError, match="there is no column 'none'"):
        ringfeed.TorchDataset(numbers, columns=["none"])


def test_ranks_of_a_distributed_sampler_share_it(numbers: str) -> None:
    data = ringfeed.TorchDataset(numbers)
    ids = []
    for rank in range(2):
        sampler = DistributedSampler(data, num_replicas=2, rank=rank, seed=1)
        ids += [int(number) for batch in DataLoader(data, batch_size=50, sampler=sampler) for number in batch["id"]]
    assert set(ids) == set(range(SAMPLES))
