"""Builds a site of the documents: python tools/site_of_documents.py [FOLDER] (build/site; needs mkdocs, which tools/setup.sh docs installs).

README.md is its first page, then docs/, ARCHITECTURE.md and CHANGELOG.md. Links are checked by mkdocs, whose warnings are errors. The site can be read from
the disk, without a network: what a page loads is looked at afterwards. (Its search needs a server: python -m http.server.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build/site-source"
NAVIGATION = {
    "Start": ["index.md", "concepts.md", "comparison.md"],
    "Promises": ["guarantees.md", "limits.md"],
    "Python": ["python.md", "recipes.md", "python-api.md", "from-the-article.md", "from-mosaicml.md", "from-cassandra-dali.md"],
    "Program and C++": ["cli.md", "options.md", "config.md", "tune.md", "cpp.md", "cpp-api.md", "training.md", "meters.md", "ledger.md", "compare.md"],
    "Data": ["sources.md", "images.md", "export.md", "view.md", "doctor.md", "cassandra.md", "cache.md", "format.md", "ordering.md", "scaling.md"],
    "Speed": ["benchmarks.md", "notes/local-feed.md", "notes/python-loader.md", "notes/cassandra.md", "notes/training.md", "notes/workshop.md"],
    "Inside": ["architecture.md", "decisions.md", "notes/columns.md", "notes/mended.md", "changes.md"],
}
# Pages from outside of docs/, and what they are called in the site.
MOVED = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changes.md"}
CONFIGURATION = {
    "site_name": "Ringfeed", "site_url": "", "use_directory_urls": False, "docs_dir": str(SOURCE),
    "theme": {"name": "material", "font": False, "features": ["navigation.sections", "toc.follow"],
              "palette": [{"media": "(prefers-color-scheme: light)", "scheme": "default"}, {"media": "(prefers-color-scheme: dark)", "scheme": "slate"}]},
    "plugins": ["search"], "extra": {"generator": False},
    "markdown_extensions": ["tables", "sane_lists", "pymdownx.superfences", {"toc": {"permalink": True}}],
    "validation": {"links": {"anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"}, "nav": {"omitted_files": "warn"}},
}
# What a page or a style loads from another host.
LOADED = re.compile(r"""<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^\s>"']*|(?:url\(|@import\s)\s*["']?(?:https?:)?//[^\s)"']*""")


def text_of(path: Path) -> str:
    """A page as mkdocs needs it: links between moved pages follow them, and a list is set apart from the text above it."""
    text = path.read_text()
    for name, page in MOVED.items():
        text = text.replace(f"](../{name})", f"]({page})").replace(f"]({name})", f"]({page})")
    if path.parent == ROOT:
        text = text.replace("](docs/", "](").replace("](LICENSE)", "](licence.txt)")
    lines: list[str] = []
    code = False
    for line in text.splitlines():
        code ^= line.startswith("```")
        item = re.match(r"(- |\d+\. )", line)
        if item and not code and lines and lines[-1] and not re.match(r"(- |\d+\. |\s)", lines[-1]) and not in_item(lines):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def in_item(lines: list[str]) -> bool:
    """Whether the last paragraph is a list."""
    for line in reversed(lines):
        if not line:
            return False
        if re.match(r"(- |\d+\. )", line):
            return True
    return False


def prepare() -> None:
    """Gathers all pages in SOURCE."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "docs", SOURCE, ignore=shutil.ignore_patterns("*.jsonl"))
    for page in SOURCE.rglob("*.md"):
        page.write_text(text_of(ROOT / "docs" / page.relative_to(SOURCE)))
    for name, page in MOVED.items():
        (SOURCE / page).write_text(text_of(ROOT / name))
    shutil.copy(ROOT / "LICENSE", SOURCE / "licence.txt")


def loads_of(site: Path) -> list[str]:
    """What pages and styles of a site would load from elsewhere."""
    return [f"{path.relative_to(site)}: {match[0]}" for path in sorted(site.rglob("*")) if path.suffix in (".html", ".css")
            for match in LOADED.finditer(path.read_text(errors="replace"))]


def main(site: Path) -> None:
    prepare()
    configuration = ROOT / "build/mkdocs.yml"
    navigation = [{title: pages} for title, pages in NAVIGATION.items()]
    configuration.write_text(json.dumps({**CONFIGURATION, "site_dir": str(site.resolve()), "nav": navigation}))  # JSON is YAML, too
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(configuration)]
    if (code := subprocess.run(command, env=dict(os.environ, NO_MKDOCS_2_WARNING="1")).returncode) != 0:
        sys.exit(code)
    if loads := loads_of(site):
        sys.exit("docs: it would load from a network:\n" + "\n".join(loads))
    print(f"docs: {len(list(site.rglob('*.html')))} pages in {site}/index.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build/site")
