"""Is an answer plain in a pipe, dressed on a terminal, and harmless on both?"""

from __future__ import annotations

import json
import sys

import pytest

from onebeat.cli.output import Column, print_facts, print_rows

ROWS = [("short", 5), ("a name with \x1b[31mcolour\nand lines", 123)]
COLUMNS = (
    Column[tuple[str, int]]("NAME", lambda row: row[0]),
    Column[tuple[str, int]]("N", lambda row: row[1], right=True),
)


def show(rows: list[tuple[str, int]], *, as_json: bool = False) -> None:
    print_rows(
        "onebeat.test/1",
        rows,
        as_json=as_json,
        record=lambda row: {"name": row[0], "n": row[1]},
        columns=COLUMNS,
        empty="nothing here",
    )


def test_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["N", "5", "123"]
    assert len({len(line) for line in lines}) == 1, "numbers end in one column"
    assert "\x1b" not in "".join(lines)
    assert "�[31mcolour and lines" in lines[2]


def test_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    show([("done", 1)])
    assert "\x1b[32mdone" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    show([("done [red]x[/red]", 1)])
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out, "markup in a name is only text"
    assert "\x1b[32m" not in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "onebeat.test/1"
    assert told["items"][1] == {"name": ROWS[1][0], "n": 123}


def test_nothing_is_said_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    show([])
    assert capsys.readouterr() == ("", "onebeat: nothing here\n")
    show([], as_json=True)
    assert json.loads(capsys.readouterr().out)["items"] == []


def test_facts_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("one", 1), ("none", None), ("empty", ""), ("zero", 0)])
    assert capsys.readouterr().out == "one   1\nzero  0\n"
