"""Makes of options.toml what it is the source of: python tools/options.py.

These are src/base/option_table.hpp, python/ringfeed/option_bounds.py, docs/options.md, and the initializers of the options' fields in
include/ringfeed/.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "src/base/option_table.hpp"
BOUNDS = ROOT / "python/ringfeed/option_bounds.py"
PAGE = ROOT / "docs/options.md"
STRUCTS = sorted((ROOT / "include/ringfeed").glob("*.hpp"))
OPTIONS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "options.toml").read_text())
FUNCTIONS = {"ingest": "write", "train": "Loader"}  # what does in Python what a command does, where it is called otherwise
DECIDED = {"ConnectionOptions": "Connection"}  # structs of optional fields, and those that hold what was decided

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
  std::string_view initial;    ///< the default, as a command takes it; empty: there is none
  bool layered;  ///< before the default come the files and variables of a connection
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
BOUNDS_TOP = '''"""The least and the largest value of each argument that has bounds. Made of options.toml by tools/options.py."""

BOUNDS = {
'''
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
             option.get("default", ""), option["commands"] == ["cassandra"],
             *([option["bounds"], *bounds_of(option["bounds"])] if "bounds" in option else [])]
            for name, option in OPTIONS.items()]
    return HEADER_TOP + "".join("    {" + ", ".join(map(json.dumps, row)) + "},\n" for row in rows) + HEADER_END


def bounds() -> str:
    """The text of the module: whole numbers alone, and 2^64 - 1 where there is no largest value."""
    rows = {option["python"]: (bounds_of(option["bounds"]) + [2**64 - 1])[:2]
            for option in OPTIONS.values() if "python" in option and "bounds" in option}
    return BOUNDS_TOP + "".join(f'    "{name}": ({least:.0f}, {min(int(most), 2**64 - 1)}),\n' for name, (least, most) in rows.items()) + "}\n"


def initializer(kind: str, option: dict[str, Any]) -> str | None:
    """What a field of this type begins with; None: the type's own zero or nothing, or no default in words that fit it."""
    if kind == "bool" and "flag" in option:
        return "false" if option["flag"] == "True" else "true"
    if "default" not in option or kind == "bool" or kind.startswith(("std::optional", "std::vector")):
        return None
    default = option["default"]
    if kind == "std::string":
        return json.dumps(default)
    if kind == "std::chrono::milliseconds":
        return f"std::chrono::seconds({default})"
    size = re.fullmatch(r"(\d+)(KiB|MiB|GiB)", default)
    if size:
        return f"{kind}{{{size[1]}}} << {10 * (1 + ('KiB', 'MiB', 'GiB').index(size[2]))}"
    if default.isdigit():
        return f"{int(default):,}".replace(",", "'")
    word = "".join(part.capitalize() for part in default.split("_"))
    return default if kind == "double" else f"{kind}::k{word}"


def with_defaults(text: str) -> str:
    """A public header whose fields begin with the defaults of the table."""
    for option in OPTIONS.values():
        for struct, field in (name.split("::") for name in option.get("cpp", [])):
            for owner in {struct, DECIDED.get(struct, struct)}:
                body = re.search(rf"^struct {owner} {{.*?^}};", text, flags=re.MULTILINE | re.DOTALL)
                found = body and re.search(rf"^  ([\w:]+) {field}( = [^;]+)?;", body[0], flags=re.MULTILINE)
                value = found and initializer(found[1], option)
                if value is not None:
                    begin, end = body.start() + found.start(), body.start() + found.end()
                    text = f"{text[:begin]}  {found[1]} {field} = {value};{text[end:]}"
    return text


def code(texts: list[str]) -> str:
    """Texts as code, comma-separated."""
    return ", ".join(f"`{text}`" for text in texts)


def default_of(option: dict[str, Any]) -> str:
    """What holds without it, for people."""
    return "; ".join(option[key] for key in ("default", "without") if key in option)


def page() -> str:
    """The text of the page."""
    rows = []
    for name, option in OPTIONS.items():
        program = code([f"--{name}"]) + (f", {code(['$' + option['environment']])}" if "environment" in option else "")
        of = "every command" if option["commands"] == ["cassandra"] else ", ".join(option["commands"])
        keyword = option.get("python", "") + (f"={option['flag']}" if "flag" in option and "python" in option else "")
        python = f"{code([keyword])} of {', '.join(option['in'])}" if keyword else ""
        rows.append(f"| {program} | {of} | {python} | {code(option.get('cpp', []))} | {default_of(option)} | "
                    f"{option.get('bounds', '')} | {option['text']} |\n")
    return PAGE_TOP + "".join(rows)


if __name__ == "__main__":
    HEADER.write_text(header())
    BOUNDS.write_text(bounds())
    for public in STRUCTS:
        public.write_text(with_defaults(public.read_text()))
    PAGE.write_text(page())
