"""Writes docs/cpp-api.md from the comments of the public headers: python tools/cpp_page.py (needs tree-sitter, which tools/setup.sh test installs).

A comment belongs to what is declared below it, one that begins with ///< to what stands before it. What is private, or only the body of
what was declared before, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser
from wrap_pages import escape, reflow

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "include/ringfeed").glob("*.hpp"))
PAGE = ROOT / "docs/cpp-api.md"
TYPES = ("struct_specifier", "class_specifier", "enum_specifier")
DECLARATIONS = ("declaration", "field_declaration", "function_definition", "alias_declaration", "enumerator", "template_declaration")
BODIES = ("compound_statement", "field_initializer_list", "field_declaration_list", "enumerator_list")
# Members that say nothing but how a type is built, or that it can be copied, moved or compared as any other.
USUAL = re.compile(r"\bImpl\b|~|operator=|= default$|= delete$|^(\w+)\((const )?\1&&?( \w+)?\)( noexcept)?;?$")
INTRODUCTION = """# The C++ headers, name by name

Made from the comments of `include/ringfeed/` by `tools/cpp_page.py` (`make pages`); a test compares. A guide with
programs: [cpp.md](cpp.md).
"""


@dataclass
class Entry:
    """A declaration and its comment."""

    code: str
    text: str
    name: str
    members: list[Entry] = field(default_factory=list)


def text_of(node: Node) -> str:
    return node.text.decode()


def without_body(node: Node) -> str:
    """A declaration in one line: without a function's body, a constructor's initializers, a type's members and comments."""
    left_out = [child for child in descendants(node)
                if child.type in (*BODIES, "comment")
                and not (child.type == "compound_statement" and child.parent.type != "function_definition")]
    code = text_of(node).encode()
    for child in sorted(left_out, key=lambda child: -child.start_byte):
        code = code[:child.start_byte - node.start_byte] + code[child.end_byte - node.start_byte:]
    return re.sub(r" __attribute__\(\(.*?\)\)\)?", "", " ".join(code.decode().split())).removesuffix(";").removesuffix(",").strip()


def every(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from every(child)


def descendants(node: Node) -> Iterator[Node]:
    """What is left out holds nothing that is left out once more."""
    for child in node.children:
        yield child
        if child.type not in BODIES:
            yield from descendants(child)


def name_of(node: Node) -> str:
    """What a declaration declares."""
    if node.type in TYPES or node.type == "alias_declaration":
        return text_of(node.child_by_field_name("name"))
    names = ("function_declarator", "init_declarator", "identifier", "field_identifier", "qualified_identifier")
    declarator = next((child for child in descendants(node) if child.type in names[:2]), node)
    return text_of(next(child for child in every(declarator) if child.type in names[2:]))


def inner_type(node: Node) -> Node | None:
    """The struct, class or enum that a declaration defines."""
    if node.type in TYPES:
        return node if node.child_by_field_name("body") else None
    if node.type in ("template_declaration", "field_declaration", "declaration"):
        return next((found for child in node.children if (found := inner_type(child))), None)
    return None


def flat(node: Node) -> Iterator[Node]:
    """The children of a body, and those behind #if."""
    for child in node.children:
        if child.type.startswith("preproc_if"):
            yield from flat(child)
        else:
            yield child


def defines_what_was_declared(node: Node) -> bool:
    """Whether it is the body of a member, outside of its class."""
    return any(child.type == "qualified_identifier" and child.parent.type == "function_declarator" for child in descendants(node))


def entries_of(body: Node, is_open: bool) -> list[Entry]:
    """What a body declares for users, by comment. `is_open`: its members are public until it says otherwise."""
    entries: list[Entry] = []
    comment: list[str] = []
    end = -1  # the line on which the last comment or declaration ended
    owner: Entry | None = None  # what a comment behind it belongs to
    for node in flat(body):
        if node.type == "access_specifier":
            is_open = text_of(node) == "public"
        if not is_open:
            continue
        if node.type == "comment" and text_of(node).startswith("///<"):
            behind = text_of(node).removeprefix("///<").strip()
            if owner is not None:
                owner.text = f"{owner.text} {behind}".strip()
            continue
        if node.type == "comment":
            text = text_of(node)
            if text.startswith("///"):
                if node.start_point.row == end and owner is not None and not comment:  # goes on behind a declaration
                    owner.text = f"{owner.text} {text[3:].strip()}"
                    continue
                comment.append(text.removeprefix("///").strip())
                end = node.end_point.row
            continue
        if node.type not in (*DECLARATIONS, *TYPES) or defines_what_was_declared(node):
            continue
        defined = inner_type(node)
        if node.type in TYPES and defined is None:
            continue  # only announced
        code = without_body(node)
        if not comment and (USUAL.search(code) or re.match(r"(struct|class) \w+$", code)) and defined is None:
            continue
        owner = Entry(code, " ".join(comment), name_of(defined or node))
        entries.append(owner)
        if defined is not None:
            owner.members = entries_of(defined.child_by_field_name("body"), defined.type != "class_specifier")
        comment, end = [], node.end_point.row
    return entries


def job_of(text: str) -> list[str]:
    """The comment at the top of a header, as paragraphs; its example as code."""
    lines = [line.removeprefix("//").removeprefix(" ") for line in re.match(r"(?://.*\n)+", text)[0].splitlines()]
    prose = [line for line in lines if not line.startswith(" ") and line]
    example = [line for line in lines[len(prose):] if line.startswith(" ") or not line]
    between = [line for line in prose if line.endswith(":")]
    parts = [escape(" ".join(prose))]
    if example and not between[1:]:
        parts.append("```cpp\n" + "\n".join(line.removeprefix("  ") for line in example).strip("\n") + "\n```")
    return parts


def item_of(entry: Entry, indent: str = "") -> str:
    return f"{indent}- `{entry.code}`" + (f": {escape(entry.text)}" if entry.text else "") + "".join(
        "\n" + item_of(member, indent + "  ") for member in entry.members)


def part_of(entry: Entry) -> list[str]:
    """A name of the namespace, with its members."""
    parts = [f"### {entry.name}", f"```cpp\n{entry.code};\n```"]
    if entry.text:
        parts.append(escape(entry.text))
    if entry.members:
        parts.append("\n".join(item_of(member) for member in entry.members))
    return parts


def names_in(path: Path) -> list[Entry]:
    """What a header declares in the namespace."""
    text = re.sub(rb"__has_include\([^)]*\)+", b"1", path.read_bytes())  # which the grammar lacks
    root = Parser(Language(tree_sitter_cpp.language())).parse(text).root_node
    if any(node.type == "ERROR" for node in every(root)):
        raise SystemExit(f"cpp_page: {path.name} is not understood")
    spaces = [node for node in root.children if node.type == "namespace_definition" and text_of(node.child_by_field_name("name")) == "ringfeed"]
    return [entry for space in spaces for entry in entries_of(space.child_by_field_name("body"), is_open=True)]


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION.strip()]
    for path in HEADERS:
        parts += [f"## &lt;ringfeed/{path.name}&gt;", *job_of(path.read_text())]
        for entry in names_in(path):
            parts += part_of(entry)
    return reflow("\n\n".join(parts))


if __name__ == "__main__":
    PAGE.write_text(page())
