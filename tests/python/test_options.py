"""options.toml against the program's help, the signatures of Python, the structs of C++ and the texts of the library."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from built import BUILD, PACKAGE

import ringfeed

pytestmark = pytest.mark.program
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(BUILD / "bin/ringfeed")
CALLBACKS = ("std::function", "std::stop_token", "Store::OnStep")
# Fields that are no option: where the run stands, what the caller is, or a bound for tests.
NO_OPTIONS = {
    "ConnectionOptions": {"ranks"}, "IngestOptions": {"spill_dir"}, "SourceOptions": {"batch_rows"},
    "CompareOptions": {"spill_dir", "shown_max"},
    "FeedOptions": {"order", "rank", "world_size", "epochs", "start", "read_timeout", "track_samples"},
    "TrainOptions": {"url", "connection", "meters_interval", "trial"},
}
TYPES_BOUNDS = "0 to 2^64 - 1"
NO_KEYWORDS = {
    "diff": {"a_connection"},
    "Loader": {"global_batch_size", "drop_last", "as_numpy", "as_tuple", "rank", "world_size", "transform", "transform_batches",
               "transform_threads", "collate", "pin_memory"},
}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("options", ROOT / "tools/options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def options(tool: ModuleType) -> dict[str, dict[str, Any]]:
    return tool.OPTIONS


def test_what_is_made_of_the_table_is_new(tool: ModuleType) -> None:
    assert tool.HEADER.read_text() == tool.header(), "src/base/option_table.hpp is stale; run tools/options.py"
    assert tool.BOUNDS.read_text() == tool.bounds(), "python/ringfeed/option_bounds.py is stale; run tools/options.py"
    assert tool.PAGE.read_text() == tool.page(), "docs/options.md is stale; run tools/options.py"
    for path in tool.STRUCTS:
        assert path.read_text() == tool.with_defaults(path.read_text()), f"{path.name} has another default; run tools/options.py"


def test_fields_begin_with_the_defaults_of_the_table(tool: ModuleType, options: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [path.read_text() for path in tool.STRUCTS]
    for name in ("lanes", "window", "lr", "epochs", "nproc", "batch-size", "collective-timeout", "connections-per-host", "checkpoint-keep"):
        monkeypatch.setitem(options[name], "default", "17")
        fields = len(options[name]["cpp"])
        changed = sum(len(set(new.splitlines()) - set(old.splitlines())) for old, new in ((text, tool.with_defaults(text)) for text in texts))
        assert changed == fields, name
        monkeypatch.undo()
    assert tool.initializer("std::uint64_t", {"default": "2MiB"}) == "std::uint64_t{2} << 20"
    assert tool.initializer("std::uint32_t", {"default": "10000"}) == "10'000"
    assert tool.initializer("Consistency", {"default": "LOCAL_ONE"}) == "Consistency::kLocalOne"
    assert tool.initializer("bool", {"flag": "False"}) == "true"


def helped(command: str) -> dict[str, str]:
    """Option -> its line, of a command's help; without those of every command."""
    text = subprocess.run([PROGRAM, command, "--help"], check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^  (?:-\w,)?--([a-z][a-z0-9-]*)(.*)$", text, flags=re.MULTILINE)
    return {name: line for name, line in lines if name not in ("help", "json", "quiet", "config")}


def commands() -> list[str]:
    text = subprocess.run([PROGRAM, "--help"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^  ([a-z][a-z-]+) {2,}", text.split("Subcommands:")[1], flags=re.MULTILINE)


def test_the_program_has_the_options_of_the_table(options: dict[str, dict[str, Any]]) -> None:
    every = {name for name, option in options.items() if option["commands"] == ["cassandra"]}
    assert len(commands()) >= 9
    for command in commands():
        own = {name for name, option in options.items() if command in option["commands"]}
        assert set(helped(command)) == own | every, command


def test_defaults_are_those_of_the_help(options: dict[str, dict[str, Any]]) -> None:
    said = 0
    for command in commands():
        for name, line in helped(command).items():
            default = re.match(r" (?:TEXT|UINT|INT|FLOAT)(?::\S*)?(?:\[[^\]]*\])?=(\S+)", line)
            assert (default and default[1]) == options[name].get("default"), f"{command} --{name}"
            said += default is not None
    assert said > 60


def test_python_has_the_keywords_of_the_table(options: dict[str, dict[str, Any]]) -> None:
    keywords = {name: set() for option in options.values() for name in option.get("in", [])}
    for option in options.values():
        for name in option.get("in", []):
            keywords[name].add(option["python"])
    for name, named in keywords.items():
        thing = getattr(ringfeed, name)
        if name == "Connection":
            assert named == set(thing.__annotations__)
            continue
        has = {parameter.name for parameter in inspect.signature(thing).parameters.values()
               if parameter.kind == parameter.KEYWORD_ONLY} | ({"batch_size"} if name == "Loader" else set())
        assert named == has - {"progress"} - NO_KEYWORDS.get(name, set()), name


def test_python_has_the_defaults_of_the_table(tool: ModuleType, options: dict[str, dict[str, Any]]) -> None:
    compared = 0
    for name, option in options.items():
        for function in set(option.get("in", [])) - {"Connection"}:
            default = inspect.signature(getattr(ringfeed, function)).parameters[option["python"]].default
            if isinstance(default, bool):
                assert str(default) != option["flag"], name
            elif isinstance(default, int) and "default" in option:
                assert default == tool.number_of(option["default"]), name
            elif isinstance(default, str):
                assert default == option["default"], name
            else:
                continue
            compared += 1
    assert compared > 15


def argument_text(thing: Any, name: str) -> str:  # noqa: ANN401
    """What a docstring says of an argument or attribute, in one line."""
    entries = re.split(r"^    (?=[\w*]+(?:, \w+)*: )", inspect.cleandoc(thing.__doc__), flags=re.MULTILINE)
    return next(" ".join(entry.split()) for entry in entries if name in re.split(r", ", entry.partition(": ")[0]))


def for_people(bounds: str) -> str:
    """ "4KiB to 8MiB" as prose has it."""
    return re.sub(r"(\d)([KMG]iB)", r"\1 \2", bounds)


def test_docstrings_say_bounds(options: dict[str, dict[str, Any]]) -> None:
    said = 0
    for name, option in options.items():
        for function in option.get("in", []):
            if "bounds" in option:
                assert for_people(option["bounds"]) in argument_text(getattr(ringfeed, function), option["python"]), f"{function}: {name}"
                said += 1
    assert said > 10


def test_headers_say_bounds(options: dict[str, dict[str, Any]]) -> None:
    said = 0
    for name, option in options.items():
        for field in option.get("cpp", []) if option.get("bounds", TYPES_BOUNDS) != TYPES_BOUNDS else []:
            struct, member = field.split("::")
            comment = comment_of(struct, member)
            assert for_people(option["bounds"]) in comment, f"{field} ({name}): {comment}"
            said += 1
    assert said > 20


def comment_of(struct: str, member: str) -> str:
    """The comment of a public field, before it or behind it."""
    for path in (ROOT / "include/ringfeed").glob("*.hpp"):
        body = re.search(rf"^struct {struct} {{.*?^}};", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        if body:
            found = re.search(rf"((?:^ *///.*\n)*)^  [^/\n]*\b{member}\b[^/\n]*;(?: *///<(.*))?", body[0], flags=re.MULTILINE)
            return " ".join(f"{found[1]} {found[2] or ''}".replace("///", "").split())
    raise AssertionError(struct)


def fields_of(struct: str) -> set[str]:
    """The fields of a public struct that are no callbacks."""
    for path in (ROOT / "include/ringfeed").glob("*.hpp"):
        body = re.search(rf"^struct {struct} {{(.*?)^}};", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        if body:
            statements = re.sub(r"//.*", "", body[1]).split(";")
            taken = [s.split("=")[0].strip() for s in statements if s.strip() and not s.strip().startswith((*CALLBACKS, "static"))]
            return {re.search(r"(\w+)(?:\s*\{.*\})?$", statement)[1] for statement in taken}
    raise AssertionError(struct)


def test_the_structs_have_the_fields_of_the_table(options: dict[str, dict[str, Any]]) -> None:
    fields: dict[str, set[str]] = {}
    for option in options.values():
        for field in option.get("cpp", []):
            struct, name = field.split("::")
            fields.setdefault(struct, set()).add(name)
    assert {"FeedOptions", "TrainOptions", "IngestOptions", "ConnectionOptions"} <= set(fields)
    for struct, named in fields.items():
        has = fields_of(struct) - NO_OPTIONS.get(struct, set())
        assert named <= has if struct == "LaunchOptions" else named == has, struct


def texts_of(path: Path) -> list[str]:
    """Of the code, not of its comments."""
    return re.findall(r'"((?:[^"\\\n]|\\.)*)"', re.sub(r"(?m)^\s*//.*", "", path.read_text()))


def test_no_text_of_the_library_names_an_option_of_the_program() -> None:
    paths = [p for p in [*(ROOT / "src").rglob("*.[ch]pp"), *(ROOT / "include").rglob("*.hpp")] if "src/cli" not in p.as_posix()]
    paths += [*Path(PACKAGE, "ringfeed").glob("*.py"), *(ROOT / "driver/src").glob("*.rs")]
    assert len(paths) > 200
    naming = [f"{path.name}: {text}" for path in paths if path.name != "option.cpp" for text in texts_of(path)
              if re.search(r"(?<![\w-])--[a-z]", text) and not re.search(r"nodetool|docker", text)]
    assert naming == []
