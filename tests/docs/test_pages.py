"""Does every page work? Each code block is run, in order, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.fences import ROOT, Block, blocks, looks_like, pages, plain, steps
from tests.docs.reader import Reader
from tests.servers import Server

PAGES = pages()
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)")
PATH = re.compile(r"\b(?:tests|examples|config|docs|onebeat)/[\w/-]+\.(?:py|md|yaml|lua)\b")
NODE = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def brings_a_store(parts: list[Block]) -> bool:
    return any(step.command.startswith("onebeat up") for part in parts for step in steps(part))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_its_blocks_run(path: Path, tmp_path: Path, server: Server, namespace: str) -> None:
    parts = blocks(path.read_text(encoding="utf-8"))
    own = {
        "ONEBEAT_REDIS_URL": server.url,
        "ONEBEAT_NAMESPACE": namespace,
        "ONEBEAT_DB_URL": f"sqlite:///{tmp_path / 'page.db'}",
    }
    reader = Reader(tmp_path, {} if brings_a_store(parts) else own)
    try:
        for part in parts:
            reader.do(part)
        reader.leave()
    finally:
        reader.abandon()


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_what_it_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, anchor in LINK.findall(text):
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), f"{name_of(path)} links to {target}, which is not there"
        assert not anchor or anchor in anchors(there), f"{name_of(there)} has no heading #{anchor}"
    nodes = [node for file, node in NODE.findall(text) if f"def {node}(" not in (ROOT / file).read_text()]
    assert not nodes, f"{name_of(path)} names tests that are not there"
    missing = [named for named in PATH.findall(text) if not (ROOT / named).exists()]
    assert not missing, f"{name_of(path)} names files that are not there"


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub spells them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a b", "a   b\n", True),
        ("at ... done", "at 10:00 done", True),
        ("first\n...\nlast", "first\nsecond\nthird\nlast\n", True),
        ("first\nlast", "first\nsecond\nlast", False),
        ("a.c", "abc", False),
        ("a", "a and more", False),
    ],
)
def test_shown_output_is_compared(shown: str, printed: str, same: bool) -> None:
    assert (looks_like(shown).fullmatch(plain(printed)) is not None) is same


@pytest.mark.parametrize("text", ["```\nx\n```\n", "```bash\nx\n```\n", "```python\nx\n"])
def test_a_block_that_nobody_would_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        blocks(text)


def test_decisions_have_a_number_each_and_are_listed_in_their_order() -> None:
    pages = sorted(path.name for path in (ROOT / "docs/decisions").glob("*.md"))
    assert [int(name[:4]) for name in pages] == [*range(1, len(pages) + 1)]
    listed = re.findall(
        r"\(decisions/([\w.-]+)\)", (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    )
    assert listed == pages
