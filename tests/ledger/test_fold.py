"""Does a run's row say what its events said, in whatever order and however often they are read?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onebeat.ledger.fold import TERMINAL, Run, applied, born
from onebeat.ledger.log import Line, StreamEntry, lines_of
from tests.ledger.log_writer import about, fire

END = {"state": "done", "attempt": 1, "worker": "w1", "started_ms": 1_500, "ended_ms": 1_900}
EMITTED, CLAIMED = fire("emitted", 1_000), about("claimed", 1_000, worker="w1", deliveries=1)
DONE = fire("ended", 1_000, **END)
FAILED = fire("ended", 1_000, **(END | {"state": "dead", "error": "ValueError: x", "reason": "attempts"}))
RETRIED = fire(
    "retried", 1_000, attempt=1, worker="w1", started_ms=1_500, ended_ms=1_600, error="E: x", delay_ms=5
)
RECOVERED = about("recovered", 1_000, worker="w1", deliveries=2)
REDRIVEN = about("redriven", 1_000, by="ann@web", reason="mended")
DISCARDED = about("discarded", 1_000, by="ann@web")
RELEASED = about("released", 1_000, worker="w1")


def entries(*events: dict[str, Any], first_ms: int = 5_000) -> list[StreamEntry]:
    """One stream entry per event, a millisecond apart."""
    return [((first_ms + n, 0), json.dumps(event).encode()) for n, event in enumerate(events)]


def folded(lines: list[Line], rows: dict[str, Run] | None = None) -> dict[str, Run]:
    after = dict(rows or {})
    for line in lines:
        after[line.id] = applied(after.get(line.id) or born(line, "ns", "default"), line)
    return after


def row_after(*events: dict[str, Any]) -> Run:
    (row,) = folded(lines_of(entries(*events))[0]).values()
    return row


LIVES: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    (
        "queued",
        [EMITTED],
        {"state": "queued", "emitted_ms": 5_000, "schedule": "nightly", "task": "shop.report"},
    ),
    (
        "running",
        [EMITTED, CLAIMED],
        {"state": "running", "claimed_ms": 5_001, "worker": "w1", "deliveries": 1},
    ),
    (
        "done",
        [EMITTED, CLAIMED, DONE],
        {"state": "done", "started_ms": 1_500, "ended_ms": 1_900, "attempt": 1},
    ),
    ("dead", [EMITTED, CLAIMED, FAILED], {"state": "dead", "error": "ValueError: x", "reason": "attempts"}),
    ("failed is dead", [fire("ended", 1_000, state="failed")], {"state": "dead"}),
    ("capitals", [fire("ended", 1_000, state="CANCELLED")], {"state": "cancelled"}),
    ("retrying", [EMITTED, CLAIMED, RETRIED], {"state": "retrying", "error": "E: x", "attempt": 1}),
    (
        "a success keeps no error",
        [EMITTED, CLAIMED, RETRIED, CLAIMED, DONE],
        {"state": "done", "error": None},
    ),
    ("its worker died", [EMITTED, CLAIMED, RECOVERED], {"state": "queued", "worker": None, "deliveries": 2}),
    ("given back", [EMITTED, CLAIMED, RELEASED], {"state": "queued", "worker": None, "deliveries": 1}),
    ("expired", [EMITTED, fire("ended", 1_000, state="expired")], {"state": "expired", "ended_ms": 5_001}),
    (
        "skipped",
        [fire("skipped", 1_000, reason="overlap")],
        {"state": "skipped", "reason": "overlap", "count": 1, "ended_ms": 5_000},
    ),
    (
        "a skipped stretch",
        [fire("skipped", 9_000, reason="window", count=9, first_ms=1_000)],
        {"state": "skipped", "count": 9, "first_ms": 1_000, "nominal_ms": 9_000},
    ),
    (
        "its start was trimmed",
        [CLAIMED],
        {"state": "running", "schedule": "nightly", "nominal_ms": 1_000, "at_ms": 1_000},
    ),
    (
        "a call",
        [{"event": "ended", "id": "c1", "task": "t"}],
        {"state": "done", "schedule": None, "at_ms": 5_000},
    ),
    (
        "a late end changes nothing",
        [EMITTED, CLAIMED, DONE, about("late_ack", 1_000, worker="w2")],
        {"worker": "w1"},
    ),
    (
        "redriven by a person",
        [EMITTED, CLAIMED, FAILED, REDRIVEN],
        {"state": "queued", "error": None, "reason": "redriven by ann@web: mended", "ended_ms": None},
    ),
    (
        "redriven by a person and done",
        [EMITTED, CLAIMED, FAILED, REDRIVEN, CLAIMED, DONE],
        {"state": "done", "error": None, "reason": "redriven by ann@web: mended", "attempt": 1},
    ),
    (
        "discarded",
        [EMITTED, CLAIMED, FAILED, DISCARDED],
        {"state": "dead", "error": "ValueError: x", "reason": "discarded by ann@web", "ended_ms": 1_900},
    ),
    (
        "queued again",
        [EMITTED, CLAIMED, FAILED, EMITTED],
        {"state": "queued", "error": None, "reason": None, "ended_ms": None},
    ),
    (
        "queued again and done",
        [EMITTED, CLAIMED, FAILED, EMITTED, CLAIMED, DONE],
        {"state": "done", "error": None},
    ),
    ("an event of a later version", [EMITTED, about("teleported", 1_000)], {"state": "queued"}),
    (
        "empty is absent",
        [fire("ended", 1_000, state="done", error="", worker="")],
        {"error": None, "worker": None},
    ),
]


@pytest.mark.parametrize(("events", "said"), [life[1:] for life in LIVES], ids=[life[0] for life in LIVES])
def test_lives(events: list[dict[str, Any]], said: dict[str, Any]) -> None:
    row = asdict(row_after(*events))
    assert {name: row[name] for name in said} == said


@pytest.mark.parametrize("older", [EMITTED, CLAIMED, RETRIED, RECOVERED, RELEASED])
def test_an_end_is_not_overwritten_by_what_is_older(older: dict[str, Any]) -> None:
    rows = folded(lines_of(entries(EMITTED, CLAIMED, DONE, first_ms=5_000))[0])
    again = folded(lines_of(entries(older, first_ms=4_000))[0], rows)
    assert again == rows


def test_an_older_event_fills_what_is_blank() -> None:
    rows = folded(lines_of(entries(about("ended", 1_000, state="done"), first_ms=5_000))[0])
    (row,) = folded(lines_of(entries(EMITTED, first_ms=4_000))[0], rows).values()
    assert (row.state, row.task, row.emitted_ms) == ("done", "shop.report", 4_000)


def test_an_end_counts_even_when_the_servers_clock_went_back() -> None:
    rows = folded(lines_of(entries(EMITTED, CLAIMED, first_ms=5_000))[0])
    (row,) = folded(lines_of(entries(DONE, first_ms=4_000))[0], rows).values()
    assert row.state == "done"
    assert row.seen > "000000000005001", "and what is older than what was seen stays older"


_PART = st.sampled_from(
    [[CLAIMED, RETRIED], [CLAIMED, RECOVERED], [CLAIMED, RELEASED], [CLAIMED, FAILED, EMITTED]]
)
_LIFE = st.builds(
    lambda parts, end: [EMITTED, *(event for part in parts for event in part), CLAIMED, end],
    st.lists(_PART, max_size=4),
    st.sampled_from([DONE, FAILED]),
)


@given(_LIFE, st.data())
def test_reading_any_part_again_changes_nothing(life: list[dict[str, Any]], data: st.DataObject) -> None:
    lines, _ = lines_of(entries(*life))
    rows = folded(lines)
    start = data.draw(st.integers(0, len(lines)))
    stop = data.draw(st.integers(start, len(lines)))
    assert folded(lines[start:stop], rows) == rows
    assert {row.state for row in rows.values()} <= TERMINAL


@given(_LIFE, st.integers(0, 12))
def test_batches_may_be_cut_anywhere(life: list[dict[str, Any]], cut: int) -> None:
    lines, _ = lines_of(entries(*life))
    assert folded(lines[cut:], folded(lines[:cut])) == folded(lines)
