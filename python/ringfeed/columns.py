"""Data of many kinds as columns: (name, kind, values, offsets), the form in which the core takes samples."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy

from .arguments import encodable
from .errors import BadDataError, InvalidArgumentError
from .values import HELD, array_of, fitted, held, is_tensor, name_of_dtype, numbers_of, numpy_of, other_than, plain, whole_column

Column = tuple[str, str, numpy.ndarray, "numpy.ndarray | None"]
Part = tuple[int, list[Column], list[tuple[int, str]]]
"""Samples, their columns, and which of them are bad: their number among these, and why. What stands in their place
means nothing."""

SAMPLES_AT_ONCE, BYTES_AT_ONCE = 4096, 16 << 20
PAIR = ("data", "target")  # the names of what comes in pairs without names


class Like(NamedTuple):
    """What a column is: from its first samples on, or by a schema.

    Attributes:
        kind: "tensor", "list", "binary" or "string".
        dtype: of the elements; None for text and bytes.
        shape: of one sample; None where it varies.
        asked: by a schema: then numbers may come as any dtype whose values it holds.
    """

    kind: str
    dtype: numpy.dtype | None
    shape: tuple[int, ...] | None
    asked: bool = False

    def text(self) -> str:
        """The type as the command line has it: "float32:8x8", "list<int64>", "string"."""
        if self.dtype is None:
            return self.kind
        if self.shape is None:
            return f"list<{self.dtype}>"
        return f"{self.dtype}:{'x'.join(map(str, self.shape))}" if self.shape else str(self.dtype)


def schema_of(schema: Mapping[str, Any] | None) -> dict[str, Like]:
    """What a schema says of the columns that it names.

    Raises:
        InvalidArgumentError: it cannot be.
    """
    if schema is not None and not isinstance(schema, Mapping):
        raise InvalidArgumentError(f"schema is {schema!r:.40}; it is a dict of types by column")
    return {name: _like_of_type(name, said) for name, said in (schema or {}).items()}


def _like_of_type(name: str, said: Any) -> Like:  # noqa: ANN401
    if isinstance(said, str) and said in ("string", "binary"):
        return Like(said, None, None, True)
    dtype, shape = said if isinstance(said, tuple) and len(said) == 2 else (said, ())
    dtype = name_of_dtype(dtype)
    kind = "tensor"
    if isinstance(dtype, str) and dtype.startswith("list<") and dtype.endswith(">") and not isinstance(said, tuple):
        kind, dtype, shape = "list", dtype[5:-1], None
    sizes = shape is None or (isinstance(shape, tuple | list) and all(isinstance(size, int) and size > 0 for size in shape))
    if dtype not in HELD or not sizes:
        raise InvalidArgumentError(f"schema: {name!r} is {said!r:.40}; it is a dtype ({', '.join(sorted(HELD))}), (dtype, shape), "
                                   "'list<dtype>', 'string' or 'binary'")
    return Like(kind, numpy.dtype(dtype), None if shape is None else tuple(shape), True)


def refuse_no_samples(data: Any) -> None:  # noqa: ANN401
    """InvalidArgumentError for data that would be taken apart into what nobody calls a sample: the letters of a
    text."""
    if isinstance(data, str | os.PathLike):
        raise InvalidArgumentError(f"data is {str(data)!r:.60}, a text; files are stored by 'ringfeed ingest', which is a program, and a list "
                                   "of texts has one for each sample")
    if isinstance(data, bytes | bytearray | memoryview):
        raise InvalidArgumentError(f"data is {type(data).__name__}; give a list with the bytes of each sample")
    if hasattr(data, "__arrow_c_array__") and hasattr(data, "to_pylist") and not hasattr(data, "schema"):
        raise InvalidArgumentError(f"data is {type(data).__name__}, one column without a name; give it one: {{'name': data}}")


def source_of(data: Any, chosen: Chosen, schema: Mapping[str, Any] | None = None, skip: bool = False) -> Read:  # noqa: ANN401
    """Data of any kind for the core. `skip`: bad samples are told of by the parts, and are no errors."""
    like, columns = schema_of(schema), chosen.columns
    refuse_no_samples(data)
    if isinstance(data, Mapping):
        return Read(once(part_of({name: data[name] for name in chosen.of(data)}, like, skip)), True)
    if _is_frame(data):
        if columns is None and not all(isinstance(name, str) for name in data.columns):
            raise InvalidArgumentError("data: the columns of a DataFrame need names that are texts; rename them, or give columns=")
        return Read(once(part_of({name: data[name] for name in chosen.of(list(data.columns))}, like, skip)), True)
    if hasattr(data, "scanner") and hasattr(data, "to_batches"):  # a Dataset of pyarrow
        data = data.scanner().to_reader()
    if hasattr(data, "num_rows") and hasattr(data, "with_format"):  # a Dataset of Hugging Face
        data = data.with_format("arrow")[:]
    if hasattr(data, "__arrow_c_stream__"):
        if hasattr(data, "to_numpy") and not hasattr(data, "columns"):
            raise InvalidArgumentError(f"data is {type(data).__name__}, one column without a name; give it one: {{'name': data}}")
        types = [f"{name}={said.text()}" for name, said in like.items()]
        return Read(data.__arrow_c_stream__(), hasattr(data, "__len__"), chosen, types)  # a table has a length, a reader has not
    if isinstance(getattr(data, "tensors", None), tuple):  # torch's TensorDataset
        names = names_of(len(data.tensors), columns)
        named = dict(zip(names, data.tensors, strict=True))
        return Read(once(part_of({name: named[name] for name in chosen.but_dropped(names)}, like, skip)), True)
    if isinstance(data, numpy.ndarray) or is_tensor(data):
        return Read(once(part_of({names_of(1, columns)[0]: data}, like, skip)), True)
    return Read(parts_of(samples_of(data), chosen, like, skip).__next__, False)


def once(part: Part) -> Callable[[], Part | None]:
    """The one part, then None."""
    left = [part]
    return lambda: left.pop() if left else None


class Chosen(NamedTuple):
    """Which columns are taken.

    Attributes:
        columns: the names of all, in their order; None: all that are there.
        drop: names to leave out.
    """

    columns: Sequence[Any] | None = None
    drop: Sequence[Any] = ()

    @classmethod
    def checked(cls, columns: Any, drop: Any) -> Chosen:  # noqa: ANN401
        """Of what a user gave.

        Raises:
            InvalidArgumentError: no list of names, a name that stands twice, or both.
        """
        if columns is not None and drop is not None:
            raise InvalidArgumentError("columns and drop: columns are chosen or left out; give one of the two")
        return cls(None if columns is None else _each_once("columns", columns), () if drop is None else _each_once("drop", drop))

    def of(self, names: Iterable[Any]) -> Sequence[Any]:
        """The names to take of these, each there once.

        Raises:
            InvalidArgumentError: one is missing, or stands twice.
        """
        there = Counter(iter(names))
        taken = self.but_dropped(list(there)) if self.columns is None else self.columns
        for name in taken:
            if name not in there:
                raise InvalidArgumentError(f"data: there is no column {name!r}; there are {', '.join(map(str, there))}")
            if there[name] > 1:
                raise InvalidArgumentError(f"data: the column {name!r} stands twice; rename one, or leave it out")
        return taken

    def but_dropped(self, names: Sequence[Any]) -> Sequence[Any]:
        """These names without those to leave out.

        Raises:
            InvalidArgumentError: one to leave out is not there.
        """
        for name in self.drop:
            if name not in names:
                raise InvalidArgumentError(f"drop: there is no column {name!r}; there are {', '.join(map(str, names))}")
        return [name for name in names if name not in self.drop]


ALL = Chosen()


class Read(NamedTuple):
    """What the core reads, and what it does with it.

    Attributes:
        source: a capsule of an Arrow stream, or a function that gives a Part, and None at the end.
        in_memory: whether all of it is.
        chosen: the columns that the core has to choose.
        types: "NAME=TYPE" each, to which the core has to cast columns.
    """

    source: Any
    in_memory: bool
    chosen: Chosen = ALL
    types: Sequence[str] = ()


def _each_once(keyword: str, names: Any) -> Sequence[Any]:  # noqa: ANN401
    """A list of names that a user gave."""
    names = names if isinstance(names, str) else [*names]
    if isinstance(names, str) or not names:
        remedy = " to take all" if keyword == "columns" else ""
        raise InvalidArgumentError(f"{keyword} is {names!r}; give a list of names, or leave it out{remedy}")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InvalidArgumentError(f"{keyword}: {twice[0]!r} stands twice; leave one out")
    return names


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
        f"data is {type(data).__name__}; give a dict of arrays or tensors, an Arrow table, reader or dataset, a DataFrame, a torch Dataset, "
        "or an iterable of samples")


def bytes_of(value: Any) -> int:  # noqa: ANN401
    """What an array takes; 0 of what does not say it, as a sparse tensor, which is refused later."""
    try:
        return int(getattr(value, "nbytes", 0))
    except RuntimeError:
        return 0


def parts_of(samples: Iterator[Any], chosen: Chosen, like: Mapping[str, Like], skip: bool) -> Iterator[Part | None]:
    """Samples gathered into parts; then None without end."""
    count = 0
    while True:
        block: list[Mapping[str, Any]] = []
        size = 0
        for sample in islice(samples, SAMPLES_AT_ONCE):
            block.append(fields_of(sample, chosen, count + len(block)))
            size += sum(bytes_of(value) for value in block[-1].values())
            if size >= BYTES_AT_ONCE:
                break
        if not block:
            break
        names = like if count else block[0]
        for number, fields in enumerate(block):
            if fields.keys() != names.keys():
                raise BadDataError(f"data: sample {count + number} has the columns {', '.join(map(str, fields))}, others have "
                                   f"{', '.join(map(str, names))}; give all samples the same ones")
        part = part_of({name: [fields[name] for fields in block] for name in names}, like, skip, count)
        if not count:
            like = {name: like.get(name, like_of(column)) for name, column in zip(names, part[1], strict=True)}
        count += len(block)
        yield part
    while True:
        yield None


def fields_of(sample: Any, chosen: Chosen, number: int) -> Mapping[str, Any]:  # noqa: ANN401
    """A sample by names: a dict, a tuple of values, or one value."""
    columns = chosen.columns
    if not isinstance(sample, Mapping):
        values = sample if isinstance(sample, tuple) else (sample,)
        sample, columns = dict(zip(names_of(len(values), columns), values, strict=True)), None
    try:
        fields = sample if columns is None else {name: sample[name] for name in columns}
    except KeyError as error:
        raise BadDataError(f"data: sample {number} has no column {error}") from None
    return {name: fields[name] for name in chosen.but_dropped([*fields])} if chosen.drop else fields


def part_of(data: Mapping[str, Any], like: Mapping[str, Like], skip: bool, start: int = 0) -> Part:
    """Columns of many samples each, the first of them number `start`. `like`: what is known of them. `skip`: bad
    samples are named, and a good one stands in the place of each."""
    try:
        return (*columns_of(data, like, start), [])
    except BadDataError:
        if not skip:
            raise
        data = {name: _own(str(name), values) for name, values in data.items()}
        bad = bad_samples(data, like, start)
        good = next((number for number in range(len(next(iter(data.values())))) if number not in bad), None)
        if good is None or not bad:  # what is wrong is not one sample's
            raise
    for values in data.values():
        for number in bad:
            values[number] = values[good]
    return (*columns_of(data, like, start), [*bad.items()])


def _own(name: str, values: Any) -> Any:  # noqa: ANN401
    """A copy of a column whose values can be replaced."""
    if is_tensor(values):
        values = numpy_of(name, values)
    if not isinstance(values, numpy.ndarray | list | tuple):
        values = _foreign(values)
    return values.copy() if isinstance(values, numpy.ndarray) else list(values)


def bad_samples(data: Mapping[str, Any], like: Mapping[str, Like], start: int) -> dict[int, str]:
    """What is wrong with samples that make no columns by themselves, or are of another kind than most, by their
    number."""
    kinds = {name: Counter(map(kind_of, values)).most_common(1)[0][0] for name, values in data.items()}
    like = {name: Like(kind, None, None) for name, kind in kinds.items() if kind} | dict(like)
    bad = {}
    for number in range(len(next(iter(data.values())))):
        try:
            for name, values in data.items():
                if not kinds[name] and kind_of(values[number]):
                    raise BadDataError(f"column {name!r}: sample {start + number} is {type(values[number]).__name__}, others are numbers")
            columns_of({name: values[number:number + 1] for name, values in data.items()}, like, start + number)
        except BadDataError as error:
            bad[number] = str(error)
    return bad


def columns_of(data: Mapping[str, Any], like: Mapping[str, Like], start: int = 0) -> tuple[int, list[Column]]:
    """Samples, and their columns: many each, the first of them number `start`. `like`: what is known of them."""
    if not data:
        raise InvalidArgumentError("data: there is no column")
    for name in like:
        if name not in data:
            raise InvalidArgumentError(f"schema: there is no column {name!r}; there are {', '.join(map(str, data))}")
    columns = [column_of(encodable("the name of a column", str(name)), values, like.get(name), start) for name, values in data.items()]
    sizes = {name: len(values) if offsets is None else len(offsets) - 1 for name, _, values, offsets in columns}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InvalidArgumentError(f"data: the columns have different numbers of samples ({told})")
    return next(iter(sizes.values())), columns


def like_of(column: Column) -> Like:
    """What later samples of this column have to be like."""
    _, kind, values, _ = column
    return Like(kind, values.dtype if kind in ("tensor", "list") else None, values.shape[1:] if kind == "tensor" else None)


def column_of(name: str, values: Any, like: Like | None = None, start: int = 0) -> Column:  # noqa: ANN401
    """One column: an array or tensor whose first dimension is the samples, or a sequence with a value per sample."""
    if is_tensor(values):
        values = numpy_of(name, values)
    if isinstance(values, str | bytes | bytearray | Mapping | set | frozenset) or not hasattr(values, "__iter__"):
        raise InvalidArgumentError(f"column {name!r} is {type(values).__name__}; give an array, or a list with a value per sample")
    if not isinstance(values, numpy.ndarray) and not isinstance(values, list | tuple):
        values = _foreign(values)
    if isinstance(values, numpy.ndarray) and values.dtype.kind not in "OUST":
        whole = whole_column(name, values, start)
        if like is None:
            return name, "tensor", whole, None
        if like.kind == "tensor" and like.shape == whole.shape[1:]:
            return name, "tensor", fitted(name, whole, like.dtype, start, by_row=True, asked=like.asked), None
        values = whole
    values = list(values)
    if not values:
        raise InvalidArgumentError(f"column {name!r}: there is no sample; a data set needs at least one")
    kind = like.kind if like is not None else kind_of(values[0])
    if kind == "string":
        return varying(name, "string", [_utf8(name, value, start + number) for number, value in enumerate(values)])
    if kind == "binary":
        return varying(name, "binary", [_bytes(name, value, start + number) for number, value in enumerate(values)])
    scalars = isinstance(values[0], bool | int | float | numpy.generic) and (like is None or like.shape == ())
    if scalars and (numbers := numbers_of(name, values, start)) is not None:
        if like is not None:
            numbers = _later(name, numbers, like, start, by_row=True)
        return name, "tensor", whole_column(name, numbers, start), None
    return _arrays(name, [array_of(name, value, start + number) for number, value in enumerate(values)], values, like, start)


def _foreign(values: Any) -> Any:  # noqa: ANN401
    """A column of another library. What is missing in it stays missing: to_numpy() would make floats of whole numbers,
    and NaN of it."""
    if hasattr(values, "to_pylist"):  # of pyarrow, which copies only when it is told to
        return values.to_pylist() if values.null_count else values.to_numpy(zero_copy_only=False)
    if hasattr(values, "isna") and not isinstance(values.dtype, numpy.dtype) and (missing := values.isna()).any():  # of pandas
        return [None if absent else value for value, absent in zip(values, missing, strict=True)]
    if hasattr(values, "null_count") and callable(values.null_count) and values.null_count():  # of polars
        return values.to_list()
    return values.to_numpy() if hasattr(values, "to_numpy") else list(values)


def kind_of(value: Any) -> str:  # noqa: ANN401
    """Of a column by its first value: "string", "binary", or "" for what its numbers have to say."""
    return "string" if isinstance(value, str) else "binary" if isinstance(value, bytes | bytearray | memoryview) else ""


def _arrays(name: str, arrays: list[numpy.ndarray], values: list[Any], like: Like | None, start: int) -> Column:
    """A tensor or list column of a value per sample, each also as an array."""
    shapes = {array.shape for array in arrays}
    flat = all(len(shape) == 1 for shape in shapes)
    kind = like.kind if like is not None else "list" if flat and (len(shapes) > 1 or shapes == {(0,)}) else "tensor"
    if kind == "tensor" and (len(shapes) > 1 or (like is not None and shapes != {like.shape})):
        if like is not None and like.asked:
            number, other = next((number, array.shape) for number, array in enumerate(arrays) if array.shape != like.shape)
            raise BadDataError(f"column {name!r}: sample {start + number} has the shape {other}, the schema {like.shape}; correct either")
        before = arrays[0].shape if like is None else like.shape
        number, other = next((number, array.shape) for number, array in enumerate(arrays) if array.shape != before)
        remedy = f"say schema={{{name!r}: 'list<{arrays[0].dtype}>'}}" if flat else (
            "flatten each to one dimension, which may vary: value.reshape(-1), and reshape(-1, ...) in the training")
        raise BadDataError(f"column {name!r}: samples have different shapes, {before} and (sample {start + number}) {other}; {remedy}")
    if kind == "list" and not flat:
        number = next(number for number, array in enumerate(arrays) if array.ndim != 1)
        raise BadDataError(f"column {name!r}: sample {start + number} has shape {arrays[number].shape}, the others are lists of numbers")
    dtype = _dtype_of(name, arrays, values, like)
    for number, array in enumerate(arrays):
        if array.dtype == dtype:
            continue
        if array.size == 0:
            arrays[number] = array.astype(dtype)
        else:
            sample = start + number
            arrays[number] = fitted(name, array, dtype, sample) if like is None else _later(name, array, like, sample)
    if kind == "list":
        return varying(name, "list", [plain(name, array) for array in arrays])
    return name, "tensor", plain(name, numpy.stack(arrays)), None


def _dtype_of(name: str, arrays: list[numpy.ndarray], values: list[Any], like: Like | None) -> numpy.dtype:
    """Of all arrays. A list without a number in it says nothing about it."""
    if like is not None:
        return like.dtype
    dtypes = {array.dtype for array in arrays if array.size} or {
        array.dtype for array, value in zip(arrays, values, strict=True) if not isinstance(value, list | tuple)}
    if not dtypes:
        raise InvalidArgumentError(f"column {name!r}: all lists are empty, and say nothing of their dtype; say schema={{{name!r}: "
                                   "'list<int64>'}")
    return numpy.result_type(*(held(name, dtype) for dtype in dtypes))


def _later(name: str, array: numpy.ndarray, like: Like, sample: int, by_row: bool = False) -> numpy.ndarray:
    """Numbers of a later block of samples, as the dtype that the first ones gave the column."""
    dtype = held(name, array.dtype)
    if not like.asked and not numpy.can_cast(dtype, like.dtype, "safe"):
        wider = numpy.result_type(dtype, like.dtype)
        said = f"'list<{wider}>'" if like.kind == "list" else f"'{wider}'" if like.shape == () else f"('{wider}', {like.shape})"
        raise BadDataError(f"column {name!r}: from sample {sample} on values are {dtype}, those before {like.dtype}; say "
                           f"schema={{{name!r}: {said}}}")
    return fitted(name, array, like.dtype, sample, by_row, like.asked)


def varying(name: str, kind: str, parts: Sequence[bytes] | Sequence[numpy.ndarray]) -> Column:
    """Values of different lengths, one after the other."""
    offsets = numpy.zeros(len(parts) + 1, numpy.int64)
    numpy.cumsum([len(part) for part in parts], out=offsets[1:])
    values = numpy.concatenate(parts) if kind == "list" else numpy.frombuffer(b"".join(parts), numpy.uint8)
    return name, kind, numpy.ascontiguousarray(values), offsets


def _utf8(name: str, value: Any, sample: int) -> bytes:  # noqa: ANN401
    if not isinstance(value, str):
        raise BadDataError(f"column {name!r}: sample {sample} is {other_than('text', value)}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise BadDataError(f"column {name!r}: sample {sample} has a lone surrogate, which is no text; encode it, and store bytes") from None


def _bytes(name: str, value: Any, sample: int) -> bytes:  # noqa: ANN401
    if not isinstance(value, bytes | bytearray | memoryview):
        raise BadDataError(f"column {name!r}: sample {sample} is {other_than('bytes', value)}")
    return bytes(value)


def _is_frame(data: Any) -> bool:  # noqa: ANN401
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns")
