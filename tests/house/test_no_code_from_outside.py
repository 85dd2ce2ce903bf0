"""Can what is written into Redis, YAML or a command line ever become code?"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import imported, place, python_files, tree

UNSAFE_MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
UNSAFE_METHODS = {("os", "system"), ("os", "popen"), ("yaml", "load"), ("yaml", "unsafe_load")}


def dangers(path: Path) -> list[str]:
    """Every way in `path` by which bytes could become code."""
    found = [name for name in imported(path) if name.split(".")[0] in UNSAFE_MODULES]
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in UNSAFE_CALLS:
            found.append(f"{called.id}() in line {node.lineno}")
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            name = (called.value.id, called.attr)
            safe = name == ("yaml", "load") and "Safe" in ast.unparse(node)
            if name in UNSAFE_METHODS and not safe:
                found.append(f"{'.'.join(name)}() in line {node.lineno}")
        found += [f"shell= in line {node.lineno}" for word in node.keywords if word.arg == "shell"]
    return found


@pytest.mark.parametrize("path", python_files("onebeat"), ids=place)
def test_no_file_turns_bytes_into_code(path: Path) -> None:
    assert not dangers(path), f"{place(path)}: {dangers(path)}"


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\n",
        "def f(x):\n    from pickle import loads\n",
        "eval('1')\n",
        "import os\nos.system('x')\n",
        "import yaml\nyaml.load('x')\n",
        "import subprocess\nsubprocess.run('x', shell=True)\n",
    ],
)
def test_dangers_are_seen(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(text)
    assert dangers(path)


def test_the_safe_loader_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text("import yaml\nyaml.load('x', Loader=yaml.CSafeLoader)\n")
    assert not dangers(path)
