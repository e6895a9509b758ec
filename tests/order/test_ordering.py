"""Tests of the order that docs/ordering.md defines, as `ordering.py` computes it.

First, what the page promises, over generated cases; then equality with the golden orders, which
the program writes and checks too.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ordering import (
    draw_below,
    epoch_order,
    lane_count,
    rank_samples,
    shared_by_slices,
    steps,
    storage_order,
    stride,
)

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
GOLDEN_MIN = 12
ARGUMENTS = ("block_samples", "seed", "epoch", "global_batch", "lanes", "window", "shuffle", "tail")

Case = dict[str, Any]  # arguments of epoch_order


def make_case(number: int) -> Case:
    """A small case; every third has empty blocks, and N = 0 and N < G come up too."""
    random = Random(number)
    smallest = 0 if number % 3 == 0 else 1
    largest = random.choice([1, 3, 20, 60])
    return {
        "block_samples": [random.randint(smallest, largest) for _ in range(random.randint(0, 15))],
        "seed": random.getrandbits(64),
        "epoch": random.choice([0, 1, 7, 2**64 - 1]),
        "global_batch": random.choice([1, 2, 7, 16, 64, 100, 2000]),
        "lanes": random.choice([1, 2, 3, 8, 12, 64, 65536]),
        "window": random.choice([1, 2, 3, 5, 1024]),
        "shuffle": random.choice(["block", "block", "full", "none"]),
        "tail": random.choice(["share", "share", "join", "drop"]),
    }


def is_possible(case: Case) -> bool:
    """Not one that drops all samples, which is refused."""
    return case["tail"] != "drop" or not 0 < sum(case["block_samples"]) < case["global_batch"]


CASES = [case for case in map(make_case, range(500)) if is_possible(case)]


def case_steps(case: Case) -> list[tuple[int, int]]:
    return steps(sum(case["block_samples"]), case["global_batch"], case["lanes"], case["tail"])


def case_order(case: Case) -> list[tuple[int, int]]:
    return epoch_order(**{name: value for name, value in case.items() if name != "tail"})


def handed_out(case: Case) -> int:
    return max((end for _, end in case_steps(case)), default=0)


def case_slices(case: Case) -> set[int]:
    if case["shuffle"] != "block":
        return set(range(len(case_steps(case))))
    return shared_by_slices(sum(case["block_samples"]), case["global_batch"], case["lanes"], case["tail"])


def case_lanes(case: Case) -> int:
    return lane_count(sum(case["block_samples"]), case["global_batch"], case["lanes"])


def all_ranks(case: Case, world_size: int) -> list[list[list[int]]]:
    """The samples by rank and step."""
    return [rank_samples(**case, world_size=world_size, rank=r) for r in range(world_size)]


def world_sizes(case: Case) -> list[int]:
    """Numbers of ranks that the case allows: the least, the most and some between."""
    most = max(1, min([case_lanes(case), *(case_steps(case)[k][1] - case_steps(case)[k][0] for k in case_slices(case))]))
    return sorted({1, min(2, most), (most + 1) // 2, max(1, most - 1), most})


def test_order_is_an_exact_permutation() -> None:
    for case in CASES:
        assert sorted(case_order(case)) == storage_order(case["block_samples"]), case


def test_steps_cover_the_epoch_without_padding() -> None:
    for case in CASES:
        n, batch, found = sum(case["block_samples"]), case["global_batch"], case_steps(case)
        covered = n if case["tail"] != "drop" else n - n % batch
        assert [p for begin, end in found for p in range(begin, end)] == list(range(covered)), case
        assert all(begin == k * batch for k, (begin, _) in enumerate(found[:-1])), case


def test_no_step_is_larger_than_the_batch_and_none_is_tiny() -> None:
    for case in CASES:
        sizes = [end - begin for begin, end in case_steps(case)]
        lanes, batch = case_lanes(case), case["global_batch"]
        assert all(size == batch for size in sizes[:-2]), case
        if case["tail"] == "join":
            assert all(lanes <= size < batch + lanes for size in sizes), case
        else:
            assert all(min(lanes, batch // 2) <= size <= batch for size in sizes), case


def test_ranks_are_disjoint_and_complete_in_each_step() -> None:
    for case in CASES:
        for world_size in world_sizes(case):
            ranks = all_ranks(case, world_size)
            for k, (begin, end) in enumerate(case_steps(case)):
                shared = [p for rank in ranks for p in rank[k]]
                assert sorted(shared) == list(range(begin, end)), (case, world_size)
                assert all(rank[k] for rank in ranks), (case, world_size)


def test_samples_of_a_step_do_not_depend_on_the_number_of_ranks() -> None:
    for case in CASES:
        order = case_order(case)
        unions = []
        for world_size in world_sizes(case):
            by_step = zip(*all_ranks(case, world_size))
            unions.append([{order[p] for rank in step for p in rank} for step in by_step])
        assert all(union == unions[0] for union in unions), case


def test_ranks_together_read_few_blocks_twice() -> None:
    """The page's bound for `block`: B + W - 1 reads of blocks by all ranks together, and the slices'."""
    for case in (case for case in CASES if case["shuffle"] == "block"):
        order = case_order(case)
        blocks = sum(n > 0 for n in case["block_samples"])
        for world_size in world_sizes(case):
            reads = [{order[p][0] for step in rank for p in step}
                     for rank in all_ranks(case, world_size)]
            slices = sum(end - begin for k, (begin, end) in enumerate(case_steps(case)) if k in case_slices(case))
            assert sum(map(len, reads)) <= max(0, blocks + world_size - 1 + slices), (case, world_size)


def test_draw_below_draws_again_when_the_low_bits_are_below_t() -> None:
    assert draw_below(3, iter([0, 2**63])) == 1  # t = 1: 0 is refused
    assert draw_below(2, iter([0])) == 0  # t = 0: nothing is


@pytest.mark.parametrize(("lanes", "expected"),
                         [(1, 1), (2, 1), (3, 2), (10, 7), (64, 39), (1000, 617)])
def test_stride(lanes: int, expected: int) -> None:
    """At 1000, 617 and 619 are equally near."""
    assert stride(lanes) == expected


def test_more_ranks_than_lanes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 ranks"):
        rank_samples([9], seed=0, epoch=0, global_batch=4, lanes=2, world_size=3, rank=0)


def test_a_step_too_small_for_the_ranks_is_refused() -> None:
    with pytest.raises(ValueError, match="more than the last step has samples"):
        rank_samples([41], seed=0, epoch=0, global_batch=8, world_size=5, rank=0)


def test_there_are_enough_golden_orders() -> None:
    assert len(GOLDEN) >= GOLDEN_MIN


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_order(path: Path) -> None:
    golden = json.loads(path.read_text())
    case = {name: golden[name] for name in ARGUMENTS}
    assert [list(sample) for sample in case_order(case)[:handed_out(case)]] == golden["order"]
    assert [list(step) for step in case_steps(case)] == golden["steps"]
    assert all_ranks(case, golden["world_size"]) == golden["ranks"]
