"""What is there to check? Every source file of the project, parsed once."""

from __future__ import annotations

import ast
import gc
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "onebeat"
CODE = ("onebeat", "tests", "benchmarks", "examples")


def place(path: Path) -> str:
    """How a failure names the file: `onebeat/wire/store.py`."""
    return path.relative_to(ROOT).as_posix()


def python_files(*folders: str) -> list[Path]:
    """The Python files below these folders of the repository, sorted."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "__pycache__" not in path.parts)


def lua_files() -> list[Path]:
    """Every Lua script of the package, sorted."""
    return sorted(PACKAGE.glob("*/lua/*.lua"))


def lua_parts() -> list[Path]:
    """What scripts include, sorted."""
    return sorted(PACKAGE.glob("*/lua/parts/*.lua"))


@lru_cache(maxsize=512)
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return parsed(path.read_text(encoding="utf-8"), str(path))


def parsed(text: str, name: str = "<text>") -> ast.Module:
    """`ast.parse`, without a collection of garbage in its midst.

    What a collection finalizes may parse as well: an exception that nobody can raise is told with its
    traceback, and a traceback of CPython 3.11 parses the lines it shows. A parse within a parse fails
    the outer one with `SystemError: AST constructor recursion depth mismatch` (gh-106905).
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text, name)
    finally:
        if collected:
            gc.enable()


def imported(path: Path) -> set[str]:
    """Every module that the file imports when it runs, at its top or late; not those for types only."""
    found: set[str] = set()
    for node in _running(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _running(node: ast.AST) -> list[ast.AST]:
    """`node` and all below it, without what stands under `if TYPE_CHECKING:`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return [below for other in node.orelse for below in _running(other)]
    return [node, *(below for child in ast.iter_child_nodes(node) for below in _running(child))]
