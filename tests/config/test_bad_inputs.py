"""Does every wrong file get one clear mistake, at its place, and does no file break the reader?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onebeat.config import Mistake
from onebeat.config.files import Walk
from onebeat.config.page import read_page
from onebeat.config.reading import read
from onebeat.config.render import as_github, as_json, as_text
from onebeat.config.resolver import resolve
from tests.bad_inputs import time_rows, yaml_layer_rows, yaml_rows, yaml_text_rows

ROWS = [*yaml_text_rows.ROWS, *yaml_rows.ROWS, *time_rows.ROWS, *yaml_layer_rows.ROWS]
ENVIRON = {"ONEBEAT_TEST_SET": "Mars/Secret", "ONEBEAT_TEST_EMPTY": ""}
MARK = "¦".encode()


def marked(text: str | bytes) -> tuple[bytes, int, int]:
    """The file without its mark, and the line and column (in characters) where the mark was."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    before, _, after = raw.partition(MARK)
    if len(before) == len(raw):
        return raw, 1, 1
    lines = before.decode().split("\n")
    return before + after, len(lines), len(lines[-1]) + 1


def mistakes_in(raw: bytes) -> list[Mistake]:
    """What is wrong with the file, its includes looked for in a folder without files."""
    walk = Walk(ENVIRON)
    walk.take(read(raw, "onebeat.yaml", environ=ENVIRON), Path("/nonexistent"))
    return [mistake for reading in walk.readings for mistake in reading.mistakes]


def short(value: object) -> str | None:
    return None if isinstance(value, bytes) else ascii(value)[1:61]


def says(mistake: Mistake, words: str) -> bool:
    if "…" not in words:
        return mistake.message == words
    return words.strip("…") in mistake.message


@pytest.mark.parametrize(("text", "code", "message"), ROWS, ids=short)
def test_a_wrong_file_has_one_mistake_at_its_place(text: str | bytes, code: str, message: str) -> None:
    raw, line, column = marked(text)
    mistakes = mistakes_in(raw)
    assert [(m.code, m.line, m.column) for m in mistakes] == [(code, line, column)], mistakes
    assert says(mistakes[0], message), mistakes[0].message
    assert mistakes[0].length >= 1
    assert "Secret" not in as_text(mistakes)


def test_there_are_enough_rows() -> None:
    assert len(ROWS) >= 200
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize(("text", "code", "message"), ROWS, ids=short)
def test_a_mistake_can_be_shown(text: str | bytes, code: str, message: str) -> None:
    mistakes = mistakes_in(marked(text)[0])
    shown = as_text(mistakes)
    assert code in shown
    assert len(shown) < 2_000
    assert all(char.isprintable() or char in "\n\t" for char in shown)
    assert as_github(mistakes).count("\n") == 0
    assert as_json(mistakes).isascii()


WORDS = """schedules: { } [ ] a: task: t:f , - cron: " ' * 5 5m every: &a *a !x <<: | # ${A} {{ x }} \\ ? ~
.nan at: 2026-12-31T23:00 defaults: retries: null --- ... %YAML 1.2 한 \u202e"""
PIECES = st.sampled_from(
    [*WORDS.split(), "\n", "\r\n", "\t", "  ", "cron: '@daily'", "* * * * *", "task: t:f, "]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PIECES, PIECES.map(lambda piece: piece + " ")), max_size=25))
def test_no_text_breaks_the_reader(pieces: list[str]) -> None:
    reading = read("".join(pieces).encode(), "f")
    as_text([*reading.mistakes, *reading.warnings])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    as_text(read(raw, "f").mistakes)


def test_nothing_named_in_a_file_is_imported() -> None:
    text = "imports: [antigravity]\n"
    text += "schedules: {a: {task: this:main, every: 5m}, b: {task: os.system, every: 5m}}"
    reading = read(text.encode(), "f")
    assert not reading.mistakes
    assert [one.task for _, one in reading.schedules] == ["this:main", "os.system"]
    assert {"antigravity", "this"}.isdisjoint(sys.modules)


def test_twenty_levels_are_read_and_one_more_is_not() -> None:
    for levels, wrong in ((19, False), (20, True)):
        page, _ = read_page(f"a: {'[' * levels}{']' * levels}".encode(), "f")
        assert page is not None
        root, mistakes = resolve(page)
        assert bool(mistakes) is wrong
        assert (root is None) is wrong
