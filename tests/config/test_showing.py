"""Are all mistakes shown at once, with the place, the line and a caret, and without secrets?"""

from __future__ import annotations

import json

import pytest

from onebeat.config import Code, ConfigMistakes, Mistake, as_github, as_json, as_text
from onebeat.config.mistakes import closest
from onebeat.config.page import masked, without_password
from onebeat.config.reading import read
from onebeat.errors import ConfigError

TEN = """\
version: 2
timezone: Asia/Soul
import: [shop.tasks]
defaults: {overlap: skp}
schedules:
  Nightly:
    task: shop.tasks:nightly
    cron: "61 2 * * *"
    timeout: 90
    enabled: yes
  b: {every: 5m}
  b: {}
  c: {task: shop.tasks:c, args: [.nan], every: 5m, cron: "@daily"}
  d: {task: shop.tasks:d, every: 5m, jitter: 1, offset: "${OFFSET}"}
"""
FOUND = [
    (1, 10, Code.VALUE),
    (2, 11, Code.ZONE),
    (3, 1, Code.UNKNOWN_KEY),
    (4, 21, Code.VALUE),
    (6, 3, Code.NAME),
    (8, 12, Code.CRON),
    (9, 14, Code.DURATION),
    (10, 14, Code.TYPE),
    (11, 3, Code.MISSING_KEY),
    (12, 3, Code.DUPLICATE_KEY),
    (13, 34, Code.NUMBER),
    (13, 52, Code.TRIGGER),
    (14, 46, Code.DURATION),
    (14, 58, Code.VARIABLE),
]


def mistakes(text: str) -> list[Mistake]:
    return sorted(read(text.encode(), "f.yaml").mistakes, key=lambda found: (found.line, found.column))


def test_all_mistakes_of_a_file_are_printed() -> None:
    found = mistakes(TEN)
    assert [(one.line, one.column, one.code) for one in found] == FOUND
    shown = as_text(found)
    for line, column, code in FOUND:
        assert f"f.yaml:{line}:{column}: error {code}: " in shown
    assert shown.endswith(f"\n{len(FOUND)} mistakes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'schedules: {a: {task: t:f, cron: "0 25 * * *"}}',
            '    1 | schedules: {a: {task: t:f, cron: "0 25 * * *"}}\n'
            "      |                                     ^^",
        ),
        (
            "schedules:\n  a: {task: t:f, owner: 데이터, every: 5}",  # a Korean letter is two cells wide
            "    2 |   a: {task: t:f, owner: 데이터, every: 5}\n"
            "      |                                        ^",
        ),
        ("timezone:\tAsia/Soul", "    1 | timezone:\tAsia/Soul\n      |          \t^^^^^^^^^"),
        ("timezone: 데이터", "    1 | timezone: 데이터\n      |           ^^^^^^"),
        ("schedules: {", "    1 | schedules: {\n      |             ^"),
    ],
)
def test_the_caret_stands_under_the_bad_part(text: str, expected: str) -> None:
    assert expected in as_text(mistakes(text))


def test_a_long_line_is_shown_around_the_place() -> None:
    (found,) = mistakes("imports: [" + "abc, " * 100 + "5, x]")
    line, caret = as_text([found]).split("\n")[1:3]
    assert len(line) < 120
    assert line[caret.index("^")] == "5"


def test_a_machine_written_line_is_not_shown() -> None:
    (found,) = mistakes("imports: [" + "abc, " * 1000 + "5, x]")
    assert found.source == ""


def test_json_has_every_field() -> None:
    rows = json.loads(as_json(mistakes(TEN)))
    assert len(rows) == len(FOUND)
    assert rows[5] | {"message": "", "source": ""} == {
        "code": "OB110",
        "severity": "error",
        "file": "f.yaml",
        "line": 8,
        "column": 12,
        "length": 2,
        "path": "schedules.Nightly.cron",
        "hint": "",
        "message": "",
        "source": "",
    }
    assert rows[5]["source"] == '    cron: "61 2 * * *"'


def test_github_commands_escape_what_they_repeat() -> None:
    bad = Mistake(Code.TYPE, "100% wrong\r\n::error::x", "a,b:c.yaml", 3, 4, hint="mend", length=2)
    assert as_github([bad]) == (
        "::error file=a%2Cb%3Ac.yaml,line=3,col=4,endColumn=5,"
        "title=OB152 a value has another type than its key wants"
        "::100%25 wrong%0D%0A::error::x%0Amend"
    )


def test_warnings_are_told_apart() -> None:
    caution = Mistake(Code.LONG_TIMEOUT, "long", "f")
    assert as_github([caution]).startswith("::warning ")
    assert as_text([caution, caution, Mistake(Code.TYPE, "x", "f")]).endswith("\n1 mistake, 2 warnings")
    assert as_text([]) == "no mistakes"


def test_nothing_that_steers_a_terminal_is_printed() -> None:
    shown = as_text([Mistake(Code.TYPE, "\x1b[2Jx", "a\x1bb", source="\x1b[31m\u202e")])
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "redis: http://:hunter2@host/0\n",
        "redis: http://user:hunter2@host/0\n",
        "redis: 'redis://:a@hunter2@host/0 '\nnamespace: a b\n",
        "redis: {url: redis://:hunter2@host}\n",
        "schedules:\n  a: {task: t:f, every: 5, kwargs: {password: hunter2}}\n",
        "schedules:\n  a: {task: t:f, every: 5, kwargs: {'db_password' : 'hunter2'}}\n",
        "schedules:\n  a: {task: t:f, every: 5, kwargs: {API_KEY: hunter2, token: hunter2}}\n",
        "schedules:\n  a: {task: t:f, every: 5m, kwargs: {password: hunter2}}\n",
    ],
)
def test_no_secret_is_repeated(text: str) -> None:
    reading = read(text.encode(), "f")
    found = [*reading.mistakes, *reading.warnings]
    assert found
    for shown in (as_text(found), as_json(found), as_github(found), repr(found), str(ConfigMistakes(found))):
        assert "hunter2" not in shown


def test_masking_keeps_the_width_and_is_quick() -> None:
    line = "redis://u:pass@word@host, token: abc"
    assert masked(line) == "redis://u:*********@host, token: ***"
    assert without_password("redis://u:p@h") == "redis://u:***@h"
    for hostile in ("a" * 1_000_000, "://" * 300_000, "://a:" + "b:" * 400_000, "passw" * 200_000):
        masked(hostile)


def test_the_exception_lists_everything() -> None:
    found = mistakes(TEN)
    error = ConfigMistakes(found)
    assert isinstance(error, ConfigError)
    assert (error.exit_code, error.code) == (2, "OB101")
    assert error.mistakes == tuple(found)
    assert str(error) == as_text(found)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("timout", ["timeout", "timezone"], "timeout"),
        ("catch-up", ["catch_up"], "catch_up"),
        ("TIMEZONE", ["timezone"], "timezone"),
        ("xyzzy", ["timeout"], None),
        ("x" * 1_000_000, ["timeout"], None),
    ],
)
def test_closest(word: str, known: list[str], expected: str | None) -> None:
    assert closest(word, known) == expected


def test_codes_are_stable_and_explained() -> None:
    assert len({code.value for code in Code}) == len(Code)
    assert all(code.meaning for code in Code)
    assert {code.severity for code in Code} == {"error", "warning"}
    assert Code("OB110") is Code.CRON
