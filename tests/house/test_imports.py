"""Do imports go down, through one door per dependency, and late where they are slow?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import PACKAGE, ROOT

HEAVY = {"alembic", "apscheduler", "croniter", "pydantic", "redis", "rich", "sqlalchemy", "yaml"}
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of import-linter on the package below `root`."""
    words = [sys.executable, "-c", LINT, "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=250, check=False)


def test_the_contracts_are_kept() -> None:
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("place", "line", "contract"),
    [
        ("wire/spy.py", "import onebeat.queue", "Imports go down"),
        ("locks/spy.py", "import onebeat.queue", "Imports go down"),
        ("worker/spy.py", "import onebeat.scheduler", "Imports go down"),
        ("attic/__init__.py", "", "Imports go down"),
        ("locks/spy.py", "import redis", "Redis has one door"),
        ("worker/spy.py", "def f():\n    import croniter", "Time rules have one door"),
        ("queue/spy.py", "from sqlalchemy import text", "SQL has one door"),
        ("scheduler/spy.py", "import yaml", "YAML and its validation have one door"),
        ("embedded/spy.py", "from rich.console import Console", "The terminal has one door"),
    ],
)
def test_a_wrong_import_breaks_its_contract(place: str, line: str, contract: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "onebeat", ignore=shutil.ignore_patterns("__pycache__"))
    spy = tmp_path / "onebeat" / place
    spy.parent.mkdir(exist_ok=True)
    spy.write_text(line + "\n")
    checked = lint(tmp_path)
    assert checked.returncode == 1
    assert f"{contract} BROKEN" in checked.stdout


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after `code`."""
    script = f"""
import atexit, sys
atexit.register(lambda: print(*{{name.partition(".")[0] for name in sys.modules}}))
{code}
"""
    words = [sys.executable, "-W", "error", "-c", script]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=250, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].split())


def test_import_onebeat_is_light() -> None:
    assert not loaded_by("import onebeat") & HEAVY


def test_help_is_light() -> None:
    loaded = loaded_by("sys.argv = ['onebeat', '--help']\nfrom onebeat.cli import main\nmain()")
    assert "click" in loaded
    assert not loaded & HEAVY


def test_what_is_loaded_is_seen() -> None:
    assert "sqlalchemy" in loaded_by("import sqlalchemy")
