"""docs/cli.md is what the program's help says."""

from __future__ import annotations

import pytest
from conftest import Ringfeed
from tool import tool

pytestmark = pytest.mark.program


def test_the_page_is_what_the_help_says() -> None:
    made = tool("cli_page")
    assert made.PAGE.read_text() == made.page(), "docs/cli.md is stale; run make pages"


def test_the_page_has_every_option_of_every_command(ringfeed: Ringfeed) -> None:
    page = tool("cli_page").PAGE.read_text()
    shared = page.partition("\n## Options of ")[2]
    commands = [line.split()[0] for line in ringfeed("--help").stdout.split("Subcommands:\n")[1].split("\n\n")[0].splitlines()
                if line.startswith("  ") and line[2] != " "]
    assert len(commands) >= 10
    for command in commands:
        section = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        options = [line.split()[0] for line in ringfeed(command, "--help").stdout.splitlines() if line.startswith("  -")]
        assert len(options) >= 3
        for option in options:
            assert f"`{option}" in section or f"`{option}" in shared, f"{command} {option}"
