"""Wraps the prose of Markdown pages: python tools/wrap_pages.py PAGES. Tables and code stay as they are, and so does a paragraph that is narrow enough."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

COLUMNS = 118
ITEM = re.compile(r"( *)([-*] |\d+\. )")
# What begins something else than prose: a heading, a table, a quotation, HTML, a picture, code.
APART = re.compile(r"\s*(#|\||>|<|!\[|```)")
# What would begin something else if it came to stand at the beginning of a line.
MARK = re.compile(r" (?=([-+*#>|=]+|\d+[.)])( |$))")


def wrap(lines: list[str]) -> list[str]:
    """A paragraph or an item of a list."""
    if all(len(line) <= COLUMNS + 1 for line in lines) or any(line.endswith(("  ", "\\")) for line in lines):
        return lines
    item = ITEM.match(lines[0])
    first = item[0] if item else re.match(" *", lines[0])[0]
    text = " ".join(line.strip() for line in [lines[0][len(first):], *lines[1:]])
    wrapped = textwrap.wrap(MARK.sub("\0", text), COLUMNS, initial_indent=first, subsequent_indent=" " * len(first),
                            break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in wrapped]


def blocks_of(lines: list[str]) -> list[tuple[bool, list[str]]]:
    """Runs of lines that belong together, and whether each is prose."""
    blocks: list[tuple[bool, list[str]]] = []
    code = False
    for line in lines:
        fence = line.lstrip().startswith("```")
        after_blank = not blocks or not blocks[-1][1][-1]
        apart = code or fence or not line or APART.match(line) or (line.startswith("    ") and after_blank)
        code ^= fence
        if not apart and not ITEM.match(line) and blocks and blocks[-1][0]:
            blocks[-1][1].append(line)
        else:
            blocks.append((not apart, [line]))
    return blocks


def reflow(text: str) -> str:
    """A page whose prose has at most COLUMNS + 1 columns."""
    lines = [line for prose, block in blocks_of(text.splitlines()) for line in (wrap(block) if prose else block)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Stars and brackets outside of `code` are no Markdown."""
    return "".join(part if part.startswith("`") else part.replace("*", r"\*").replace("<", "&lt;") for part in re.split(r"(`[^`]*`)", text))


def too_long(text: str) -> list[str]:
    """Lines of prose that reflow() would wrap."""
    return [line for prose, block in blocks_of(text.splitlines()) if prose and wrap(block) != block for line in block]


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(reflow(page.read_text()))
