"""How much memory does a waiting message take in the store?"""

from __future__ import annotations

import pytest

from onebeat.queue import Client
from onebeat.queue.client import draft
from tests.queue.room import Room

COUNT = 5_000
PAYLOAD = 102  # bytes of task name and arguments together, as in the comparison with the peers
TARGET = 140  # design: performance, "memory per queued task"


def test_a_waiting_message(room: Room, record_property: pytest.RecordProperty) -> None:
    name = "shop.report"
    filler = "x" * (PAYLOAD - len(name) - len(draft(name, ["x" * 40]).message.body) + 40)
    assert len(name) + len(draft(name, [filler]).message.body) == PAYLOAD
    Client(room.store).enqueue_many([(name, [filler], None)] * COUNT, "q")
    taken = room.redis.memory_usage(room.keys.ready[0], samples=0) / COUNT
    record_property("bytes_per_message", taken)
    print(f"{taken:.1f} bytes per waiting message of {PAYLOAD}")
    assert taken <= TARGET


def test_what_a_worker_holds_is_found_without_a_search(room: Room) -> None:
    room.put({"lease": {"w": "alive"}, "ready": ["a", "b"]})
    room.cycle(want=2)
    # not a list, which short records alone would be
    assert room.redis.object("encoding", room.keys.own("w")) == b"hashtable"
