"""Does a person see what is next, and is empty what a drain calls empty?"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from onebeat.errors import WaitTimeout
from onebeat.queue import Client, Queue
from onebeat.queue.cycle import Settled
from onebeat.queue.front import drain, later, left_text
from onebeat.queue.peek import QueueView
from onebeat.queue.states import Move
from onebeat.wire import Command, Pause
from tests.queue.room import Room, record

FULL = {
    "ready": ["a", "b", "c p2"],
    "own": {"w": ["d"]},
    "lease": {"w": "alive"},
    "due": {"e": "later", "f": "now"},
    "waiting": ["s@1"],
    "dead": {"g": "x"},
}


@pytest.fixture
def queue(room: Room) -> Queue:
    return Client(room.store).queue("q")


def test_peek(room: Room, queue: Queue) -> None:
    room.put(FULL)
    room.redis.rpush(room.keys.ready[3], b"\x80pickle")
    before = room.dump()
    found = queue.peek(1_000)
    assert [(one.id, one.priority, one.due_ms) for one in found[:3]] == [
        ("a", 0, None),
        ("b", 0, None),
        ("c", 2, None),
    ]
    assert found[0].message is not None
    assert (found[0].message.header.task, found[3].message) == ("t", None)
    assert [one.id for one in queue.peek(2)] == ["a", "b"]
    assert [one.id for one in room.run(later(room.keys, 5))] == ["f", "e"]
    assert room.dump() == before


def test_peek_reads_many_in_pages(room: Room, queue: Queue) -> None:
    sent = Client(room.store).enqueue_many([("t", [n], None) for n in range(150)], "q")
    assert [one.id for one in queue.peek(130)] == [one.id for one in sent[:130]]
    assert len(queue.peek(1_000_000)) == 150


def test_what_is_left(room: Room, queue: Queue) -> None:
    room.put(FULL)
    view = queue.look()
    assert (view.left, view.waiting) == (7, 1)
    assert left_text(view) == "3 ready, 1 claimed, 2 delayed, 1 waiting"
    with pytest.raises(WaitTimeout, match="queue q is not empty after 0 s: 3 ready, 1 claimed"):
        queue.drain(0.0)


def test_a_drain_ends_when_the_last_is_over(room: Room, queue: Queue) -> None:
    room.put({"own": {"w": ["a"]}, "lease": {"w": "alive"}, "seq": {"w": 1}, "dead": {"g": "x"}})
    seen: list[int] = []

    def told(view: QueueView) -> None:
        seen.append(view.left)
        if len(seen) == 2:
            room.cycle(seq=2, settled=[Settled("a", Move.FINISH)])

    waiting = threading.Thread(target=queue.drain, args=(60.0, told))
    waiting.start()
    waiting.join()
    assert seen == [1, 1, 0, 0]
    assert left_text(queue.look()) == "nothing"


def test_a_message_that_moves_while_it_is_looked_for_is_not_missed(room: Room) -> None:
    """It goes back to a list that was read, before the place is read where it was."""
    room.put({"own": {"w": ["a"]}, "lease": {"w": "alive"}, "seq": {"w": 1}})
    plan = drain(room.keys, timeout_s=None)
    looks, effect, moved = 0, next(plan), False
    while looks < 2:
        if not moved and _reads(effect, room.keys.lease):
            moved = True
            room.cycle(seq=2, settled=[Settled("a", Move.RETRY, 3_600_000, record=record("a t1"))])
        looks += isinstance(effect, Pause)
        effect = plan.send(None if isinstance(effect, Pause) else room.store.perform(effect))
    plan.close()
    assert moved, "and it goes on looking"


def _reads(effect: Any, key: str) -> bool:
    return isinstance(effect, Command) and key in effect.words
