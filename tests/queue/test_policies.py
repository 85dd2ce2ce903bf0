"""What do overlap, limit, pauses and failures decide about a fire, in the very step that would queue it?"""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.queue.control import pause, resume
from onebeat.queue.cycle import Settled
from onebeat.queue.emission import Answer, Fate, Fire
from onebeat.queue.states import Move
from tests.queue.room import WITHIN_S, Room, State, then
from tests.queue.test_emit import AT, EMITTED, OVERLAP, SKIPPED, fire, send

EMIT, SKIP = [Answer(Fate.EMITTED)], [Answer(Fate.SKIPPED)]
MOVED = {"sched": {"s": 200}, "next": {"s": 300}}
WAITS = {**MOVED, "live": {"s": 2}, "waiting": ["s@200 live"], "bell": True, "stats": {"emitted": 1}}
LEFT_OUT = {**MOVED, "log": ["skipped s@200"]}


def for_overlap(word: str) -> Fire:
    return fire(overlap=word)


def counted(reason: str) -> dict[str, int]:
    return {"skipped": 1, f"skipped.{reason}": 1}


# name: before, fire, answer, what changed
ROWS: dict[str, tuple[State, Fire, list[Answer], dict[str, Any]]] = {
    "queue-one, nothing runs": (AT, for_overlap("queue-one"), EMIT, EMITTED),
    "queue-one, one runs: it waits": (
        {**AT, "live": {"s": 1}},
        for_overlap("queue-one"),
        EMIT,
        {**WAITS, "log": ["emitted s@200"]},
    ),
    "queue-one, one waits: it is skipped": (
        {**AT, "live": {"s": 2}, "waiting": ["s@100 live"]},
        for_overlap("queue-one"),
        SKIP,
        {**LEFT_OUT, "stats": OVERLAP},
    ),
    "queue-all, one waits: so does it": (
        {**AT, "live": {"s": 2}, "waiting": ["s@100 live"]},
        for_overlap("queue-all"),
        EMIT,
        {**WAITS, "live": {"s": 3}, "waiting": ["s@100 live", "s@200 live"], "log": ["emitted s@200"]},
    ),
    "cancel-running, nothing runs": (AT, for_overlap("cancel-running"), EMIT, EMITTED),
    "cancel-running: what is older is cut off, it waits": (
        {**AT, "live": {"s": 1}},
        for_overlap("cancel-running"),
        EMIT,
        {**WAITS, "cutoff": {"s": 200}, "log": ["emitted s@200"]},
    ),
    "cancel-running: what waits for another try is over at once": (
        {**AT, "live": {"s": 1}, "due": {"s@100 t1 live": "later"}},
        for_overlap("cancel-running"),
        EMIT,
        {
            **EMITTED,
            "due": {},
            "cutoff": {"s": 200},
            "stats": {"emitted": 1, "cancel": 1},
            "log": ["ended s@100", "emitted s@200"],
        },
    ),
    "the limit is not reached": (
        {**AT, "runs": {"s": 4}},
        fire(limit=5),
        EMIT,
        {**EMITTED, "runs": {"s": 5}},
    ),
    "the limit is reached": (
        {**AT, "runs": {"s": 5}},
        fire(limit=5),
        SKIP,
        {**LEFT_OUT, "stats": counted("limit")},
    ),
    "what overlaps does not count for the limit": (
        {**AT, "live": {"s": 1}},
        fire(limit=5),
        SKIP,
        {**LEFT_OUT, "stats": OVERLAP},
    ),
    "paused": (
        {**AT, "paused": {"s": "0 why"}},
        fire(),
        SKIP,
        {**LEFT_OUT, "stats": counted("paused")},
    ),
    "another schedule is paused": ({**AT, "paused": {"r": "0 why"}}, fire(), EMIT, EMITTED),
    "paused until later": (
        {**AT, "paused": {"s": "201 why"}},
        fire(),
        SKIP,
        {**LEFT_OUT, "stats": counted("paused")},
    ),
    "a pause that ends with this time": (
        {**AT, "paused": {"s": "200 why"}},
        fire(),
        EMIT,
        {**EMITTED, "paused": {}, "log": ["resumed s", "emitted s@200"]},
    ),
    "a missed stretch of a paused schedule": (
        {**AT, "paused": {"s": "0 why"}},
        fire(record=b"", skipped=SKIPPED, skips="window=4"),
        SKIP,
        {**MOVED, "stats": {"skipped": 4, "skipped.paused": 4}, "log": ["skipped s@150"]},
    ),
    "too few failures": ({**AT, "fails": {"s": 2}}, fire(pause_after=3), EMIT, EMITTED),
    "so many failures that it pauses": (
        {**AT, "fails": {"s": 3}},
        fire(pause_after=3),
        SKIP,
        {
            **LEFT_OUT,
            "fails": {},
            "paused": {"s": "0 3 runs in a row failed"},
            "stats": counted("paused"),
            "log": ["paused s", "skipped s@200"],
        },
    ),
    "failures of a schedule that does not mind": ({**AT, "fails": {"s": 9}}, fire(), EMIT, EMITTED),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(room: Room, name: str) -> None:
    before, one, answers, changed = ROWS[name]
    room.put(before)
    assert list(send(room, one).answers) == answers
    assert room.look() == then(before, **changed)
    stored = room.dump()
    assert list(send(room, one).answers) == [Answer(Fate.MOVED, 200)], "its reply was lost"
    assert room.dump() == stored


def test_only_so_many_wait(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onebeat.queue.emission.WAIT_MAX", 1)
    room.put({**AT, "live": {"s": 2}, "waiting": ["s@100 live"]})
    assert list(send(room, fire(overlap="queue-all")).answers) == SKIP


def test_a_pause_is_told_once_and_a_resumption_forgets_the_failures(room: Room) -> None:
    room.put({**AT, "fails": {"s": 2}})
    for expected in (True, False):
        assert room.run(pause(room.keys, "s", reason="a  b\n c", within_s=WITHIN_S)) is expected
    assert room.look()["paused"] == {"s": "0 a b c"}
    for expected in (True, False):
        assert room.run(resume(room.keys, "s", within_s=WITHIN_S)) is expected
    assert room.look() == then(AT, log=["paused s", "resumed s"])


def test_the_end_of_a_run_starts_the_next_that_waits(room: Room) -> None:
    """In order of time, one by one, and only when nothing else of the schedule runs."""
    waiting = ["s@1000000000200 live", "s@1000000000300 live"]
    room.put(
        {
            "lease": {"w": "alive"},
            "own": {"w": ["s@1 live", "s@2 live"]},
            "seq": {"w": 1},
            "live": {"s": 4},
            "waiting": waiting,
        }
    )
    assert not room.cycle(seq=2, want=5, settled=[Settled("s@1", Move.FINISH, counted="s")]).records
    assert len(room.cycle(seq=3, want=5, settled=[Settled("s@2", Move.FINISH, counted="s")]).records) == 1
    assert room.look()["waiting"] == waiting[1:]
    assert room.look()["live"] == {"s": 2}


def test_the_death_of_a_worker_starts_the_next_that_waits(room: Room) -> None:
    room.put(
        {
            "lease": {"w": "over"},
            "own": {"w": ["s@1 d9 live"]},
            "live": {"s": 2},
            "waiting": ["s@2 live"],
            "seq": {"w": 1},
        }
    )
    assert room.recover() == 1
    seen = room.look()
    assert (seen["ready"], seen["live"], seen.get("waiting")) == (["s@2 live"], {"s": 1}, None)
