"""Which rank this process is."""

from __future__ import annotations

import os
import sys
import warnings

from .arguments import in_environment
from .errors import InvalidArgumentError


def initialized_rank() -> tuple[int, int] | None:
    """Rank and world size that torch.distributed has, once it is initialized."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def find_rank() -> tuple[int, int]:
    """Rank and world size of this process: torch.distributed's, else the environment's, else 0 and 1."""
    if (found := initialized_rank()) is not None:
        return found
    rank, world_size = in_environment("RANK"), in_environment("WORLD_SIZE")
    if rank is None and world_size not in (None, 1):  # as in the processes that Lightning starts
        raise InvalidArgumentError(f"WORLD_SIZE is {world_size}, but RANK is not set; make the Loader after torch.distributed is "
                                   "initialized, or give rank and world_size")
    rank, world_size = rank or 0, world_size or 1
    if rank >= world_size:
        raise InvalidArgumentError(f"RANK is {rank} and WORLD_SIZE {world_size}; ranks go from 0 to {world_size - 1}: correct these "
                                   "variables, or give rank and world_size")
    if world_size > 1 and "MASTER_ADDR" not in os.environ:  # whatever starts ranks sets it
        warnings.warn(f"ringfeed: RANK={rank} and WORLD_SIZE={world_size} are set, so this Loader gives one of {world_size} shares of the "
                      "data; if they are left over, unset them, else give rank and world_size", stacklevel=3)
    return rank, world_size


def ranks() -> int:
    """How many processes share the nodes of a Cassandra: the world size, where it is known."""
    found = initialized_rank()
    return found[1] if found is not None else in_environment("WORLD_SIZE") or 1
