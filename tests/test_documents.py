"""The documents against the code: bounds, named tests, pictures, versions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tool import tool

ROOT = Path(__file__).resolve().parent.parent
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
WORDS = {"std::numeric_limits<std::int32_t>::max()": str(2**31 - 1), "std::numeric_limits<std::uint32_t>::max()": str(2**32 - 1),
         "UINT32_MAX": str(2**32 - 1), "kIdxMagicBytes": "4", "kIdxDimensionsMax": "17"}


def bounds_of_the_code() -> dict[tuple[str, str], float]:
    """Constant and file -> value, of all constants whose name ends in Max or Most, but for bounds of options; times in seconds."""
    found = {}
    for path in [*(ROOT / "src").rglob("*.[ch]pp"), *(ROOT / "include").rglob("*.hpp")]:
        for match in re.finditer(r"constexpr\s+([\w:]+)\s+(k\w*(?:Max|Most))\s*(?:=\s*([^;]*)|\{([^}]*)\})\s*;", path.read_text()):
            text = re.sub(r"std::\w+\{([^}]*)\}", r"\1", match[3] or match[4])
            if text.startswith("most_of<"):
                continue  # of options.toml, which docs/options.md shows
            for word, number in WORDS.items():
                text = text.replace(word, number)
            text = re.sub(r"(?<=\d)(?:'(?=\d)|s$)", "", text)
            assert re.fullmatch(r"[\d\s.<*/+-]+", text), f"{path}: {match[0]}"
            value = eval(text)  # noqa: S307 (digits and operators alone)
            found[match[2], str(path.relative_to(ROOT))] = value / 1000 if match[1].endswith("milliseconds") else value
    return found


def value_of(figure: str) -> float:
    """What a cell of the table says: 65,536, 8 MiB, 2^31 - 1, 2 s."""
    if power := re.fullmatch(r"2\^(\d+)( - 1)?", figure):
        return 2 ** int(power[1]) - bool(power[2])
    number, _, unit = figure.replace(",", "").partition(" ")
    return float(number) * {"": 1, "s": 1, **UNITS}[unit]


def test_limits_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| .* \| ([^|]*) \| `(k\w+)` in (\S+) \|$", (ROOT / "docs/limits.md").read_text(), flags=re.MULTILINE)
    told = {(name, path): value_of(figure) for figure, name, path in rows}
    assert len(told) == len(rows) > 80
    code = bounds_of_the_code()
    assert {key: told.get(key) for key in code} == code, "docs/limits.md lacks a bound of the code, or has another figure"
    assert set(told) == set(code), "docs/limits.md has a bound that the code lacks"


def test_guarantees_name_tests_that_exist() -> None:
    text = (ROOT / "docs/guarantees.md").read_text()
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.cpp")]
    tests = {f"{suite}.{name}" for source in sources for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", source, flags=re.MULTILINE)}
    tests |= {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)}
    rows = [row.split("|")[1:-1] for row in re.findall(r"^\| [^-].*\|$", text, flags=re.MULTILINE) if not row.startswith("| promise")]
    assert len(rows) > 20
    for promise, proof in rows:
        named = re.findall(r"`([^`]+)`", proof)
        assert named, promise
        assert set(named) <= tests, f"{promise.strip()}: no test {set(named) - tests}"


def test_pictures_are_what_the_tool_draws() -> None:
    pictures = tool("pictures")
    drawn = {name: draw() for name, draw in pictures.PICTURES.items()}
    kept = {path.name: path.read_text() for path in pictures.FOLDER.glob("*.svg")}
    assert kept == drawn, "docs/pictures is stale; run make pages"
    assert sum(len(text) for text in kept.values()) < 500_000
    for text in kept.values():
        assert "<title" in text and "<desc" in text and "<script" not in text and "href" not in text


def test_the_comparison_is_with_the_versions_that_are_pinned() -> None:
    pinned = dict(re.findall(r"^(\w+)_VERSION=(.*)$", (ROOT / "versions.env").read_text(), flags=re.MULTILINE))
    for page in ("README.md", "docs/comparison.md"):
        text = (ROOT / page).read_text()
        assert f"torch DataLoader {pinned['TORCH']} " in text
        assert f"MosaicML Streaming {pinned['MOSAICML_STREAMING']} " in text


def test_the_table_of_benchmarks_has_their_last_figures() -> None:
    made = tool("benchmark_table")
    claims, page = made.read(made.CLAIMS), made.PAGE.read_text()
    assert page == made.page(page, claims), "docs/benchmarks.md is stale; run tools/benchmark_table.py"
    assert len({claim["name"] for claim in claims}) == len(claims) > 40
    assert len({claim["claim"] for claim in claims if "the same" not in claim["claim"].lower()}) > 20
    readme = made.README.read_text()
    assert readme == made.first_screen(readme, claims), "README.md has another figure; run tools/benchmark_table.py"
    for claim in claims:
        assert (ROOT / f"bench/{claim['script']}.py").exists(), claim["name"]
        assert f"`{claim['script']}`" in page.partition(made.END)[2], f"no method of {claim['script']}"


def test_a_benchmark_brings_its_figures_and_new_claims_need_a_bar() -> None:
    made = tool("benchmark_table")
    claim = {"name": "a", "claim": "ours over theirs", "limit": "memory", "script": "feed_local", "ours": 1, "rival": 2, "unit": "samples/s",
             "ratio": 0.5, "spread": [0.4, 0.6], "bar": 0.9, "pass": False, "date": "2026-01-01", "machine": "old"}
    newer = {**claim, "ratio": 12.34, "spread": [9.876, 123.4], "pass": True, "date": "2026-02-02", "machine": "new", "more": 1}
    bound = {**newer, "name": "b", "ratio": None, "ours": 0.0123, "unit": "s", "spread": None, "bar": 0.01, "pass": False}
    merged = made.merge([claim], [newer, bound, {**newer, "name": "c", "bar": 0}])
    assert [line["name"] for line in merged] == ["a", "b"] and "more" not in merged[0]
    rows = made.table(merged).splitlines()[2:]
    assert rows == ["| ours over theirs | `NAME=feed_local` | 12.3 (9.88 - 123) | at least 0.9, kept | memory | 2026-02-02 | new |",
                    "| b | `NAME=feed_local` | 0.0123 s | at most 0.01, **missed** |  | 2026-02-02 | new |"]


def test_the_page_of_the_headers_is_what_they_say() -> None:
    made = tool("cpp_page")
    assert made.PAGE.read_text() == made.page(), "docs/cpp-api.md is stale; run make pages"
    names = [entry for path in made.HEADERS for entry in made.names_in(path)]
    assert len(names) > 100
    assert [entry.code for entry in names if not entry.text] == [], "a public name without a comment"


def test_of_a_header_everything_public_is_taken(tmp_path: Path) -> None:
    header = tmp_path / "part.hpp"
    header.write_text("""// Parts.
namespace ringfeed {
class Announced;
/// Part of
/// a whole.
class __attribute__((visibility("default"))) Part : public Whole {
 public:
  /// Makes one.
  explicit Part(int n = 0) : n_(n) {}
  Part(const Part&) = default;
  Part& operator=(const Part&) = default;
  ~Part();
#if __has_include(<there.h>)
  int there() const;
#endif
  template <typename T>
  T* as() const { return nullptr; }  ///< data
  struct Inner {
    std::vector<int> values = {};  ///< some,
                                   ///< ascending
  };

 private:
  int n_;
};
template <typename T>
void Part::late() {}
/// Adds.
int add(const Part& a, const std::string& b = {});
}  // namespace ringfeed
""")
    part, add = tool("cpp_page").names_in(header)
    assert (part.name, part.code, part.text) == ("Part", "class Part : public Whole", "Part of a whole.")
    assert [(member.code, member.text) for member in part.members] == [
        ("explicit Part(int n = 0)", "Makes one."), ("int there() const", ""), ("template <typename T> T* as() const", "data"), ("struct Inner", "")]
    assert [(member.code, member.text) for member in part.members[3].members] == [("std::vector<int> values = {}", "some, ascending")]
    assert (add.name, add.code, add.text) == ("add", "int add(const Part& a, const std::string& b = {})", "Adds.")


def test_the_site_has_every_page() -> None:
    site = tool("site_of_documents")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    navigation = [page for group in site.NAVIGATION.values() for page in group]
    assert sorted(navigation) == sorted(pages | set(site.MOVED.values())), "tools/site_of_documents.py: NAVIGATION lacks a page, or has one too many"


def test_the_site_loads_nothing_from_a_network(tmp_path: Path) -> None:
    site = tool("site_of_documents")
    (tmp_path / "good.html").write_text('<a href="https://example.org">there</a><script src="assets/a.js"></script><link href="../a.css" rel="stylesheet">')
    assert site.loads_of(tmp_path) == []
    for bad in ('<script async src="https://example.org/a.js">', '<link rel=stylesheet href=//example.org/a.css>', "<img src='http://example.org/a.png'>",
                '<style>@import "https://example.org/a.css"</style>', "<style>a {background: url(https://example.org/a.png)}</style>"):
        (tmp_path / "bad.html").write_text(bad)
        assert len(site.loads_of(tmp_path)) == 1, bad


def test_prose_is_wrapped() -> None:
    wrap = tool("wrap_pages")
    pages = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(path for path in (ROOT / "docs").rglob("*.md") if path.name != "mended.md")]
    long = [f"{page.name}: {line}" for page in pages for line in wrap.too_long(page.read_text())]
    assert long == [], "run tools/wrap_pages.py on them"


def prose_of(path: Path) -> list[str]:
    """The lines of a page without its code, those of a header's comments, or those of the docstrings of a module."""
    text = path.read_text()
    if path.suffix == ".md":
        return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()
    if path.suffix == ".hpp":
        return [comment for line in text.splitlines() for comment in re.findall(r"//.*", line)]
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    return [line for node in nodes for line in (ast.get_docstring(node, clean=False) or "").splitlines()]


def test_prose_is_plain() -> None:
    pages = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")]
    code = [*(ROOT / "include/ringfeed").glob("*.hpp"), *(ROOT / "python/ringfeed").glob("*.py*")]
    assert len(pages) > 25 and len(code) > 40
    unclear = re.compile(r"(?<![\w.])(so|such|as of)\b|\bthat one(?=[.,;:)]|$| (is|has|does)\b)", flags=re.IGNORECASE)
    assert [f"{path.name}: {line}" for path in pages + code for line in prose_of(path) if unclear.search(line)] == []
    assert [f"{path.name}: {line}" for path in code for line in prose_of(path) if len(line) >= 120] == []


def test_comments_of_headers_begin_with_a_verb_or_a_noun() -> None:
    words = "As|After|Also|At|Before|Behind|Beside|Between|By|For|From|If|In|Instead|Of|Over|To|Unless|What|When|Where|Whether|With|Without"
    starts = []
    for path in (ROOT / "include/ringfeed").glob("*.hpp"):
        before = ""
        for line in path.read_text().splitlines():
            if re.match(rf" *///? (?:{words})\b", line) and not before.lstrip().startswith("//"):
                starts.append(f"{path.name}: {line}")
            before = line
    assert starts == []


def test_wrapping_changes_nothing_but_line_ends() -> None:
    wrap = tool("wrap_pages")
    words = " ".join(["word"] * 40)
    pages = [f"{words}\n", f"- {words}\n  {words}\n- short\n", f"  1. {words} - {words} 2. {words}\n", f"one\n{words} # {words}\n\n    {words}\n"]
    kept = [f"| {words} | {words} |\n", f"```\n{words}\n```\n", f"# {words}\n", "narrow\nenough\n", f"{words}  \nbroken here\n"]
    for page in pages:
        wrapped = wrap.reflow(page)
        assert wrapped != page and wrapped.split() == page.split() and wrap.reflow(wrapped) == wrapped
        assert len(wrap.blocks_of(wrapped.splitlines())) == len(wrap.blocks_of(page.splitlines()))
    assert [wrap.reflow(page) for page in kept] == kept
