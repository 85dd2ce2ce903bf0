"""Executed, but nobody was told: does every call that is sent again have its effect exactly once?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from onebeat.errors import IdempotencyConflict
from onebeat.queue import AsyncClient, By, Client, Which
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.emission import Fire, adopt, emit, enrol
from onebeat.queue.liveness import recover, release
from onebeat.queue.record import id_of, unpack
from onebeat.queue.states import Move
from onebeat.testing import FaultProxy
from onebeat.wire import AsyncStore, Store, insist
from tests.queue.room import FAR_MS, WITHIN_S, Room, record
from tests.servers import Server

# the name of a pattern of loss → is the reply to call n lost?
LOSSES: dict[str, Callable[[int], bool]] = {
    "every other": lambda n: n % 2 == 1,
    "two of three": lambda n: n % 3 != 0,
    "the second": lambda n: n == 2,
    "the third": lambda n: n == 3,
    "the first five": lambda n: n <= 5,
}
pytestmark = pytest.mark.parametrize("pattern", LOSSES)


@contextmanager
def losing(server: Server, pattern: str) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as line:
        line.lose_replies(LOSSES[pattern])
        yield line


def ids_in(room: Room) -> list[str]:
    return [unpack(one).id for key in room.keys.ready for one in room.redis.lrange(key, 0, -1)]


def test_enqueue(pattern: str, server: Server, room: Room) -> None:
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        client = Client(store)
        sent = [client.enqueue("t", [n], queue="q", priority=n % 3).id for n in range(12)]
        sent += [one.id for one in client.enqueue_many([("t", [n], None) for n in range(600)], "q")]
    assert line.lost
    assert sorted(ids_in(room)) == sorted(sent)
    assert len(set(sent)) == 612
    assert room.look()["stats"] == {"enqueued": 612}


def test_redrive_and_discard(pattern: str, server: Server, room: Room) -> None:
    """The second sending finds no dead letter, and still knows how many it moved."""
    dead = [f"m{n:03}" for n in range(200)]
    room.put({"dead": dict.fromkeys(dead, "failed")})
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        queue = Client(store).queue("q")
        assert queue.redrive(Which(tuple(dead[:130])), By()).done == 130
        assert queue.discard(Which(), By()).done == 70
    assert line.lost
    assert sorted(ids_in(room)) == dead[:130]
    assert room.look()["stats"] == {"redrive": 130, "discard": 70}


def test_purge(pattern: str, server: Server, room: Room) -> None:
    """A call that came through ends no second batch when it is sent again."""
    room.put({"ready": [f"m{n:03}" for n in range(150)], "due": {f"d{n}": "later" for n in range(70)}})
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        assert Client(store).queue("q").purge(By(), delayed=True).done == 220
    assert line.lost
    assert ids_in(room) == []
    assert room.look()["stats"] == {"purge": 220}


def test_enqueue_with_a_key(pattern: str, server: Server, room: Room) -> None:
    """The second sending finds its own key there, which is neither a conflict nor an earlier call."""
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        client = Client(store)
        first = [client.enqueue("t", [n], queue="q", key=f"k{n}") for n in range(6)]
        again = [client.enqueue("t", [n], queue="q", key=f"k{n}") for n in range(6)]
        with pytest.raises(IdempotencyConflict):
            client.enqueue("t", ["other"], queue="q", key="k1")
    assert line.lost
    assert not any(one.existing for one in first)
    assert all(one.existing for one in again)
    assert [one.id for one in again] == [one.id for one in first] == ids_in(room)


def test_async_enqueue(pattern: str, server: Server, room: Room) -> None:
    async def scenario(url: str) -> list[str]:
        async with AsyncStore.open(url, room.store.namespace) as store:
            client = AsyncClient(store)
            sent = await asyncio.gather(*[client.enqueue("t", [n], queue="q") for n in range(20)])
            return [one.id for one in sent]

    with losing(server, pattern) as line:
        sent = asyncio.run(scenario(line.url))
    assert line.lost
    assert sorted(ids_in(room)) == sorted(sent)


def test_cycle(pattern: str, server: Server, room: Room) -> None:
    """A worker that learns of its claims from repeated answers runs each message once."""
    room.put({"lease": {"w": "alive"}, "ready": [f"m{n:02}" for n in range(30)]})
    started: list[str] = []
    settled: list[Settled] = []
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        for seq in range(1, 18):
            call = cycle_call(room.keys, wid="w", seq=seq, lease_ms=FAR_MS, want=2, settled=settled)
            claims = read_claims(store.run(insist(call, within_s=WITHIN_S)))
            assert not claims.fenced
            new = [id_of(one) for one in claims.records if id_of(one) not in started]
            started += new
            settled = [Settled(id_, Move.FINISH) for id_ in new]
    assert line.lost
    assert sorted(started) == [f"m{n:02}" for n in range(30)]
    room.redis.delete(room.keys.bell)  # rung while more was waiting; it would wake one worker for nothing
    assert room.look() == {"lease": {"w": "alive"}, "seq": {"w": 17}, "stats": {"finish": 30}}


def test_emit(pattern: str, server: Server, room: Room) -> None:
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        store.run(adopt(room.keys, "cfg", within_s=WITHIN_S))
        store.run(enrol(room.keys, "cfg", [("s", 100)], within_s=WITHIN_S))
        fire = Fire("s", 0, 0, None, "allow")
        for at in range(100, 120):
            words = f"s@{at + 1} live"
            moving = replace(fire, cursor_ms=at, to_ms=at + 1, record=record(words))
            store.run(emit(room.keys, "cfg", [moving], within_s=WITHIN_S))
    assert line.lost
    assert ids_in(room) == [f"s@{at}" for at in range(101, 121)]
    assert room.look()["live"] == {"s": 20}
    assert room.look()["stats"] == {"emitted": 20}


def test_recover_and_release(pattern: str, server: Server, room: Room) -> None:
    room.put({"own": {"w": ["a @1", "b @2"], "v": ["c @3"]}, "lease": {"w": "over", "v": "alive"}})
    with losing(server, pattern) as line, Store.open(line.url, room.store.namespace) as store:
        for _ in range(3):
            store.run(recover(room.keys, "w", within_s=WITHIN_S))
            store.run(release(room.keys, "v", ["c"], within_s=WITHIN_S))
            store.run(release(room.keys, "v", leave=True, within_s=WITHIN_S))
    assert line.lost
    look = room.look()
    assert sorted(look["ready"]) == ["a d1 @1", "b d1 @2", "c @3"]
    assert "own" not in look
    assert "lease" not in look
