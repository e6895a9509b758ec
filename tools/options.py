"""Makes src/base/option_table.hpp and docs/options.md of options.toml: python tools/options.py."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "src/base/option_table.hpp"
PAGE = ROOT / "docs/options.md"
OPTIONS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "options.toml").read_text())
FUNCTIONS = {"ingest": "write", "train": "Loader"}  # what does in Python what a command does, where it is called otherwise

HEADER_TOP = """// What options are called, by option. Made of options.toml by tools/options.py.
#pragma once

#include <limits>
#include <string_view>

namespace ringfeed {

struct OptionNames {
  std::string_view name;       ///< of the program, without dashes
  std::string_view python;     ///< a keyword; empty: there is none
  std::string_view turned_on;  ///< of a flag in Python: the value
  std::string_view cpp;        ///< a field; empty: there is none
  std::string_view command;    ///< that a message sends to; empty: none
  std::string_view function;   ///< that does in Python what the command does
  std::string_view bounds = {};  ///< of its value, for people; empty: there are none
  double least = std::numeric_limits<double>::lowest();  ///< a number, or bytes
  double most = std::numeric_limits<double>::max();
};

// clang-format off
inline constexpr OptionNames kOptionTable[] = {
"""
HEADER_END = """};
// clang-format on

}  // namespace ringfeed
"""
PAGE_TOP = """# Options, by name

Made of `options.toml` by `tools/options.py`; tests hold the program's help, the signatures of Python and the C++
structs against it. A message names an option as the side that is used has it. What each does is in `ringfeed COMMAND
--help`.

| Program | Of | Python | C++ | Default | Bounds | What |
|---|---|---|---|---|---|---|
"""


def field_of(option: dict[str, Any]) -> str:
    """The field that a message names: with its struct, where only one has it."""
    fields = option.get("cpp", [])
    return fields[0] if len(fields) == 1 else fields[0].split("::")[1] if fields else ""


def number_of(text: str) -> float:
    """ "1,024", "4KiB", "2^64 - 1"."""
    size = re.fullmatch(r"([\d,]+)(KiB|MiB|GiB)", text)
    if size:
        return float(size[1].replace(",", "")) * 1024 ** (1 + ("KiB", "MiB", "GiB").index(size[2]))
    power = re.fullmatch(r"2\^(\d+) - 1", text)
    return float(2 ** int(power[1]) - 1) if power else float(text.replace(",", ""))


def bounds_of(text: str) -> list[float]:
    """The least value, and the largest where there is one."""
    between = re.fullmatch(r"(.+) to (below )?(.+)", text)
    if between:
        most = number_of(between[3])
        return [number_of(between[1]), math.nextafter(most, -math.inf) if between[2] else most]
    how, number = text.split(" ", 1)
    return [{"from": number_of, "above": lambda least: math.nextafter(number_of(least), math.inf)}[how](number)]


def header() -> str:
    """The text of the header."""
    rows = [[name, option.get("python", ""), option.get("flag", ""), field_of(option), option.get("call", ""),
             FUNCTIONS.get(option.get("call", ""), option.get("call", "")),
             *([option["bounds"], *bounds_of(option["bounds"])] if "bounds" in option else [])]
            for name, option in OPTIONS.items()]
    return HEADER_TOP + "".join("    {" + ", ".join(map(json.dumps, row)) + "},\n" for row in rows) + HEADER_END


def code(texts: list[str]) -> str:
    """Texts as code, comma-separated."""
    return ", ".join(f"`{text}`" for text in texts)


def page() -> str:
    """The text of the page."""
    rows = []
    for name, option in OPTIONS.items():
        program = code([f"--{name}"]) + (f", {code(['$' + option['environment']])}" if "environment" in option else "")
        of = "every command" if option["commands"] == ["cassandra"] else ", ".join(option["commands"])
        keyword = option.get("python", "") + (f"={option['flag']}" if "flag" in option and "python" in option else "")
        python = f"{code([keyword])} of {', '.join(option['in'])}" if keyword else ""
        rows.append(f"| {program} | {of} | {python} | {code(option.get('cpp', []))} | {option.get('default', '')} | "
                    f"{option.get('bounds', '')} | {option['text']} |\n")
    return PAGE_TOP + "".join(rows)


if __name__ == "__main__":
    HEADER.write_text(header())
    PAGE.write_text(page())
