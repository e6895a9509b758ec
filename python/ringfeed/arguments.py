"""Arguments, held against what they may be where they come in: errors are of Python's names and types, never of the
module behind it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from operator import index
from typing import Any

from .connection import Connection
from .errors import InvalidArgumentError
from .option_bounds import BOUNDS

UINT64_MAX = 2**64 - 1
INT32_MAX = 2**31 - 1
THREADS_MAX = 256


def whole(name: str, value: Any, least: int = 0, most: int = UINT64_MAX) -> int:  # noqa: ANN401
    """A whole number; of NumPy, too."""
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number from {least} to {most}")
    return number


def bounded(name: str, value: Any) -> int:  # noqa: ANN401
    """A whole number within the bounds that options.toml has for this argument."""
    return whole(name, value, *BOUNDS[name])


def truth(name: str, value: Any) -> bool:  # noqa: ANN401
    """True or False."""
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} is {value!r}; it is True or False")
    return value


def one_of(name: str, value: Any, choices: Iterable[Any]) -> Any:  # noqa: ANN401
    """One of few values."""
    choices = [*choices]
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise InvalidArgumentError(f"{name} is {value!r}; it is {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}")
    return value


def address(value: Any) -> str:  # noqa: ANN401
    """A URL or a path."""
    return path("the address", value)


def encodable(name: str, value: str) -> str:
    """A text that has bytes in UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{name} is {value!r:.60}, with a lone surrogate in it, which is no text; choose another") from None
    return value


def text(name: str, value: Any) -> str:  # noqa: ANN401
    """A text."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{name} is {value!r:.40}; it is a text")
    return encodable(name, value)


def optional(checked: Callable[[str, Any], Any], name: str, value: Any) -> Any:  # noqa: ANN401
    """The value as it is checked; None stays None."""
    return None if value is None else checked(name, value)


def path(name: str, value: Any) -> str:  # noqa: ANN401
    """A text or a path."""
    if not isinstance(value, str | os.PathLike):
        raise InvalidArgumentError(f"{name} is {value!r:.40}; it is a text or a path")
    text = encodable(name, os.fsdecode(value))
    if not text or "\0" in text:
        raise InvalidArgumentError(f"{name} is {text!r}; a path is not empty, and has no zero byte")
    return text


def texts(name: str, value: Any) -> Sequence[str]:  # noqa: ANN401
    """A list of texts."""
    if isinstance(value, str):
        raise InvalidArgumentError(f"{name} is {value!r}; it is a list of texts: [{value!r}]")
    if not isinstance(value, Iterable):
        raise InvalidArgumentError(f"{name} is {value!r:.40}; it is a list of texts")
    value = [*value]
    for each in value:
        if not isinstance(each, str):
            raise InvalidArgumentError(f"{name} has {each!r:.40} in it; it is a list of texts")
        encodable(name, each)
    return value


def groups_of(name: str, value: Any) -> list[list[str]]:  # noqa: ANN401
    """A list of lists of texts."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidArgumentError(f"{name} is {value!r:.40}; it is a list of lists of columns: [['image'], ['mask', 'box']]")
    return [[*texts(name, each)] for each in value]


def classes_of(value: Any) -> list[tuple[str, list[str]]]:  # noqa: ANN401
    """Columns and the names of their classes; none where they are to be found."""
    if isinstance(value, Mapping):
        return [(texts("classes", [column])[0], texts(f"classes[{column!r}]", names)) for column, names in value.items()]
    return [(column, []) for column in texts("classes", value)]


def columns_of(value: Any, there: Sequence[str]) -> Sequence[str]:  # noqa: ANN401
    """Names of columns of a data set; None: all."""
    if value is None:
        return there
    chosen = texts("columns", value)
    if not chosen:
        raise InvalidArgumentError("columns is empty; leave it out to take all")
    for name in chosen:
        if name not in there:
            raise InvalidArgumentError(f"there is no column {name!r}{nearest(name, there)}; there are {', '.join(there)}")
    return chosen


def connection(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a connection that a function was given beside its own.

    Raises:
        InvalidArgumentError: the keyword is unknown; the nearest is named.
    """
    known = [*Connection.__annotations__]
    own = [each.name for each in inspect.signature(function).parameters.values() if each.kind is not each.VAR_KEYWORD]
    for name in given:
        if name not in known:
            hint = nearest(name, [*own, *known])
            raise InvalidArgumentError(f"there is no keyword {name!r}{hint}; there are {', '.join(own)}, and those of a Connection")
    return {name: _of_connection(name, value) for name, value in given.items()}


def _of_connection(name: str, value: Any) -> Any:  # noqa: ANN401
    """The value of a keyword, which is never in an error where it may be a password. None: it is not given."""
    if value is None:
        return None
    if name == "password":
        if not isinstance(value, str):
            raise InvalidArgumentError(f"password is {type(value).__name__}; it is a text")
        return value
    if name in ("cache_dir", "index", "tls_ca", "tls_cert", "tls_key"):
        return path(name, value)
    return CHECKS[Connection.__annotations__[name].__forward_arg__](name, value)


CHECKS: dict[str, Callable[[str, Any], Any]] = {"str": text, "int": whole, "bool": truth, "Sequence[str]": texts}
"""By the types of a Connection's keywords."""


def nearest(name: str, there: Sequence[str]) -> str:
    """A hint at what may have been meant."""
    near = get_close_matches(name, there, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def in_environment(name: str) -> int | None:
    """The whole number in a variable; None when it is not set."""
    if not (text := os.environ.get(name)):
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidArgumentError(f"the environment variable {name} is {text!r}; it is a whole number")
    return whole(f"the environment variable {name}", int(text), 0, INT32_MAX)
