"""Does the reference say what the code does? Writing it again changes nothing."""

from __future__ import annotations

import pytest

from docs.generate import PAGES, page
from tests.docs.fences import ROOT

REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    written = (REFERENCE / f"{name}.md").read_text(encoding="utf-8")
    assert written == page(name), f"docs/reference/{name}.md differs: run 'make docs'"


def test_no_page_is_left_over() -> None:
    assert {path.stem for path in REFERENCE.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_no_cell_breaks_its_table(name: str) -> None:
    """A bar or a newline in a meaning would shift every column after it."""
    for block in page(name).split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
