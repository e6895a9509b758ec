"""Values of one column, of whatever kind, as NumPy arrays. None is changed on the way: what would be is refused by
name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import numpy

from .errors import BadDataError, InvalidArgumentError

HELD = frozenset(["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"])
WIDER = {"uint16": "int32", "uint32": "int64"}  # dtypes that a data set has not, but others hold
NUMBERS = {int, float, bool}
NO_NUMBERS = "OUST"  # kinds of dtypes: objects, text and bytes
EXACT = numpy.float64(2**53)  # every whole number up to it is a float64
REMEDIES = {"M": "cast it to int64", "m": "cast it to int64", "u": "cast it to int64 where that has its values, else make it text",
            "f": "cast it to float64", "c": "give its real and imaginary parts as columns",
            "V": "cast it to float32, or give its fields as columns"}
MISSING = "missing; fill it in, or leave the sample out"


def is_tensor(value: Any) -> bool:  # noqa: ANN401
    """Whether it is of torch."""
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def name_of_dtype(dtype: Any) -> Any:  # noqa: ANN401
    """What a dtype of NumPy or torch is called; anything else as it is."""
    if isinstance(dtype, numpy.dtype):
        return dtype.name
    if isinstance(dtype, type) and issubclass(dtype, numpy.generic):
        return dtype.__name__.removesuffix("_")
    return str(dtype).removeprefix("torch.") if type(dtype).__module__ == "torch" else dtype


def array_of(name: str, value: Any, sample: int) -> numpy.ndarray:  # noqa: ANN401
    """The value of one sample.

    Raises:
        BadDataError: it has something masked, is no array, or a whole number would be rounded.
    """
    if type(value) is numpy.ndarray and value.dtype.kind not in NO_NUMBERS:  # the usual case, and a subclass is another
        return value
    if not isinstance(value, list | tuple) and is_tensor(value):
        return numpy_of(name, value)
    try:
        array = numpy.asarray(value)
    except numpy.ma.MaskError:
        refuse_masked(name, sample)
    except ValueError:
        raise BadDataError(f"column {name!r}: sample {sample} is {value!r:.40}, which is no array of numbers; a sample of several values "
                           "is a tuple or a dict") from None
    whole_list = isinstance(value, list | tuple) and array.ndim == 1 and array.dtype.kind in "iu"  # a masked number would have been refused
    if not whole_list and has_masked(value):
        refuse_masked(name, sample)
    if not isinstance(value, numpy.ndarray | numpy.generic):
        refuse_rounded(name, array, value, sample)
    if array.dtype.kind in NO_NUMBERS:
        raise BadDataError(f"column {name!r}: sample {sample} is {value!r:.40}, which is {_no_number(value)}")
    return array


def _no_number(value: Any) -> str:  # noqa: ANN401
    """What a value of this kind is, and what may be done about it."""
    if isinstance(value, Mapping):
        return "a dict; give its parts as columns of their own, such as the bytes of an image: {'image': value['bytes']}"
    parts = value.ravel().tolist() if isinstance(value, numpy.ndarray) else value
    if isinstance(parts, list | tuple) and parts and all(isinstance(part, str | bytes) for part in parts):
        return "a list of text; make it one text, as JSON does, or numbers, as a tokenizer does, or leave the column out with drop="
    if is_missing(value):
        return MISSING
    return "no number like the others; make it one, or all of them text"


def is_missing(value: Any) -> bool:  # noqa: ANN401
    """None, NaN, and what pandas has for them."""
    if isinstance(value, float | numpy.floating):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def other_than(due: str, value: Any) -> str:  # noqa: ANN401
    """What a value is where text or bytes are due, and what may be done about it."""
    return f"{value!r:.40}, which is {MISSING}" if is_missing(value) else f"{value!r:.40}, where {due} is due; make it that"


def whole_column(name: str, values: numpy.ndarray, start: int) -> numpy.ndarray:
    """An array whose first dimension is the samples, the first of them number `start`.

    Raises:
        BadDataError: something in it is masked.
        InvalidArgumentError: it has no dimension.
    """
    if values.ndim == 0:
        raise InvalidArgumentError(f"column {name!r}: the first dimension is the samples, but it has none")
    if numpy.ma.is_masked(values):
        rows = numpy.ma.getmaskarray(values).reshape(len(values), -1).any(axis=1)
        refuse_masked(name, start + int(rows.argmax()))
    return plain(name, numpy.ma.getdata(values))


def numbers_of(name: str, values: list[Any], start: int) -> numpy.ndarray | None:
    """One number per sample; None when something else is among them."""
    if has_masked(values):
        refuse_masked(name, start + next(number for number, value in enumerate(values) if has_masked(value)))
    try:
        array = numpy.asarray(values)
    except ValueError:  # a sequence is
        return None
    if array.ndim != 1:
        return None
    for number in large_in(array):
        refuse_rounded(name, array[number:number + 1], values[number], start + number)
    return None if array.dtype.kind in NO_NUMBERS else array


def has_masked(value: Any) -> bool:  # noqa: ANN401
    """Whether something in the value, or in a list within it, is masked: NumPy makes plain arrays of these lists."""
    if not isinstance(value, list | tuple):
        return isinstance(value, numpy.ma.MaskedArray) and numpy.ma.is_masked(value)
    types = set(map(type, value))  # a look at the types alone is much cheaper than one at each number
    if types <= NUMBERS:
        return False
    return any(issubclass(each, list | tuple | numpy.ma.MaskedArray) for each in types) and any(map(has_masked, value))


def large_in(array: numpy.ndarray) -> list[int]:
    """Places of numbers that NumPy may have rounded as it made the array."""
    if array.dtype.kind == "O":
        return list(range(len(array)))
    return numpy.flatnonzero(numpy.abs(array) >= EXACT).tolist() if array.dtype.kind in "fu" else []


def refuse_rounded(name: str, array: numpy.ndarray, value: Any, sample: int) -> None:  # noqa: ANN401
    """BadDataError for a whole number in the value beyond int64, or that the array's floats do not hold exactly."""
    if array.dtype.kind not in "fuO" or (array.dtype.kind != "O" and not (numpy.abs(array) >= EXACT).any()):
        return
    for number in numbers_in(value):
        if not isinstance(number, int | numpy.integer):
            continue
        if not -(2**63) <= number < 2**63:
            raise BadDataError(f"column {name!r}: sample {sample} has {number}, a whole number beyond int64; make it text, or a float")
        if array.dtype.kind == "f" and int(array.dtype.type(number)) != number:
            raise BadDataError(f"column {name!r}: sample {sample} has {number}, a whole number that {array.dtype} does not hold exactly; "
                               "make it a float, or the column whole numbers")


def numbers_in(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """What is in lists within lists."""
    if not isinstance(value, list | tuple):
        yield value
        return
    for part in value:
        yield from numbers_in(part)


def fitted(name: str, array: numpy.ndarray, dtype: numpy.dtype, sample: int, by_row: bool = False, asked: bool = False) -> numpy.ndarray:
    """The same numbers as another dtype; from float to float they are rounded, from whole numbers only where the dtype
    was `asked` for. They are of one sample, or `by_row` one of each from `sample` on.

    Raises:
        BadDataError: one of them would be another number.
    """
    if array.dtype == dtype:
        return array
    with numpy.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(dtype)
        if dtype.kind == "f" and (asked or array.dtype.kind == "f"):
            changed = numpy.isfinite(array) & ~numpy.isfinite(cast)
        else:
            changed = cast.astype(array.dtype) != array
            if dtype.kind == "f" and array.dtype.kind == "i":
                changed |= cast >= 2.0**63  # beyond int64: the way back says nothing
    if changed.any():
        at = sample + int(changed.reshape(len(array), -1).any(axis=1).argmax()) if by_row else sample
        raise BadDataError(f"column {name!r}: sample {at} has {array[changed].flat[0]}, which {dtype} does not hold exactly")
    return cast


def held(name: str, dtype: numpy.dtype) -> numpy.dtype:
    """The dtype of a data set, in this machine's byte order, that has all its numbers.

    Raises:
        InvalidArgumentError: there is none.
    """
    dtype = dtype.newbyteorder("=")
    dtype = numpy.dtype(WIDER.get(dtype.name, dtype))
    if dtype.name not in HELD:
        raise InvalidArgumentError(f"column {name!r}: {dtype} cannot be held; {REMEDIES.get(dtype.kind, 'cast it to a number')}")
    return dtype


def plain(name: str, values: numpy.ndarray) -> numpy.ndarray:
    """C-contiguous, of a dtype that a data set has."""
    if 0 in values.shape[1:]:
        raise InvalidArgumentError(f"column {name!r}: samples of shape {values.shape[1:]} hold nothing; leave the column out")
    return numpy.ascontiguousarray(values, held(name, values.dtype))


def numpy_of(name: str, tensor: Any) -> numpy.ndarray:  # noqa: ANN401
    """A tensor's values.

    Raises:
        InvalidArgumentError: NumPy has no array of this kind.
    """
    if type(tensor).__name__ == "MaskedTensor":
        raise InvalidArgumentError(f"column {name!r}: a masked tensor cannot be held; fill in what is masked with to_tensor(value)")
    try:
        return tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().numpy()
    except (TypeError, RuntimeError, NotImplementedError):
        raise InvalidArgumentError(
            f"column {name!r}: a tensor of {tensor.dtype} ({tensor.layout}, on {tensor.device}) cannot be held; give a dense one with "
            "values, as tensor.float() makes it") from None


def refuse_masked(name: str, sample: int) -> NoReturn:
    """BadDataError."""
    raise BadDataError(f"column {name!r}: sample {sample} has a masked value; fill in what is missing, or leave the sample out")
