"""Does every file say which question it answers, and is a pure file pure?"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import PACKAGE, imported, place, python_files, tree

# What a pure file must not touch: the machine's time, luck, disk, network, processes and threads.
IMPURE = {
    *("asyncio", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors", "shutil"),
    *("signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid"),
    *("aiosqlite", "redis", "sqlalchemy", "valkey"),
}
ASKS_THE_MACHINE = {"now", "utcnow", "today"}  # of datetime and date


def first_paragraph(path: Path) -> str:
    return (ast.get_docstring(tree(path)) or "").split("\n\n")[0].replace("\n", " ")


def impurities(path: Path) -> set[str]:
    """What a file that calls itself pure does, and must not."""
    found = {name for name in imported(path) if name.split(".")[0] in IMPURE}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}:
                found.add(f"{node.func.id}()")
            elif isinstance(node.func, ast.Attribute) and node.func.attr in ASKS_THE_MACHINE:
                found.add(f".{node.func.attr}()")
    return found


PURE = [path for path in python_files("onebeat") if first_paragraph(path).endswith("Pure.")]


ASKED = [path for path in python_files("onebeat") if path != PACKAGE / "__init__.py"]
TOLD = [path for path in python_files("tests") if path.stat().st_size]


@pytest.mark.parametrize("path", ASKED, ids=place)
def test_a_file_says_its_question(path: Path) -> None:
    assert "?" in first_paragraph(path), f"{place(path)}: begin with the one question that it answers"


@pytest.mark.parametrize("path", TOLD, ids=place)
def test_a_test_says_what_it_tests(path: Path) -> None:
    assert first_paragraph(path), f"{place(path)}: begin with what it asks of the code"


@pytest.mark.parametrize("path", PURE, ids=place)
def test_pure_files_are_pure(path: Path) -> None:
    assert not impurities(path), f"{place(path)} says Pure; let clock, luck and I/O come in as arguments"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import time\n", {"time"}),
        ("def f():\n    from random import random\n", {"random", "random.random"}),
        ("import datetime\nx = datetime.datetime.now()\n", {".now()"}),
        ("open('x')\n", {"open()"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import redis\n", set()),
    ],
)
def test_impurities_are_seen(text: str, wrong: set[str], tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(text)
    assert impurities(path) == wrong
