"""Do bytes that nobody of ours wrote stop a queue, or get lost?"""

from __future__ import annotations

import pytest

from onebeat.queue.cycle import Settled
from onebeat.queue.record import id_of
from onebeat.queue.states import Move
from tests.queue.room import Room, State, record

ALIVE: State = {"lease": {"w": "alive"}}
# bytes that nobody of ours wrote
FOREIGN = {
    "empty": b"",
    "one byte": b"\x01",
    "cut before the id": record("a")[:11],
    "cut in the id": record("abcdef")[:17],
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05hello\x94.",
    "priority 200": record("a")[:4] + b"\xc8" + record("a")[5:],
    "quotes in the id": record("aaaa").replace(b"aaaa", b'a","'),
    "not UTF-8": record("aaaa").replace(b"aaaa", b"\xff\xfe\x00a"),
    "id as our own counter": record("a").replace(b"\x01a", b"\x01#", 1)[:14] + b"#" + record("a")[15:],
    "recorded and short": b"\x01\x01",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_bytes_are_claimed_and_buried_and_harm_nobody(room: Room, name: str) -> None:
    stored = FOREIGN[name]
    room.put({**ALIVE, "ready": ["a1", "z1"]})
    room.redis.linsert(room.keys.ready[0], "AFTER", record("a1"), stored)
    claims = room.cycle(want=3)
    assert claims.records == [record("a1"), stored, record("z1")]
    held = room.redis.hgetall(room.keys.own("w"))
    assert int(held.pop(b"#")) == 1
    assert held == {b"a1": record("a1"), b"z1": record("z1"), id_of(stored).encode(): stored}
    assert room.release(leave=True) == 3
    room.put({"lease": {"v": "alive", "u": "alive"}})
    back = room.cycle("v", want=3).records
    assert sorted(back) == sorted([record("a1"), stored, record("z1")])
    room.redis.zadd(room.keys.lease, {"v": 1})
    assert room.recover("v", deliveries_max=255) == 3
    (again,) = {*room.cycle("u", want=3).records} - {record("a1 d1"), record("z1 d1")}
    why = b'{"reason":"unreadable"}'
    claims = room.cycle("u", seq=2, settled=[Settled(id_of(again), Move.BURY, record=again, why=why)])
    assert claims.late == 0
    assert room.redis.hgetall(room.keys.deadrec) == {id_of(again).encode(): again}
    assert all(line["event"] for line in room.log())


@pytest.mark.parametrize("name", FOREIGN)
def test_delayed_foreign_bytes_become_due_and_harm_nobody(room: Room, name: str) -> None:
    room.put({**ALIVE, "due": {"a1": "now", "x": "now", "z1": "now"}})
    room.redis.hset(room.keys.duerec, "x", FOREIGN[name])
    assert sorted(room.cycle(want=3).records) == sorted([record("a1"), FOREIGN[name], record("z1")])
