"""Is everything in the event log read, counted or reported, whatever is written there?"""

from __future__ import annotations

import pytest

from onebeat.ledger.log import (
    BEGINNING,
    ID_MAX,
    TEXT_MAX,
    Extent,
    Position,
    begin,
    chunks,
    lines_of,
    parse_id,
    reconciled,
    spell_id,
)


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b'"text"',
        b"[]",
        b"null",
        b"5",
        b"{}",
        b'{"event":"emitted"}',
        b'{"id":"x"}',
        b'{"event":"emitted","id":5}',
        b'{"event":["emitted"],"id":"x"}',
        b'{"event":"emitted","id":""}',
        b'{"event":"emitted","id":"' + b"x" * (ID_MAX + 1) + b'"}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"\x80\x04.",
    ],
)
def test_what_is_no_event_is_counted_and_stops_nothing(text: bytes) -> None:
    good = b'{"event":"emitted","id":"x"}'
    lines, unreadable = lines_of([((1, 0), good + b"\n" + text + b"\n" + good)])
    assert len(lines) == 2
    assert unreadable == 1


@pytest.mark.parametrize(
    ("value", "number", "text"),
    [
        (b"5", 5, "5"),
        (b'"5"', 5, "5"),
        (b"1e3", 1000, "1000.0"),
        (b"null", None, None),
        (b'""', None, None),
        (b'"x"', None, "x"),
        (b"NaN", None, "nan"),
        (b"Infinity", None, "inf"),
        (b"1e400", None, "inf"),
        (b"9223372036854775807", 2**63 - 1, "9223372036854775807"),
        (b"9223372036854775808", None, "9223372036854775808"),
        (b"[1]", None, "[1]"),
        (b'"a\\u0000b"', None, "a\ufffdb"),
        (b'"\\ud800"', None, "?"),
        (b'"' + b"x" * 5_000 + b'"', None, "x" * TEXT_MAX),
    ],
)
def test_fields_are_made_fit_for_every_database(value: bytes, number: int | None, text: str | None) -> None:
    (line,), _ = lines_of([((1, 0), b'{"event":"e","id":"x","reason":' + value + b"}")])
    assert line.number("reason") == number
    assert line.text("reason") == text


def test_names_are_cut_to_their_columns() -> None:
    (line,), _ = lines_of([((1, 0), b'{"event":"e","id":"x","schedule":"' + b"s" * 200 + b'"}')])
    assert line.text("schedule") == "s" * 64


def test_places_sort_as_the_log_does() -> None:
    ids = [(9, 0), (10, 0), (10, 2), (10, 10), (10**12, 0)]
    lines, _ = lines_of([(one, b'{"event":"e","id":"x"}\n{"event":"e","id":"x"}') for one in ids])
    places = [line.place for line in lines]
    assert places == sorted(places)
    assert len(set(places)) == 10


@pytest.mark.parametrize("entry_id", [(0, 0), (1_700_000_000_000, 3)])
def test_ids_are_spelled_as_redis_does(entry_id: tuple[int, int]) -> None:
    assert parse_id(spell_id(entry_id)) == entry_id


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [([1] * 5, [2, 2, 1]), ([9], [1]), ([1, 9, 1], [1, 1, 1]), ([], []), ([2, 2], [1, 1])],
)
def test_parts_hold_whole_entries(sizes: list[int], parts: list[int]) -> None:
    read = [((n, 0), b"\n".join([b"x"] * size)) for n, size in enumerate(sizes)]
    split = list(chunks(read, lines_max=2))
    assert [len(part) for part in split] == parts
    assert [entry for part in split for entry in part] == read


def extent(first: int | None, last: int, length: int, added: int | None) -> Extent:
    return Extent(None if first is None else (first, 0), (last, 0), length, added)


READ_TEN = Position((10, 0), entries=10)


@pytest.mark.parametrize(
    ("position", "now", "wanted"),
    [
        # nothing was trimmed, or only what we have
        (READ_TEN, extent(1, 10, 10, 10), READ_TEN),
        (READ_TEN, extent(1, 15, 15, 15), READ_TEN),
        (READ_TEN, extent(8, 15, 8, 15), READ_TEN),
        (READ_TEN, extent(11, 15, 5, 15), READ_TEN),
        (READ_TEN, extent(None, 10, 0, 10), READ_TEN),
        # entries are gone that we have not read
        (READ_TEN, extent(14, 15, 2, 15), Position((13, 2**64 - 1), entries=13, lost=3)),
        (Position((10, 0), 10, lost=4), extent(14, 15, 2, 15), Position((13, 2**64 - 1), 13, lost=7)),
        # the same on servers before 7, which do not count
        (READ_TEN, extent(8, 15, 8, None), READ_TEN),
        (READ_TEN, extent(14, 15, 2, None), Position((13, 2**64 - 1), entries=11, lost=1)),
        # trimmed while we were reading: found by counting
        (Position((15, 0), entries=10), extent(14, 15, 2, 15), Position((15, 0), entries=13, lost=3)),
        # restored from an older copy, or emptied and begun anew
        (READ_TEN, extent(1, 6, 6, 6), Position(BEGINNING, 0, resets=1)),
        (READ_TEN, extent(1, 6, 6, None), Position(BEGINNING, 0, resets=1)),
        (READ_TEN, extent(20, 21, 2, 2), Position(BEGINNING, 0, resets=1)),
        (READ_TEN, extent(20, 31, 12, 12), Position(BEGINNING, 0, resets=1)),
        (READ_TEN, extent(3, 6, 2, 6), Position((2, 2**64 - 1), entries=4, lost=4, resets=1)),
    ],
)
def test_a_log_that_lost_something(position: Position, now: Extent, wanted: Position) -> None:
    assert reconciled(position, now) == wanted
    assert reconciled(wanted, now) == wanted, "it is counted once"


@pytest.mark.parametrize(("added", "entries"), [(15, 13), (None, 0)])
def test_a_new_history_begins_with_what_there_is(added: int | None, entries: int) -> None:
    started = begin(extent(14, 15, 2, added))
    assert started == Position(BEGINNING, entries)
    assert reconciled(started, extent(14, 15, 2, added)) == started
