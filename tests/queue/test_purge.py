"""Does a purge end exactly what has not begun, and free all that it held?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from onebeat.errors import StoreError
from onebeat.queue import AsyncClient, By, Client, Queue
from onebeat.queue.purge import purge
from onebeat.queue.record import Header, Message, pack, unpack
from onebeat.wire import AsyncStore, Call, Effect, drive
from tests.queue.room import WITHIN_S, Room, State

ANN = By("ann@web", 'it is "wrong"')


@pytest.fixture
def queue(room: Room) -> Queue:
    return Client(room.store).queue("q")


def ended(*ids: str) -> dict[str, Any]:
    return {"stats": {"purge": len(ids)}, "log": [f"ended {id_}" for id_ in ids]}


# name: what is purged, before, after
ROWS: dict[str, tuple[dict[str, bool], State, State]] = {
    "what is ready, in every priority": (
        {},
        {"ready": ["a", "b p1", "c p3"], "own": {"w": ["d"]}, "due": {"e": "later"}, "dead": {"f": "x"}},
        {"own": {"w": ["d"]}, "due": {"e": "later"}, "dead": {"f": "x"}, **ended("a", "b", "c")},
    ),
    "what is delayed": (
        {"ready": False, "delayed": True},
        {"ready": ["a"], "due": {"d": "now", "e": "later"}, "cancel": ["e"]},
        {"ready": ["a"], **ended("d", "e")},
    ),
    "the count of what lives": (
        {},
        {"ready": ["s@1 live", "s@2 live"], "own": {"w": ["s@0 live"]}, "live": {"s": 3}},
        {"own": {"w": ["s@0 live"]}, "live": {"s": 1}, **ended("s@1", "s@2")},
    ),
    "what waits begins": (
        {},
        {"ready": ["s@1 live"], "waiting": ["s@2 live"], "live": {"s": 2}, "cutoff": {"s": 2}},
        {"ready": ["s@2 live"], "live": {"s": 1}, "cutoff": {"s": 2}, "bell": True, **ended("s@1")},
    ),
    "what waits ends with the rest": (
        {"delayed": True},
        {
            "ready": ["s@1 live"],
            "waiting": ["s@2 live", "s@3 live"],
            "live": {"s": 3},
            "cutoff": {"s": 3},
        },
        ended("s@2", "s@3", "s@1"),
    ),
    "nothing": ({"delayed": True}, {"own": {"w": ["a"]}}, {"own": {"w": ["a"]}}),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(name: str, room: Room, queue: Queue) -> None:
    what, before, after = ROWS[name]
    room.put(before)
    tally = queue.purge(ANN, **what)
    assert tally.done == after.get("stats", {}).get("purge", 0)
    assert room.look() == after
    for line in room.log():
        assert (line["state"], line["by"]) == ("cancelled", "ann@web")
        assert line["reason"] == 'purged by ann@web: it is "wrong"'


def test_its_key_is_free_again_and_that_of_another_is_not(room: Room, queue: Queue) -> None:
    client = Client(room.store)
    first = client.enqueue("t", [1], queue="q", key="k").id
    room.put({"due": {"other": "later"}})
    room.redis.hset(room.keys.duerec, "other", pack(Message("other", Header("t", key="k"), b"\x92\x90\x80")))
    assert queue.purge(By(), ready=False, delayed=True).ids == ["other"]
    assert client.enqueue("t", [1], queue="q", key="k").existing
    assert queue.purge(By()).ids == [first]
    assert not client.enqueue("t", [2], queue="q", key="k").existing
    later = client.enqueue("t", [1], queue="q", key="later", delay=60).id
    assert queue.purge(By(), ready=False, delayed=True).ids == [later]
    assert not client.enqueue("t", [2], queue="q", key="later").existing


def test_its_singleton_may_be_queued_again(room: Room, queue: Queue) -> None:
    client = Client(room.store)
    first = client.enqueue("t", queue="q", unique="one")
    assert client.enqueue("t", queue="q", unique="one").refused
    assert queue.purge(By()).ids == [first.id]
    assert not client.enqueue("t", queue="q", unique="one").refused
    assert room.redis.hlen(room.keys.unique) == 2


def test_what_nothing_can_read_ends_too(room: Room, queue: Queue) -> None:
    room.redis.rpush(room.keys.ready[1], b"", b"\x80pickle", b"x" * 40)
    room.redis.zadd(room.keys.due, {"orphan": 1})
    assert queue.purge(By(), delayed=True).done == 3
    assert room.redis.zcard(room.keys.due) == 1, "without a record it is no message"


def test_many_go_in_batches(room: Room, queue: Queue) -> None:
    Client(room.store).enqueue_many([("t", [n], None) for n in range(500)], "q")
    heard: list[int] = []
    tally = queue.purge(By(), told=heard.append)
    assert tally.done == sum(heard) == 500
    assert len(heard) > 5
    assert room.redis.llen(room.keys.ready[0]) == 0


def test_what_is_claimed_meanwhile_is_left_alone(room: Room) -> None:
    """A worker takes what a purge has just seen, and puts something else in front."""
    room.put({"ready": ["a", "b", "c"], "lease": {"w": "alive"}})
    claimed: list[str] = []

    def perform(effect: Effect) -> Any:
        if isinstance(effect, Call) and not claimed:
            claimed.extend(unpack(record).id for record in room.cycle(seq=1, want=1).records)
        return room.store.perform(effect)

    tally = drive(purge(room.keys, By(), within_s=WITHIN_S), perform, StoreError)
    assert (claimed, tally.ids) == (["a"], ["b", "c"])
    assert room.look()["own"] == {"w": ["a"]}


def test_the_asyncio_twin(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    room.put({"ready": ["a"], "due": {"b": "later"}})

    async def all_of_it() -> tuple[list[str], int, int]:
        async with astore_factory() as store:
            queue = AsyncClient(store).queue("q")
            seen = [one.id for one in await queue.peek()]
            done = (await queue.purge(By(), delayed=True)).done
            await queue.drain(60.0)
            return seen, done, (await queue.look()).left

    assert asyncio.run(all_of_it()) == (["a"], 2, 0)
