"""Does the table of commands tell the truth, and is help quick?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onebeat import __version__
from onebeat.cli.program import COMMANDS, program
from tests.cli.commands import onebeat

HEAVY = {"apscheduler", "croniter", "msgspec", "pydantic", "redis", "rich", "sqlalchemy", "yaml"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_row_names_its_command(name: str) -> None:
    command = program.get_command(None, name)  # the context is not used
    assert command is not None
    assert command.help is not None
    assert command.name == name
    assert command.help.startswith(COMMANDS[name].purpose.removesuffix("."))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    answer = onebeat(name, "-h")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: onebeat {name}")
    assert "-v, --verbose" in answer.out


def test_help_lists_every_command() -> None:
    answer = onebeat("--help")
    assert answer.code == 0
    for name, row in COMMANDS.items():
        assert f"  {name}" in answer.out
        assert row.purpose in answer.out


def test_help_loads_nothing_heavy() -> None:
    loaded = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    script = (
        "import atexit, sys\n"
        f"atexit.register(lambda: {loaded})\n"
        "sys.argv = ['onebeat', '--help']\n"
        "from onebeat.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=90
    )
    assert not set(ran.stderr.split()) & HEAVY


def test_no_command_is_a_wrong_usage_and_shows_help() -> None:
    answer = onebeat()
    assert (answer.code, answer.out) == (2, "")
    assert "  worker" in answer.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rnus",), "there is no command 'rnus': did you mean 'runs'?"),
        (("zzzz",), "there is no command 'zzzz': 'onebeat --help' lists them"),
        (("runs", "--limt", "3"), "--limit"),
        (("runs", "--limit", "0"), "0 is not in the range"),
        (("show",), "Missing argument 'ID'"),
    ],
)
def test_a_wrong_usage_says_what_was_meant(words: tuple[str, ...], said: str, folder: Path) -> None:
    answer = onebeat(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("onebeat: ")
    assert said in answer.err
    assert "[OB100]" in answer.err


def test_version() -> None:
    assert onebeat("version").out == onebeat("--version").out == f"onebeat {__version__}\n"
    assert onebeat("version", "--json").json["onebeat"] == __version__


def test_a_reader_that_has_seen_enough_is_no_error_of_ours(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "onebeat", "schema"],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=90,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode == 1
