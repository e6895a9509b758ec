"""Columns apart, by the program: groups are chosen, some columns are shown, and what is of the format before is named."""

from __future__ import annotations

import json
import struct

import xxhash
from conftest import Ringfeed


def groups_of(ringfeed: Ringfeed, name: str, version: int = 1) -> list[list[int]]:
    return json.loads((ringfeed.folder / name / f"versions/{version}.json").read_text())["manifest"]["groups"]


def write_csv(ringfeed: Ringfeed) -> None:
    rows = "".join(f"{i},{i + 1},{i + 2},{i + 3}\n" for i in range(10))
    (ringfeed.folder / "data.csv").write_text("a,b,c,d\n" + rows)


def test_column_groups_are_named_at_ingest(ringfeed: Ringfeed) -> None:
    write_csv(ringfeed)
    for name, groups, expected in (("two", "d+b,c", [[0], [1, 3], [2]]), ("one", "", [[0, 1, 2, 3]])):
        ringfeed("ingest", "data.csv", name, "--column-groups", groups)
        assert groups_of(ringfeed, name) == expected
    error = ringfeed.error("ingest", "data.csv", "two", "--append", "--seed", "1", "--column-groups", "a", code=2)
    assert "--column-groups" in error
    ringfeed("ingest", "data.csv", "two", "--append", "--seed", "1")
    assert groups_of(ringfeed, "two", 2) == [[0], [1, 3], [2]]
    ringfeed("verify", "two")
    ringfeed("copy", "two", "copied")
    assert groups_of(ringfeed, "copied") == groups_of(ringfeed, "two", 2)
    lineages = [json.loads((ringfeed.folder / place).read_text())["manifest"]["lineage"]
                for place in ("two/versions/2.json", "copied/versions/1.json", "two/versions/1.json")]
    assert lineages[0] == lineages[1] != lineages[2]


def lineage_of(manifest: dict) -> str:
    """As docs/format.md defines it."""
    hasher = xxhash.xxh3_64()
    for name, rows in zip(manifest["splits"], manifest["rows"], strict=True):
        hasher.update(struct.pack("<Q", len(name)) + name.encode())
        hasher.update(struct.pack(f"<Q{len(rows)}I", len(rows), *rows))
        for group in range(len(manifest["groups"])):
            for part in manifest["parts"]:
                if (part["split"], part["group"]) == (name, group):
                    sums = part["chunk_xxh3"]
                    hasher.update(b"".join(struct.pack("<Q", int(sums[i:i + 16], 16)) for i in range(0, len(sums), 16)))
    return hasher.hexdigest()


def test_the_lineage_is_what_the_format_says(ringfeed: Ringfeed) -> None:
    write_csv(ringfeed)
    ringfeed("ingest", "data.csv", "set", "--column-groups", "a,b", "--split", "train=0.7,val=0.3")
    manifest = json.loads((ringfeed.folder / "set/versions/1.json").read_text())["manifest"]
    assert [sum(rows) for rows in manifest["rows"]] == [7, 3]
    assert manifest["lineage"] == lineage_of(manifest)


def test_head_shows_the_columns_that_are_named(ringfeed: Ringfeed) -> None:
    write_csv(ringfeed)
    ringfeed("ingest", "data.csv", "set", "--column-groups", "a,b", "--no-permute")
    assert ringfeed("head", "set", "-n", "1", "--columns", "d,b").stdout.split() == ["0:", "d=3", "b=1"]
    assert "unknown column" in ringfeed.error("head", "set", "--columns", "x", code=2)


def test_a_set_of_format_1_is_named_and_can_be_deleted(ringfeed: Ringfeed) -> None:
    write_csv(ringfeed)
    ringfeed("ingest", "data.csv", "old")
    manifest = ringfeed.folder / "old/versions/1.json"
    body = json.dumps(json.loads(manifest.read_text())["manifest"] | {"format": 1}, separators=(",", ":"))
    manifest.write_text(f'{{"xxh3":"{xxhash.xxh3_64(body.encode()).hexdigest()}","manifest":{body}}}\n')
    assert "format 1" in ringfeed.error("head", "old", code=3)
    assert "format 1" in ringfeed("list").stdout
    ringfeed("delete", "old", "--yes")
    assert not manifest.exists()
