"""docs/python-api.md is what the docstrings say, and each public name has one."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from built import PACKAGE  # noqa: F401  (puts the package on the path)
from tool import tool

import ringfeed

pytestmark = pytest.mark.program


def test_the_page_is_what_the_docstrings_say() -> None:
    made = tool("python_api")
    assert made.PAGE.read_text() == made.page(), "docs/python-api.md is stale; run make pages"


def test_the_callbacks_for_frameworks_are_in_the_page() -> None:
    page = tool("python_api").PAGE.read_text()
    for module in ("lightning", "huggingface"):
        entry = page.partition(f"### {module}.LoaderState\n")[2].partition("\n### ")[0]
        assert "class LoaderState()" in entry and "`Trainer(callbacks=[LoaderState()])`" in entry and "`InvalidArgumentError`: " in entry


def public() -> list[tuple[str, Any]]:
    return [(name, getattr(module, name)) for module in (ringfeed, ringfeed.image) for name in module.__all__]


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    bare = []
    for name, thing in public():
        if not thing.__doc__ or (inspect.isclass(thing) and "__doc__" not in vars(thing)):
            bare.append(name)
        if inspect.isclass(thing):
            bare += [f"{name}.{member}" for member, value in tool("python_api").members_of(thing) if not value.__doc__]
    assert bare == []


def test_every_argument_is_described() -> None:
    missing = []
    for name, thing in public():
        if not inspect.isclass(thing):
            called, text = thing, thing.__doc__
        elif "Args:" in thing.__doc__:
            called, text = thing.__init__, thing.__doc__
        else:
            continue
        for argument in inspect.signature(called).parameters:
            if argument not in ("self", "url", "connection") and argument not in text:
                missing.append(f"{name}({argument})")
    assert missing == []
