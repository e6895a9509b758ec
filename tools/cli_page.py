"""Writes docs/cli.md from the program's own help: python tools/cli_page.py (of the build that RINGFEED_BUILD names; build/dev).

The options that a group has in common in all commands (those of Cassandra) are listed once, at the end.
"""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/cli.md"
COLUMNS = 116
INDENT = 30  # of an option's text in the help
INTRODUCTION = """# Command line

Made from the program's help by `tools/cli_page.py` (`make pages`); a test compares. `make release` builds the program;
the wheel has it, too, without `train`.
"""


@dataclass
class Help:
    """The help of a command, taken apart."""

    about: str
    usage: str
    examples: str = ""
    notes: list[str] = field(default_factory=list)
    groups: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # title -> option and text


def ask(*arguments: str) -> str:
    program = ROOT / os.environ.get("RINGFEED_BUILD", "build/dev") / "bin/ringfeed"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGFEED_")}
    return subprocess.run([str(program), *arguments, "--help"], check=True, capture_output=True, text=True, env=environment).stdout


def entries_of(lines: list[str]) -> list[tuple[str, str]]:
    """Names begin in column 3; their texts in column 31, or one line on when the name is long."""
    entries: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith(" " * INDENT):
            name, text = entries[-1]
            entries[-1] = (name, f"{text} {line.strip()}".strip())
        else:
            name, _, text = line.strip().partition("  ")
            entries.append((name, text.strip()))
    return entries


def take_apart(text: str) -> Help:
    """Paragraphs are set apart by blank lines; one whose first line ends in a colon is a group, examples or a note."""
    first, *rest = re.split(r"\n\n+", text.strip("\n"))
    about, _, usage = first.partition("\nUsage: ")
    help_ = Help(" ".join(about.split()), usage.strip())
    for part in rest:
        title, *lines = part.splitlines()
        if title.startswith("Example"):
            help_.examples = textwrap.dedent("\n".join(lines))
        elif title.endswith(":") and lines and lines[0].startswith("  "):
            help_.groups[title[:-1]] = entries_of(lines)
        else:
            help_.notes.append(" ".join(part.split()))
    return help_


def wrap(text: str, first: str = "", later: str = "") -> str:
    return textwrap.fill(text, COLUMNS, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False)


def escape(text: str) -> str:
    """What is no Markdown stays as it is."""
    return re.sub(r"([*_|\\])", r"\\\1", text).replace("<", "&lt;")


def listed(entries: list[tuple[str, str]]) -> str:
    return "\n".join(wrap(f"- `{name}`: {escape(text)}", later="  ") for name, text in entries)


def page() -> str:
    """The whole page."""
    whole = take_apart(ask())
    commands = {name: take_apart(ask(name)) for name, _ in whole.groups.pop("Subcommands")}
    shared = {}
    for title in {title for help_ in commands.values() for title in help_.groups} - {"Positionals", "Options"}:
        of_each = [help_.groups[title] for help_ in commands.values() if title in help_.groups]
        shared[title] = [entry for entry in of_each[0] if all(entry in entries for entries in of_each)]
    parts = [INTRODUCTION.strip(), wrap(escape(whole.about)), *(wrap(escape(note)) for note in whole.notes), f"```\n{whole.examples}\n```"]
    for name, help_ in commands.items():
        parts += [f"## {name}", wrap(escape(help_.about)), f"```\n{help_.usage}\n```"]
        if help_.examples:
            parts.append(f"```\n{help_.examples}\n```")
        for title, entries in help_.groups.items():
            own = [entry for entry in entries if entry not in shared.get(title, [])]
            if own:
                parts += ["" if title in ("Positionals", "Options") else f"{title}:", listed(own)]
            if len(own) < len(entries):
                parts.append(f"And the [options of {title}](#options-of-{title.lower()}).")
        parts += [wrap(escape(note)) for note in help_.notes]
    for title, entries in sorted(shared.items()):
        parts += [f"## Options of {title}", listed(entries)]
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
