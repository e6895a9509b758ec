"""Columns as torch tensors; torch is imported when the first one is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy


def tensor_maker() -> Callable[[Any], Any]:
    """What makes a tensor from a DLPack capsule: the public function's own last step, where torch has it, as what
    torch's own asks before costs as much again."""
    import torch.utils.dlpack

    return getattr(torch._C, "_from_dlpack", torch.utils.dlpack.from_dlpack)


def tensors_of(values: Any) -> Any:  # noqa: ANN401
    """An array or a list of arrays as tensors over the same memory; text and bytes as they are."""
    import torch

    if isinstance(values, list):
        return [torch.from_numpy(part) if isinstance(part, numpy.ndarray) else part for part in values]
    if isinstance(values, numpy.generic):
        return torch.tensor(values)
    return torch.from_numpy(values) if isinstance(values, numpy.ndarray) else values


def mapped(values: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """The same with each tensor changed, in lists, tuples and dicts, too; all else as it is."""
    if isinstance(values, list):
        return [mapped(part, change) for part in values]
    if isinstance(values, tuple):
        return tuple(mapped(part, change) for part in values)
    if isinstance(values, dict):
        return {name: mapped(part, change) for name, part in values.items()}
    return change(values) if hasattr(values, "detach") else values


def moved(values: Any, device: Any, non_blocking: bool) -> Any:  # noqa: ANN401
    """Tensors on a device."""
    return mapped(values, lambda tensor: tensor.to(device, non_blocking=non_blocking))
