"""Does every file and function fit its limit? A raise is a row here, with its reason."""

from __future__ import annotations

import ast

import pytest

from tests.house.sources import CODE, lua_files, lua_parts, parsed, place, python_files, tree

FILE_MAX = 300
FUNCTION_MAX = 40
LUA_MAX = 120

# file, or file::function → (limit, why it may be longer)
RAISED: dict[str, tuple[int, str]] = {
    "onebeat/queue/lua/cycle.lua": (
        300,
        "the one round trip: settle, promote, claim, and what follows an end: result, chain, group",
    ),
    "onebeat/worker/task.py::task": (
        47,
        "each parameter of @task is a line where it is declared and a line where it is handed on",
    ),
    "onebeat/queue/lua/emit.lua": (
        200,
        "all policies about a fire are decided in the step that queues it, read and written for all at once",
    ),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(node: Function) -> int:
    """Lines from `def` to the end, the docstring not counted: explaining is never punished."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def limit(name: str, usual: int) -> int:
    return RAISED.get(name, (usual, ""))[0]


@pytest.mark.parametrize("path", [*python_files(*CODE, "docs"), *lua_files(), *lua_parts()], ids=place)
def test_a_file_fits(path) -> None:
    usual = LUA_MAX if path.suffix == ".lua" else FILE_MAX
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= limit(place(path), usual), f"{place(path)} has {lines} lines: split it by question"


@pytest.mark.parametrize("path", python_files("onebeat"), ids=place)
def test_its_functions_fit(path) -> None:
    too_long = [
        f"{place(path)}:{node.lineno} {node.name} has {length(node)} lines"
        for node in ast.walk(tree(path))
        if isinstance(node, Function) and length(node) > limit(f"{place(path)}::{node.name}", FUNCTION_MAX)
    ]
    assert not too_long, "\n".join(too_long)


def test_every_raise_is_needed_and_explained() -> None:
    for name, (_, reason) in RAISED.items():
        assert (python_files("onebeat")[0].parents[1] / name.split("::")[0]).exists(), f"{name} is gone"
        assert len(reason) > 20, f"say why {name} may be longer"


def test_a_function_is_measured_without_its_docstring() -> None:
    text = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    node = parsed(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    assert length(node) == 2
