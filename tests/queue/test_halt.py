"""Is a paused queue shown, does it say when its pause ends, and does it go on when told?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onebeat.queue import AsyncClient, By, Client, Queue
from onebeat.queue.cycle import Settled
from onebeat.queue.halt import Halt, read
from onebeat.queue.peek import QueueView, queue
from onebeat.queue.states import Move
from onebeat.wire import AsyncStore
from tests.queue.room import FAR_MS, Room, State
from tests.queue.test_cycle import ALIVE, HOLDS, Asked, check, retry

ANN = By("ann@web", "the database moves")


@pytest.fixture
def one(room: Room) -> Queue:
    return Client(room.store).queue("q")


def view(room: Room) -> QueueView:
    found: QueueView = room.run(queue(room.keys))
    return found


ROWS: dict[str, tuple[State, Asked, list[str], dict[str, Any]]] = {
    "claims nothing while it is paused, and goes on in silence": (
        {**HOLDS, "ready": ["c"], "due": {"d": "now", "e": "later"}, "halt": "for good"},
        (2, 5, [Settled("a", Move.FINISH, counted="s"), retry("b t1")]),
        [],
        {
            "seq": {"w": 2},
            "own": {},
            "live": {},
            "ready": ["c", "d"],
            "due": {"e": "later", "b t1": "later"},
            "stats": {"finish": 1, "retry": 1},
        },
    ),
    "claims nothing before the end of a pause": (
        {**ALIVE, "ready": ["a"], "halt": "later"},
        (1, 5, []),
        [],
        {"seq": {"w": 1}},
    ),
    "claims when a pause is over": (
        {**ALIVE, "ready": ["a"], "halt": "over"},
        (1, 5, []),
        ["a"],
        {"seq": {"w": 1}, "ready": [], "own": {"w": ["a"]}, "halt": ""},
    ),
    "answers what it holds again, paused or not": (
        {**HOLDS, "halt": "for good"},
        (1, 5, []),
        ["a rec live", "b"],
        {},
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(room: Room, name: str) -> None:
    check(room, *ROWS[name])


def test_paused_and_resumed(room: Room, one: Queue) -> None:
    room.put({"ready": ["a"], "lease": {"w": "alive"}})
    said = one.pause(ANN)
    assert view(room).halt == said == Halt(0, said.since_ms, ANN)
    assert abs(said.since_ms - room.now_ms()) < 60_000
    claims = room.cycle(seq=1, want=5)
    assert (claims.halted, claims.records, claims.next_due_ms) == (True, [], None)
    assert "bell" not in room.look()
    assert one.resume(ANN)
    assert not one.resume(ANN)
    assert "bell" in room.look()
    claims = room.cycle(seq=2, want=5)
    assert (claims.halted, len(claims.records)) == (False, 1)
    assert [(line["event"], line["id"], line["by"]) for line in room.log()] == [
        ("queue_paused", "q", "ann@web"),
        ("queue_resumed", "q", "ann@web"),
    ]


def test_a_worker_is_told_when_the_pause_ends(room: Room, one: Queue) -> None:
    room.put({"lease": {"w": "alive"}, "due": {"d": "later"}})
    due_ms = int(room.redis.zscore(room.keys.due, "d"))
    early = one.pause(ANN, for_s=60).until_ms
    assert room.cycle(seq=1, want=5).next_due_ms == early < due_ms
    late = one.pause(ANN, for_s=FAR_MS).until_ms
    assert room.cycle(seq=2, want=5).next_due_ms == due_ms < late
    at = datetime.now(UTC) + timedelta(hours=3)
    assert one.pause(ANN, until=at).until_ms == round(at.timestamp() * 1000)
    with pytest.raises(ValueError, match="aware"):
        one.pause(ANN, until=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_a_pause_ends_by_itself(room: Room) -> None:
    room.put({"halt": "over"})
    assert view(room).halt is None
    room.put({"halt": "later"})
    assert view(room).halt is not None


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]", b'{"who": 5, "reason": null, "since_ms": "x"}'])
def test_a_pause_whose_reason_cannot_be_read_is_one(text: bytes) -> None:
    halt = read(b"0 " + text, 5)
    assert halt is not None
    assert (halt.until_ms, halt.since_ms) == (0, 0)


@pytest.mark.parametrize("entry", [b"", b"x {}", b"-1 {}", b"5 {}"])
def test_what_is_no_pause(entry: bytes) -> None:
    assert read(entry, 5) is None


def test_the_asyncio_twin(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    async def both() -> tuple[Halt, bool]:
        async with astore_factory() as store:
            queue = AsyncClient(store).queue("q")
            return await queue.pause(ANN, for_s=60), await queue.resume(ANN)

    halt, was = asyncio.run(both())
    assert (halt.until_ms - halt.since_ms, was) == (60_000, True)
