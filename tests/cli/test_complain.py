"""Which exit code and which words does each failure get?"""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from sqlalchemy.exc import OperationalError

from onebeat import errors
from onebeat.cli.complain import complain
from tests.cli.commands import onebeat

ROWS = [
    (errors.OnebeatError("a"), 1, "onebeat: a [OB000]"),
    (errors.ConfigError("b"), 2, "onebeat: b [OB100]"),
    (errors.UnknownTask("c"), 3, "onebeat: c [OB200]"),
    (errors.NotFound("d"), 3, "onebeat: d [OB300]"),
    (errors.Refused("e"), 4, "onebeat: e [OB400]"),
    (errors.StoreError("f"), 5, "onebeat: f [OB500]"),
    (errors.WaitTimeout("g"), 6, "onebeat: g [OB310]"),
    (errors.RunFailed("h"), 7, "onebeat: h [OB320]"),
    (errors.ConfigError("two\nlines"), 2, "onebeat: nothing was done [OB100]\ntwo\nlines"),
    (click.UsageError("i"), 2, "onebeat: i [OB100]"),
    (KeyboardInterrupt(), 130, ""),
    (click.exceptions.Abort(), 130, ""),
    (SystemExit(3), 3, ""),
    (
        ZeroDivisionError("j"),
        1,
        "onebeat: ZeroDivisionError: j: this is not expected, -v shows where it comes from [OB000]",
    ),
    (
        OperationalError("SELECT secret", {}, Exception("disk is full\nmore")),
        1,
        "onebeat: the database failed (disk is full): is it reachable and writable? "
        "'onebeat doctor --config' shows which one is meant [OB000]",
    ),
]


@pytest.mark.parametrize(("problem", "code", "said"), ROWS, ids=lambda value: type(value).__name__)
def test_rows(problem: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(problem, verbose=False) == code
    captured = capsys.readouterr()
    assert captured.err.strip() == said
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "traced"),
    [
        (("show", "nope"), False),
        (("-v", "show", "nope"), True),
        (("show", "nope", "-v"), True),
    ],
)
def test_a_traceback_only_with_v(words: tuple[str, ...], traced: bool, folder: Path) -> None:
    answer = onebeat(*words)
    assert answer.code == 3
    assert ("Traceback (most recent call last)" in answer.err) is traced
    assert answer.err.rstrip().endswith("[OB300]")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("list", "-c", "nope.yaml"), 2, "nope.yaml: no such file"),
        (("show", "nightli"), 3, "did you mean 'nightly'?"),
        (("next", "nightli"), 3, "did you mean 'nightly'?"),
        (("trigger", "nightli"), 3, "did you mean 'nightly'?"),
        (("queues",), 2, "no store: none is named"),
        (("queues", "--redis", "http://x"), 2, "is not a store URL"),
        (
            ("queues", "--redis", "unix:///nowhere/store.sock"),
            5,
            "no answer from the store at unix:///nowhere",
        ),
    ],
)
def test_what_a_person_gets_wrong(words: tuple[str, ...], code: int, said: str, folder: Path) -> None:
    answer = onebeat(*words)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


@pytest.mark.parametrize(
    "words",
    [("queues",), ("workers",), ("locks",), ("dead",), ("doctor",), ("doctor", "--config"), ("runs",)],
)
def test_a_password_is_never_shown(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", "redis://me:hush-redis@127.0.0.1:1/0")
    monkeypatch.setenv("ONEBEAT_DB_URL", "postgresql://me:hush-sql@127.0.0.1:1/onebeat?connect_timeout=1")
    answer = onebeat(*words, "-v")
    assert answer.code in (0, 1, 5)
    assert "hush" not in answer.out + answer.err


def test_mistakes_are_all_told(folder: Path) -> None:
    (folder / "onebeat.yaml").write_text("schedules:\n  a: {task: x, every: 5}\n  b: {task: x, cron: 'x'}\n")
    answer = onebeat("list")
    assert answer.code == 2
    assert "onebeat: nothing was done [OB101]" in answer.err
    assert "onebeat.yaml:2:" in answer.err
    assert "onebeat.yaml:3:" in answer.err
