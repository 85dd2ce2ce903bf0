"""Does every name use the dictionary? One word, one thing; some words say nothing and are not used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import place, python_files, tree

# as any part of the name of a file, function or class
NEVER = {"job", "jobs", "item", "manager", "managers", "util", "utils", "common", "helper", "helpers"}
# as the verb that a function starts with
NEVER_VERBS = {"data", "process", "handle"}

# file::name → why the word is right there (another project's word, at the door to that project)
ALLOWED: dict[str, str] = {"onebeat/wire/async_lines.py::data_received": "asyncio calls it by this name"}

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parts(name: str) -> list[str]:
    """`ForkedHandle`, `forked_handle` → forked, handle."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def wrong_words(name: str, *, is_class: bool) -> set[str]:
    words = parts(name)
    verbs = set() if is_class else set(words[:1]) & NEVER_VERBS
    return (set(words) & NEVER) | verbs


@pytest.mark.parametrize("path", python_files("onebeat"), ids=place)
def test_names(path: Path) -> None:
    found = {path.stem: wrong_words(path.stem, is_class=True)}
    for node in ast.walk(tree(path)):
        if isinstance(node, Named):
            found[node.name] = wrong_words(node.name, is_class=isinstance(node, ast.ClassDef))
    wrong = {
        name: words for name, words in found.items() if words and f"{place(path)}::{name}" not in ALLOWED
    }
    assert not wrong, f"{place(path)}: see the dictionary in CONTRIBUTING.md: {wrong}"


@pytest.mark.parametrize(
    ("name", "is_class", "wrong"),
    [
        ("run_job", False, {"job"}),
        ("JobStore", True, {"job"}),
        ("LockManager", True, {"manager"}),
        ("handle", False, {"handle"}),
        ("process_message", False, {"process"}),
        ("handler_for", False, set()),
        ("ForkedHandle", True, set()),
        ("items", False, set()),
        ("start_process", False, set()),
    ],
)
def test_rows(name: str, is_class: bool, wrong: set[str]) -> None:
    assert wrong_words(name, is_class=is_class) == wrong
