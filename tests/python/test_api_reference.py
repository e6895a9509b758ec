"""docs/python-api.md is what the docstrings say, and each public name has one."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest
from built import PACKAGE  # noqa: F401  (puts the package on the path)

import ringfeed

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("python_api", ROOT / "tools/python_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_docstrings_say(tool: ModuleType) -> None:
    assert tool.PAGE.read_text() == tool.page(), "docs/python-api.md is stale; run tools/python_api.py"


def test_every_public_name_has_a_docstring_of_its_own(tool: ModuleType) -> None:
    bare = []
    for name in ringfeed.__all__:
        thing = getattr(ringfeed, name)
        if not thing.__doc__ or (inspect.isclass(thing) and "__doc__" not in vars(thing)):
            bare.append(name)
        if inspect.isclass(thing):
            bare += [f"{name}.{member}" for member, value in tool.members_of(thing) if not value.__doc__]
    assert bare == []


def test_every_argument_is_described() -> None:
    missing = []
    for name in ringfeed.__all__:
        thing = getattr(ringfeed, name)
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
