"""Does the wheel hold all that the code reads, and nothing that nobody asked for?"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.sources import ROOT, lua_files, lua_parts, place, python_files

BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel, built offline from a copy, so that no build folder is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "onebeat", folder / "onebeat", ignore=shutil.ignore_patterns("__pycache__"))
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
    built = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=250, check=False)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return zipfile.Path(next((folder / "dist").glob("*.whl")))


def names(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def test_it_holds_every_module_and_every_script(wheel: zipfile.Path) -> None:
    assert {place(path) for path in [*python_files("onebeat"), *lua_files(), *lua_parts()]} <= names(wheel)


def test_scripts_are_the_same_bytes(wheel: zipfile.Path) -> None:
    for path in (*lua_files(), *lua_parts()):
        assert wheel.root.read(place(path)) == path.read_bytes()


def test_it_says_that_it_is_typed(wheel: zipfile.Path) -> None:
    assert "onebeat/py.typed" in names(wheel)


def test_it_holds_nothing_else(wheel: zipfile.Path) -> None:
    tops = {Path(name).parts[0].partition("-")[0] for name in names(wheel)}
    assert tops == {"onebeat"}, "tests, examples and the like are not installed beside the users' modules"
    assert not [name for name in names(wheel) if name.endswith((".pyc", ".so"))]
