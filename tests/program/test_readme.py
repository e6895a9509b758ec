"""The README's commands of the program, pasted in their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import build_folder
from readme import blocks_of, clone_in, paste

pytestmark = pytest.mark.program


def test_commands_of_the_program_run_as_pasted(tmp_path: Path) -> None:
    blocks = blocks_of("sh", "**The program**") + blocks_of("sh", "## Command line")
    assert len(blocks) == 3
    clone = clone_in(tmp_path, build_folder())
    printed = paste(clone, *blocks)
    assert "audit: exact, 2 epochs" in printed
    assert (clone / "run/weights.safetensors").exists() and (clone / "kept/weights.safetensors").exists()


def test_every_block_of_commands_is_pasted_somewhere() -> None:
    """Here, in test_package.py and in tests/python/test_wheel.py."""
    sections = ("**The program**", "## Command line", "**The C++ libraries**", "**The Python package**")
    assert sorted(blocks_of("sh")) == sorted(block for section in sections for block in blocks_of("sh", section))
