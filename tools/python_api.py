"""Writes docs/python-api.md from the docstrings of the Python package: python tools/python_api.py (the package must be importable).

A docstring is prose, with sections (Args, Attributes, Returns, Raises) whose entries are "name: text". Properties and methods come with
their class; of special methods those with a docstring.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wrap_pages import escape, reflow

import ringfeed

PAGE = Path(__file__).resolve().parent.parent / "docs/python-api.md"
SECTIONS = ("Args", "Attributes", "Raises", "Returns")
SIGNATURE_COLUMNS = 100
INTRODUCTION = """# The Python package, name by name

Made from the docstrings by `tools/python_api.py`; a test compares. A guide with examples: [python.md](python.md).
"""
GROUPS = {
    "Data sets": ("open", "load", "Dataset", "Column", "write", "Written", "attach", "copy", "verify", "Verified", "check",
                  "Duplicates", "diff", "Differences", "SampleName", "export", "Exported", "list", "delete", "Connection"),
    "Feeding": ("Loader", "Batch", "TupleBatch", "TorchDataset", "tune", "Tuned", "Try", "audit", "Audit"),
    "Errors": ("Error", "InvalidArgumentError", "NotFoundError", "BadDataError", "UnavailableError", "DeadlineError",
               "PermissionDeniedError", "ConflictError", "NoSpaceError", "CancelledError", "InternalError"),
}


FRAMEWORKS = ("lightning", "huggingface")  # modules with a callback, which need not be installed here


def members_of(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class itself defines for users: special methods with a docstring, public methods and properties, in their order."""
    for name, member in vars(cls).items():
        special = name.startswith("__") and name.endswith("__")
        if (special and inspect.isfunction(member) and member.__doc__) or (
                not name.startswith("_") and isinstance(member, property | type(members_of))):
            yield name, member


def signature_of(name: str, function: Any) -> str:  # noqa: ANN401
    """As it stands in the source, without self; a parameter per line when it is long."""
    signature = inspect.signature(function)
    parts = []
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind == parameter.KEYWORD_ONLY and "*" not in parts and not any(part.startswith("*") for part in parts):
            parts.append("*")
        mark = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        text = f"{mark}{parameter.name}"
        if parameter.annotation is not parameter.empty:
            text += f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        parts.append(text)
    returns = "" if signature.return_annotation in (signature.empty, "None") else f" -> {signature.return_annotation}"
    line = f"{name}({', '.join(parts)}){returns}"
    return line if len(line) <= SIGNATURE_COLUMNS else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def render(docstring: str) -> str:
    """A docstring as Markdown."""
    lines = []
    section = False
    for line in inspect.cleandoc(docstring).splitlines():
        if line.removesuffix(":") in SECTIONS and line.endswith(":"):
            section = True
            lines += [f"**{line[:-1]}**", ""]
        elif section and line.startswith(" " * 8):
            lines.append("  " + escape(line.strip()))
        elif section and line.startswith(" " * 4):
            names, colon, text = line.strip().partition(": ")
            listed = colon and all(name.lstrip("*").isidentifier() for name in names.split(", "))
            lines.append("- " + (", ".join(f"`{name}`" for name in names.split(", ")) + ": " + escape(text) if listed
                                 else escape(line.strip())))
        else:
            if section and line:
                section = False
                if lines[-1]:
                    lines.append("")  # else the line would belong to the last entry
            lines.append(line if line.startswith(" " * 4) else escape(line))
    return "\n".join(lines)


def code(text: str) -> str:
    return f"```python\n{text}\n```"


def entry_of(name: str, thing: Any) -> list[str]:  # noqa: ANN401
    """The parts of a public name, for a blank line between any two."""
    if not inspect.isclass(thing):
        return [f"### {name}", code(signature_of(name, thing)), render(thing.__doc__)]
    bases = [base.__name__ for base in thing.__bases__ if base is not object]
    constructed = re.search(r"^\s*Args:$", thing.__doc__, flags=re.MULTILINE)  # others come from functions
    title = signature_of(f"class {name}", thing.__init__) if constructed else f"class {name}({', '.join(bases)})".replace("()", "")
    parts = [f"### {name}", code(title), render(thing.__doc__)]
    for member_name, member in members_of(thing):
        if isinstance(member, property):
            title = f"{member_name}: {inspect.signature(member.fget).return_annotation}"
        else:
            title = signature_of(member_name, member)
        parts += [f"#### `{name}.{member_name}`", code(title), render(member.__doc__)]
    return parts


def callback_of(module: str) -> list[str]:
    """The parts of the callback for a framework, from its source: what it inherits is not asked for."""
    tree = ast.parse((Path(ringfeed.__file__).parent / f"{module}.py").read_text())
    callback = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "LoaderState")
    return [f"### {module}.LoaderState", code("class LoaderState()"), render(ast.get_docstring(callback))]


def page() -> str:
    """The whole page."""
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(ringfeed.__all__):
        sys.exit("python_api: GROUPS and ringfeed.__all__ differ in " + ", ".join(sorted({*grouped} ^ {*ringfeed.__all__})))
    parts = [INTRODUCTION.strip()]
    for title, names in GROUPS.items():
        parts.append(f"## {title}")
        for name in names:
            parts += entry_of(name, getattr(ringfeed, name))
    parts += ["## Pictures", render(ringfeed.image.__doc__)]
    for name in ringfeed.image.__all__:
        parts += entry_of(f"image.{name}", getattr(ringfeed.image, name))
    parts.append("## Callbacks for frameworks")
    for module in FRAMEWORKS:
        parts += callback_of(module)
    return reflow("\n\n".join(parts))


if __name__ == "__main__":
    PAGE.write_text(page())
