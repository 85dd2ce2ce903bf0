"""Does a person who looks see what is there, and does looking change or cost nothing?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from onebeat.queue import Client
from onebeat.queue.cycle import Settled
from onebeat.queue.pages import WITHIN, dated, fields, names
from onebeat.queue.peek import (
    DeadLetter,
    QueueView,
    ScheduleView,
    WorkerView,
    dead,
    queues,
    schedules,
    workers,
)
from onebeat.queue.states import Move
from onebeat.wire import AsyncStore
from tests.drivers import play
from tests.queue.room import FAR_MS, Room, record


def test_no_queue(room: Room) -> None:
    assert room.run(queues(room.store.namespace)) == []


def test_queues(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    Client(room.store).enqueue("t", queue="idle")
    room.redis.sadd(room.store.space.queues, "q")
    room.put(
        {
            "ready": ["a", "b", "c p2", "d p3"],
            "own": {"w": ["e", "f"], "v": ["g"]},
            "seq": {"w": 4},
            "lease": {"w": "alive", "v": "over", "x": "alive"},
            "due": {"h": "later", "i": "now"},
            "dead": {"j": "error"},
            "stats": {"enqueued": 10, "bury": 1},
        }
    )
    before = room.dump()
    first, second = room.run(queues(room.store.namespace))
    assert (first.name, first.ready, first.stats) == ("idle", (1, 0, 0, 0), {"enqueued": 1})
    assert (first.delayed, first.claimed, first.dead, first.next_due_ms) == (0, 0, 0, None)
    assert second == QueueView(
        name="q",
        ready=(2, 0, 1, 1),
        delayed=2,
        claimed=3,
        dead=1,
        next_due_ms=int(room.redis.zscore(room.keys.due, "i")),
        stats={"enqueued": 10, "bury": 1},
    )
    assert room.dump() == before

    async def awaited() -> list[QueueView]:
        async with astore_factory() as store:
            return await store.run(queues(store.namespace))

    assert asyncio.run(awaited()) == [first, second]


def bury(room: Room, words: str, **why: Any) -> None:
    id_ = words.split()[0]
    room.put({"lease": {"w": "alive"}, "own": {"w": [words]}})
    told = json.dumps(why).encode()
    room.cycle(seq=int(id_[1:]), settled=[Settled(id_, Move.BURY, record=record(words), why=told)])
    room.redis.zadd(room.keys.dead, {id_: 1_795_249_411_000 + int(id_[1:])})


def test_dead_letters_come_last_died_first(room: Room) -> None:
    bury(room, "d1 t3 d2", error="ValueError: no", reason="error", traceback="Traceback …")
    bury(room, "d2", reason="expired")
    bury(room, "d3")
    found = room.run(dead(room.keys))
    assert [one.id for one in found] == ["d3", "d2", "d1"]
    assert found[2] == DeadLetter(
        "d1", "t", 1_795_249_411_001, 3, 2, "ValueError: no", "error", "Traceback …"
    )
    assert found[1] == DeadLetter("d2", "t", 1_795_249_411_002, 0, 0, "", "expired", "")
    assert [one.id for one in room.run(dead(room.keys, 2))] == ["d3", "d2"]
    for nothing in (0, -5):
        assert room.run(dead(room.keys, nothing)) == []


@pytest.mark.parametrize("why", [None, b"", b"\xff", b"[1]", b'"text"', b"{", b"null"])
@pytest.mark.parametrize("stored", [None, b"", b"\x80pickle"])
def test_a_damaged_dead_letter_is_shown(room: Room, stored: bytes | None, why: bytes | None) -> None:
    room.redis.zadd(room.keys.dead, {"x": 7})
    for key, value in ((room.keys.deadrec, stored), (room.keys.deadwhy, why)):
        if value is not None:
            room.redis.hset(key, "x", value)
    (letter,) = room.run(dead(room.keys))
    assert (letter.id, letter.task, letter.died_ms) == ("x", "", 7)
    assert "are not a onebeat record" in letter.error


def test_workers(room: Room) -> None:
    now = room.now_ms()
    room.put({"lease": {"w": "alive", "other": "alive"}})
    Room(room.store, "slow").put({"lease": {"w3": "over"}})
    abouts = {
        "host-1": {"pid": 7, "queues": {"q": ["w", "gone"], "slow": ["w3"]}},
        "host-2": {"pid": 8, "queues": {"q": ["never"]}},
        "odd": {"queues": ["q"]},
        "odder": {"queues": {"q": "w"}},
    }
    said = {name: json.dumps(about) for name, about in abouts.items()}
    room.redis.hset(room.store.space.workers, mapping={**said, "broken": "{", "list": "[]"})
    found = {one.name: one for one in room.run(workers(room.store.namespace))}
    assert list(found) == sorted([*abouts, "broken", "list"])
    leases = found["host-1"].leases
    assert set(leases["q"]) == {"w"}
    assert now + FAR_MS <= leases["q"]["w"] <= room.now_ms() + FAR_MS
    assert leases["slow"]["w3"] < room.now_ms()
    assert found["host-2"] == WorkerView("host-2", abouts["host-2"], {"q": {}})
    for name in ("odd", "odder"):
        assert found[name] == WorkerView(name, abouts[name], {})
    for name in ("broken", "list"):
        assert found[name] == WorkerView(name, {}, {})


def test_schedules(room: Room) -> None:
    assert room.run(schedules(room.keys)) == {}
    room.put({"sched": {"s": 1_795_249_411_001, "r": 5}, "next": {"s": 1_795_249_999_999}, "live": {"s": 2}})
    assert room.run(schedules(room.keys)) == {
        "r": ScheduleView(5, None, 0),
        "s": ScheduleView(1_795_249_411_001, 1_795_249_999_999, 2),
    }


def test_a_look_ends_however_much_there_is(room: Room) -> None:
    many = {f"n{n:05}": n for n in range(5_000)}
    room.redis.hset(room.keys.sched, mapping=many)
    room.redis.zadd(room.keys.dead, many)
    room.redis.sadd(room.store.space.queues, *many)
    assert len(room.run(fields(room.keys.sched))) == WITHIN
    assert len(room.run(names(room.store.space.queues))) == WITHIN
    assert room.run(dated("ZRANGE", room.keys.dead, 3)) == [("n00000", 0), ("n00001", 1), ("n00002", 2)]
    assert len(room.run(dead(room.keys, 1_000_000))) == WITHIN


def test_pages_hold_everything_once(room: Room) -> None:
    many = {f"n{n:03}": str(n) for n in range(900)}
    room.redis.hset(room.keys.stats, mapping=many)
    room.redis.sadd(room.store.space.queues, *many)
    assert {name.decode(): value.decode() for name, value in room.run(fields(room.keys.stats))} == many
    assert room.run(names(room.store.space.queues)) == sorted(many)


@pytest.mark.parametrize("read", [names, fields])
def test_a_look_stops_asking_when_it_has_enough(read: Any) -> None:
    pages = [(1, {b"n%d" % n: b"" for n in range(at, at + 250)}) for at in range(0, WITHIN, 250)]
    found, effects = play(read("key"), pages)
    assert (len(found), len(effects)) == (WITHIN, 4)
