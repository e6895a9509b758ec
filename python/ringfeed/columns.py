"""Data of many kinds as columns: (name, kind, values, offsets), the form in which the core takes samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy

from .errors import BadDataError, InvalidArgumentError

Column = tuple[str, str, numpy.ndarray, "numpy.ndarray | None"]
Part = tuple[int, list[Column]]
"""Samples, and their columns."""

SAMPLES_AT_ONCE, BYTES_AT_ONCE = 4096, 16 << 20
PAIR = ("data", "target")  # the names of what comes in pairs without names
WIDER = {"uint16": "int32", "uint32": "int64"}  # dtypes that a data set has not, but others hold


def source_of(data: Any, columns: Sequence[str] | None) -> tuple[Any, bool]:  # noqa: ANN401
    """What the core reads, and whether all of it is in memory.

    The first is a capsule of an Arrow stream, or a function that gives a Part, and None at the end.
    """
    if isinstance(data, Mapping):
        return once(columns_of(select(data, columns))), True
    if _is_frame(data):
        if columns is None and not all(isinstance(name, str) for name in data.columns):
            raise InvalidArgumentError("data: the columns of a DataFrame need names that are texts; rename them, or give columns=")
        return once(columns_of({name: data[name] for name in columns or data.columns})), True
    if hasattr(data, "__arrow_c_stream__"):
        if columns is not None:
            data = data.select(list(columns))
        return data.__arrow_c_stream__(), hasattr(data, "__len__")  # a table has a length, a reader has not
    if isinstance(getattr(data, "tensors", None), tuple):  # torch's TensorDataset
        names = names_of(len(data.tensors), columns)
        return once(columns_of(dict(zip(names, data.tensors, strict=True)))), True
    if isinstance(data, numpy.ndarray) or _is_tensor(data):
        return once(columns_of({names_of(1, columns)[0]: data})), True
    return parts_of(samples_of(data), columns).__next__, False


def once(part: Part) -> Callable[[], Part | None]:
    """The one part, then None."""
    left = [part]
    return lambda: left.pop() if left else None


def select(data: Mapping[str, Any], columns: Sequence[str] | None) -> Mapping[str, Any]:
    """Of these names alone, in this order."""
    if columns is None:
        return data
    for name in columns:
        if name not in data:
            raise InvalidArgumentError(f"data: there is no column {name!r}; there are {', '.join(map(str, data))}")
    return {name: data[name] for name in columns}


def names_of(count: int, columns: Sequence[str] | None) -> Sequence[str]:
    """Names for values that come without."""
    if columns is None:
        columns = PAIR[:count]
    if len(columns) != count:
        raise InvalidArgumentError(f"data: a sample has {count} values; name each with columns=[...]")
    return columns


def samples_of(data: Any) -> Iterator[Any]:  # noqa: ANN401
    """The samples of a torch Dataset or any iterable, in order."""
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[number] for number in range(len(data)))
    if isinstance(data, Iterable):
        return iter(data)
    raise InvalidArgumentError(
        f"data is {type(data).__name__}; give a dict of arrays or tensors, an Arrow table or reader, a DataFrame, a torch Dataset, or "
        "an iterable of samples")


def parts_of(samples: Iterator[Any], columns: Sequence[str] | None) -> Iterator[Part | None]:
    """Samples gathered into parts; then None without end."""
    first: list[Column] | None = None
    count = 0
    while True:
        block: list[Mapping[str, Any]] = []
        size = 0
        for sample in islice(samples, SAMPLES_AT_ONCE):
            block.append(fields_of(sample, columns, count + len(block)))
            size += sum(getattr(value, "nbytes", 0) for value in block[-1].values())
            if size >= BYTES_AT_ONCE:
                break
        if not block:
            break
        for number, fields in enumerate(block):
            if fields.keys() != block[0].keys():
                raise BadDataError(f"data: sample {count + number} has the columns {', '.join(fields)}, others have "
                                   f"{', '.join(block[0])}; give all samples the same ones")
        part = columns_of({name: [fields[name] for fields in block] for name in block[0]}, first)
        first = first or part[1]
        count += len(block)
        yield part
    while True:
        yield None


def fields_of(sample: Any, columns: Sequence[str] | None, number: int) -> Mapping[str, Any]:  # noqa: ANN401
    """A sample by names: a dict, a tuple of values, or one value."""
    if isinstance(sample, Mapping):
        try:
            return sample if columns is None else {name: sample[name] for name in columns}
        except KeyError as error:
            raise BadDataError(f"data: sample {number} has no column {error}") from None
    values = sample if isinstance(sample, tuple) else (sample,)
    return dict(zip(names_of(len(values), columns), values, strict=True))


def columns_of(data: Mapping[str, Any], like: list[Column] | None = None) -> Part:
    """Columns of many samples each. `like`: of the samples before them, whose kinds are kept."""
    if not data:
        raise InvalidArgumentError("data: there is no column")
    kinds = {name: kind for name, kind, _, _ in like or ()}
    columns = [column_of(str(name), values, kinds.get(name)) for name, values in data.items()]
    sizes = {name: len(values) if offsets is None else len(offsets) - 1 for name, _, values, offsets in columns}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InvalidArgumentError(f"data: the columns have different numbers of samples ({told})")
    return next(iter(sizes.values())), columns


def column_of(name: str, values: Any, kind: str | None = None) -> Column:  # noqa: ANN401
    """One column: an array or tensor whose first dimension is the samples, or a sequence with a value per sample."""
    if _is_tensor(values):
        values = _numpy_of(values)
    if not isinstance(values, numpy.ndarray) and not isinstance(values, list | tuple):
        values = values.to_numpy() if hasattr(values, "to_numpy") else list(values)
    if isinstance(values, numpy.ndarray) and values.dtype.kind not in "OUST":
        if values.ndim == 0:
            raise InvalidArgumentError(f"column {name!r}: the first dimension is the samples, but it has none")
        return name, "tensor", plain(name, values), None
    values = list(values)
    if not values:
        raise InvalidArgumentError(f"column {name!r}: there is no sample; a data set needs at least one")
    if isinstance(values[0], str):
        return varying(name, "string", [_bytes_of(name, value, str).encode() for value in values])
    if isinstance(values[0], bytes | bytearray | memoryview):
        return varying(name, "binary", [bytes(_bytes_of(name, value, bytes | bytearray | memoryview)) for value in values])
    if isinstance(values[0], bool | int | float | numpy.generic) and (numbers := numbers_of(values)) is not None:
        return column_of(name, numbers)
    arrays = [_numpy_of(value) if _is_tensor(value) else numpy.asarray(value) for value in values]
    for number, array in enumerate(arrays):
        if array.dtype.kind in "OUST":
            raise BadDataError(f"column {name!r}: value {number} is {values[number]!r:.40}, which is no number like the others")
    shapes = {array.shape for array in arrays}
    dtype = numpy.result_type(*{array.dtype for array in arrays})
    if kind == "list" or (kind is None and len(shapes) > 1 and {len(shape) for shape in shapes} == {1}):
        return varying(name, "list", [plain(name, array.astype(dtype, copy=False)) for array in arrays])
    if len(shapes) > 1:
        raise BadDataError(f"column {name!r}: samples have different shapes ({', '.join(map(str, sorted(shapes)[:3]))}); only one "
                           "dimension may vary: make it a list of one dimension, or bytes")
    return name, "tensor", plain(name, numpy.stack(arrays).astype(dtype, copy=False)), None


def numbers_of(values: list[Any]) -> numpy.ndarray | None:
    """One number per sample; None when something else is among them."""
    try:
        array = numpy.asarray(values)
    except ValueError:  # a sequence is
        return None
    return None if array.dtype.kind in "OUST" else array


def varying(name: str, kind: str, parts: Sequence[bytes] | Sequence[numpy.ndarray]) -> Column:
    """Values of different lengths, one after the other."""
    offsets = numpy.zeros(len(parts) + 1, numpy.int64)
    numpy.cumsum([len(part) for part in parts], out=offsets[1:])
    values = numpy.concatenate(parts) if kind == "list" else numpy.frombuffer(b"".join(parts), numpy.uint8)
    return name, kind, numpy.ascontiguousarray(values), offsets


def plain(name: str, values: numpy.ndarray) -> numpy.ndarray:
    """C-contiguous, in this machine's byte order, of a dtype that a data set has."""
    dtype = values.dtype.newbyteorder("=")
    if dtype == numpy.uint64:
        raise InvalidArgumentError(f"column {name!r}: uint64 cannot be held; cast it to int64")
    return numpy.ascontiguousarray(values, WIDER.get(dtype.name, dtype))


def _bytes_of(name: str, value: Any, kind: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, kind):
        raise BadDataError(f"column {name!r}: a value is {type(value).__name__}, others are text or bytes; fill in what is missing")
    return value


def _is_tensor(value: Any) -> bool:  # noqa: ANN401
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def _is_frame(data: Any) -> bool:  # noqa: ANN401
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns")


def _numpy_of(tensor: Any) -> numpy.ndarray:  # noqa: ANN401
    return tensor.detach().cpu().contiguous().numpy()
