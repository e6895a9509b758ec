"""Writes the table of docs/benchmarks.md, and the figure on the first screen of README.md: python tools/benchmark_table.py [RESULTS].

docs/benchmarks.jsonl has a line for each claim: `claim`, `limit` and `script` are written by hand, the rest is the last measurement. RESULTS
(build/bench-results.jsonl: what the benchmarks printed) brings newer ones. A result whose name is new becomes a claim when it has a bar.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "docs/benchmarks.jsonl"
PAGE = ROOT / "docs/benchmarks.md"
README = ROOT / "README.md"
HEADLINE = "feed local 784 float32 vs DataLoader"
BEGIN, END = "<!-- the table: tools/benchmark_table.py -->\n", "<!-- its end -->\n"
MEASURED = ("ours", "rival", "unit", "ratio", "spread", "bar", "pass", "date", "machine")
Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def merge(claims: list[Line], results: list[Line]) -> list[Line]:
    """The claims with their newest figures."""
    merged = {claim["name"]: dict(claim) for claim in claims}
    for result in results:
        name = result["name"]
        if name not in merged and result["bar"]:
            merged[name] = {"name": name, "claim": name, "limit": "", "script": result["script"]}
        if name in merged:
            merged[name].update({key: result[key] for key in MEASURED})
    return list(merged.values())


def figure(number: float) -> str:
    """Three digits, or whole from 100 on."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def last(claim: Line) -> str:
    """A ratio of a rival, or a figure with its unit; with the spread of the rounds."""
    value = figure(claim["ours"]) + f" {claim['unit']}" if claim["ratio"] is None else figure(claim["ratio"])
    spread = " ({} - {})".format(*map(figure, claim["spread"])) if claim["spread"] else ""
    return value + spread


def bar(claim: Line) -> str:
    if not claim["bar"]:
        return ""
    least = "at least" if claim["ratio"] is not None else "at most"
    return f"{least} {claim['bar']:g}, {'kept' if claim['pass'] else '**missed**'}"


def table(claims: list[Line]) -> str:
    rows = ["| claim | `make bench` | last (spread) | bar | limit | date | machine |", "|---|---|---|---|---|---|---|"]
    rows += [f"| {claim['claim']} | `NAME={claim['script']}` | {last(claim)} | {bar(claim)} | {claim['limit']} | {claim['date']} | "
             f"{claim['machine']} |" for claim in claims]
    return "\n".join(rows) + "\n"


def page(text: str, claims: list[Line]) -> str:
    """The page with the table of these claims."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + table(claims) + "\n" + END + rest.partition(END)[2]


def first_screen(text: str, claims: list[Line]) -> str:
    """README.md with the last ratio of the headline's claim and its day."""
    claim = next(claim for claim in claims if claim["name"] == HEADLINE)
    ratio, _, spread = last(claim).partition(" ")
    text, count = re.subn(r"\*\*[\d.,]+ times\*\* \([^)]*\) (the\s+samples\s+per\s+second)", rf"**{ratio} times** {spread} \1", text)
    text, days = re.subn(rf"(`make\s+bench\s+NAME={claim['script']}`,\s+)[\d-]+", rf"\g<1>{claim['date']}", text)
    if (count, days) != (1, 1):
        sys.exit("benchmark_table: README.md has no line '**N times** (M - O) the samples per second ... (`make bench NAME=...`, DATE)'")
    return text


def main(results: Path | None) -> None:
    claims = read(CLAIMS)
    if results and results.exists():
        claims = merge(claims, read(results))
        CLAIMS.write_text("".join(json.dumps(claim) + "\n" for claim in claims))
    PAGE.write_text(page(PAGE.read_text(), claims))
    README.write_text(first_screen(README.read_text(), claims))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
