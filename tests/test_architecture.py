"""The includes of src/ against the table "Allowed includes" of ARCHITECTURE.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [p for p in (ROOT / "src").rglob("*") if p.suffix in (".cpp", ".hpp")]


def allowed_includes() -> dict[str, set[str]]:
    """Room -> rooms, from the table."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.split("## Allowed includes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ?([\w, ]*?) ?\|$", section, flags=re.MULTILINE)
    return {room: set(re.findall(r"\w+", rooms)) for room, rooms in rows if room != "room"}


def test_table_names_every_room() -> None:
    rooms = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    assert set(allowed_includes()) == rooms


def test_rooms_include_only_what_the_table_allows() -> None:
    table = allowed_includes()
    wrong = []
    includes = 0
    for path in SOURCES:
        room = path.relative_to(ROOT / "src").parts[0]
        for included in re.findall(r'^#include "(\w+)/', path.read_text(), flags=re.MULTILINE):
            includes += 1
            if included != room and included not in table[room]:
                wrong.append(f"{path.relative_to(ROOT)} includes {included}/")
    assert includes > 50
    assert wrong == []


def test_rooms_are_linked_as_the_table_says() -> None:
    text = (ROOT / "src/CMakeLists.txt").read_text()
    rooms = re.findall(r"^ *ringfeed_room\((\w+)(.*)\)$", text, flags=re.MULTILINE)
    linked = {name: set(links.split()) for name, links in rooms}
    core = set(re.search(r"set\(core_rooms ([\w ]+)\)", text).group(1).split())
    linked = {name: core if links == {"${core_rooms}"} else links for name, links in linked.items()}
    table = allowed_includes()
    table["cli"] = table["cli"] - {"train"}  # it sees a header of train, and loads the rest (src/cli/train_library.cpp)
    assert linked == table


def test_torch_is_included_in_train_alone() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in [*SOURCES, *(ROOT / "include/ringfeed").glob("*.hpp")]
        if "src/train" not in path.as_posix() and path.name not in ("torch.hpp", "train_with.hpp")
        and re.search(r"#include <(torch|ATen|c10)/", path.read_text())
    ]
    assert wrong == []


def test_files_open_with_their_job() -> None:
    headers = [*SOURCES, *(ROOT / "include/ringfeed").glob("*.hpp")]
    assert [str(p) for p in headers if not p.read_text().startswith("// ")] == []


def test_each_meter_is_in_the_docs() -> None:
    sources = "".join(path.read_text() for path in SOURCES if path.parent.name != "cuda")
    made = set(re.findall(r'"(ringfeed_[a-z_]+_(?:total|seconds|bytes|bytes_max|batches|places|waiting|loss))"', sources))
    told = set(re.findall(r"`(ringfeed_[a-z_]+)`", (ROOT / "docs/meters.md").read_text().split("\n## The meters")[1])) - {"ringfeed_"}
    assert len(made) > 20
    assert made == told
