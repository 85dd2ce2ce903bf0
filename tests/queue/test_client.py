"""What does a program see that sends calls, with `Client` and with `AsyncClient`?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onebeat.errors import BadPayload, ConfigError, IdempotencyConflict, InvalidName, StoreError
from onebeat.queue import AsyncClient, AsyncHandle, Client, Handle
from onebeat.queue.client import draft, send
from onebeat.queue.enqueue import Draft, Lanes, Sent, _digest, enqueue
from onebeat.queue.payload import decode
from onebeat.queue.record import Header, Message, unpack
from onebeat.queue.sender import Sender as Memory
from onebeat.queue.signing import NO_KEYS
from onebeat.wire import AsyncStore, Command, Store
from tests.drivers import Unfinished, play
from tests.forked import forked
from tests.queue.room import Room, message
from tests.servers import Server


class Sender:
    """Either client behind one blocking face: each call of the asyncio one in a loop of its own."""

    def __init__(self, kind: str, url: str, namespace: str) -> None:
        self.kind, self.url, self.namespace = kind, url, namespace
        self.client = Client.from_url(url, namespace) if kind == "sync" else None
        self.handle = Handle if self.client else AsyncHandle

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.client:
                return getattr(self.client, name)(*args, **kwargs)
            return asyncio.run(self._awaited(name, *args, **kwargs))

        return call

    async def _awaited(self, verb: str, /, *args: Any, **kwargs: Any) -> Any:
        client = AsyncClient.from_url(self.url, self.namespace)
        try:
            return await getattr(client, verb)(*args, **kwargs)
        finally:
            await client.close()


@pytest.fixture(params=["sync", "async"])
def sender(request: pytest.FixtureRequest, server: Server, namespace: str) -> Iterator[Sender]:
    opened = Sender(request.param, server.url, namespace)
    yield opened
    if opened.client:
        opened.client.close()


def stored(room: Room) -> list[Message]:
    return [unpack(one) for key in room.keys.ready for one in room.redis.lrange(key, 0, -1)]


def test_enqueue(sender: Sender, room: Room) -> None:
    sent = sender.enqueue("shop.report", [1, "a"], {"day": None}, queue="q", priority=2)
    (found,) = stored(room)
    assert sent == sender.handle(found.id)
    assert (found.header, found.priority) == (Header(task="shop.report"), 2)
    assert (found.flags, found.deliveries, found.attempt) == (0, 0, 0)
    assert abs(found.enqueued_ms - room.now_ms()) < 60_000
    assert decode(found.body) == ([1, "a"], {"day": None})
    assert room.redis.smembers(room.store.space.queues) == {b"q"}


def test_enqueue_into_default(sender: Sender, store: Store) -> None:
    sender.enqueue("t")
    assert len(stored(Room(store, "default"))) == 1


@pytest.mark.parametrize("delay", [0.001, 1.5, 3_600])
def test_delay(sender: Sender, room: Room, delay: float) -> None:
    before = room.now_ms()
    sent = sender.enqueue("t", queue="q", delay=delay)
    due_ms = room.redis.zscore(room.keys.due, sent.id) - delay * 1_000
    assert before <= due_ms <= room.now_ms()
    assert stored(room) == []


@pytest.mark.parametrize("delay", [None, 0, 0.0001])
def test_no_delay(sender: Sender, room: Room, delay: float | None) -> None:
    sender.enqueue("t", queue="q", delay=delay)
    assert len(stored(room)) == 1


def test_a_key_is_stored_once(sender: Sender, room: Room) -> None:
    first = sender.enqueue("t", [1], {"a": 1, "b": 2}, queue="q", key="order 7")
    again = sender.enqueue("t", [1], {"b": 2, "a": 1}, queue="q", key="order 7", delay=9)
    assert (first.existing, again) == (False, sender.handle(first.id, existing=True))
    assert [one.header.key for one in stored(room)] == ["order 7"]
    assert not sender.enqueue("t", [1], queue="other", key="order 7").existing


@pytest.mark.parametrize(("task", "args"), [("t", [2]), ("u", [1]), ("t", [1, 1])])
def test_a_key_with_another_call_is_a_conflict(
    sender: Sender, room: Room, task: str, args: list[int]
) -> None:
    first = sender.enqueue("t", [1], queue="q", key="k")
    with pytest.raises(IdempotencyConflict) as caught:
        sender.enqueue(task, args, queue="q", key="k")
    assert str(caught.value) == (
        f"key 'k' belongs to message {first.id} with another task or other arguments: "
        "use another key, or send the same arguments"
    )
    assert len(stored(room)) == 1
    sender.enqueue(task, args, queue="q", key="k2")  # the line is as good as before
    assert len(stored(room)) == 2


def test_enqueue_many(sender: Sender, room: Room) -> None:
    sent = sender.enqueue_many([("t", [n], None) for n in range(1_000)], "q")
    found = stored(room)
    assert [one.id for one in found] == [one.id for one in sent]
    assert [decode(one.body)[0] for one in found] == [[n] for n in range(1_000)]
    assert len({one.id for one in sent}) == 1_000


def test_enqueue_none(sender: Sender, room: Room) -> None:
    assert sender.enqueue_many([], "q") == []
    assert room.look() == {}


def test_send_drafts(sender: Sender, room: Room) -> None:
    drafts = [Draft(message("a")), Draft(message("b p1"), key="k"), Draft(message("c"), key="k")]
    assert sender.send_drafts("q", drafts[:2]) == [sender.handle("a"), sender.handle("b")]
    with pytest.raises(IdempotencyConflict):
        sender.send_drafts("q", [Draft(Message("c", Header(task="u"), message("c").body), key="k")])
    assert room.look()["ready"] == ["a", "b p1"]


# (arguments of enqueue, the error, a part of its message)
REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"name": ""}, BadPayload, "task name '' must be text of 1 to 256 characters"),
    ({"name": "x" * 257}, BadPayload, "must be text of 1 to 256 characters"),
    ({"name": None}, BadPayload, "task name None must be text"),
    ({"name": b"t"}, BadPayload, "task name b't' must be text"),
    ({"name": "\ud800"}, BadPayload, "task name '\\ud800' holds a lone surrogate"),
    ({"args": "abc"}, BadPayload, "args of t must be a list or tuple, not str: write args=('abc',)"),
    ({"args": b"abc"}, BadPayload, "must be a list or tuple, not bytes"),
    ({"args": 5}, BadPayload, "must be a list or tuple, not int: write args=(5,)"),
    ({"args": {"a": 1}}, BadPayload, "must be a list or tuple, not dict"),
    ({"args": {1}}, BadPayload, "must be a list or tuple, not set"),
    ({"kwargs": [1]}, BadPayload, "kwargs of t must be a mapping, not list"),
    ({"priority": 4}, BadPayload, "priority 4 of t must be 0 (first) to 3"),
    ({"priority": -1}, BadPayload, "priority -1 of t must be"),
    ({"priority": 1.5}, BadPayload, "priority 1.5 of t must be"),
    ({"priority": "high"}, BadPayload, "priority 'high' of t must be"),
    ({"delay": -1}, BadPayload, "delay -1 of t must be 0 to 316224000 seconds"),
    ({"delay": float("nan")}, BadPayload, "delay nan of t must be"),
    ({"delay": float("inf")}, BadPayload, "delay inf of t must be"),
    ({"delay": "5s"}, BadPayload, "delay '5s' of t must be"),
    ({"key": 7}, BadPayload, "key 7 must be text of 1 to 1024 characters"),
    ({"key": "k" * 1_025}, BadPayload, "must be text of 1 to 1024 characters"),
    ({"key": "\udcff"}, BadPayload, "key '\\udcff' holds a lone surrogate"),
    ({"queue": ""}, InvalidName, "queue '' is not a valid name"),
    ({"queue": "a b"}, InvalidName, "queue 'a b' is not a valid name"),
    ({"queue": "{q}"}, InvalidName, "queue '{q}' is not a valid name"),
    ({"queue": "-q"}, InvalidName, "is not a valid name"),
    ({"queue": "q" * 65}, InvalidName, "use 1 to 64 of A-Z a-z 0-9 _ . : -"),
    ({"queue": "ｑ"}, InvalidName, "is not a valid name"),
]


@pytest.mark.parametrize(("said", "error", "part"), REFUSED)
def test_refused(sender: Sender, room: Room, said: dict[str, Any], error: type[Exception], part: str) -> None:
    with pytest.raises(error) as caught:
        sender.enqueue(**{"name": "t", "queue": "q", **said})
    assert part in str(caught.value)
    assert len(str(caught.value)) < 300
    assert room.dump() == {}


def test_a_url_or_namespace_that_is_none() -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(ConfigError, match="is not a store URL"):
            kind.from_url("localhost:6379")
        with pytest.raises(InvalidName, match="namespace 'a b' is not a valid name"):
            kind.from_url("redis://localhost", "a b")


def test_threads_share_a_client(server: Server, room: Room) -> None:
    sent: list[str] = []
    with Store.open(server.url, room.store.namespace) as shared:
        client = Client(shared)

        def send_often(name: str) -> None:
            sent.extend(client.enqueue(name, [n], queue="q").id for n in range(100))

        threads = [threading.Thread(target=send_often, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(one.id for one in stored(room)) == sorted(sent)
    assert len(set(sent)) == 800
    assert len(client.sender.lanes._free) <= 8


def test_calls_in_flight_at_once(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    async def scenario() -> list[Handle]:
        async with astore_factory() as store:
            client = AsyncClient(store)
            return await asyncio.gather(*[client.enqueue("t", [n], queue="q") for n in range(200)])

    sent = asyncio.run(scenario())
    assert sorted(one.id for one in stored(room)) == sorted(one.id for one in sent)
    assert len({one.id for one in sent}) == 200


def test_a_cancelled_call_spoils_no_later_one(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    """Its lane may have an unanswered call, so nobody uses it again."""

    async def scenario() -> list[str]:
        sent: list[str] = []
        async with astore_factory() as store:
            client = AsyncClient(store)
            sent.append((await client.enqueue("t", queue="q")).id)
            for steps in range(12):
                task = asyncio.create_task(client.enqueue("cancelled", queue="q"))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                sent.append((await client.enqueue("t", queue="q")).id)
        return sent

    sent = asyncio.run(scenario())
    found = [one.id for one in stored(room) if one.header.task == "t"]
    assert found == sent
    assert len({one.id for one in stored(room)}) == len(stored(room))


def test_a_fork_takes_no_lane_along(server: Server, room: Room) -> None:
    """Parent and child would number different calls alike, and the store would drop one of them."""
    with Store.open(server.url, room.store.namespace) as shared:
        client = Client(shared)
        client.enqueue("before", queue="q")
        lanes = client.sender.lanes
        taken = lanes.take()
        lanes.give(taken)
        in_child = forked(lambda: lanes.take().name)
        assert lanes.take() is taken
        assert in_child not in ("", taken.name)
        assert len(in_child) == len(taken.name)


def test_an_unanswered_call_spends_its_lane(room: Room) -> None:
    lanes = Lanes()
    lost = StoreError("no answer")
    asked = enqueue(room.keys, [Draft(message("a"))], lanes, within_s=1.0)
    with pytest.raises(StoreError):
        play(asked, [lost])
    assert lanes._free == []
    sent, effects = play(enqueue(room.keys, [Draft(message("a"))], lanes, within_s=1.0), [[b""]])
    assert sent == [Sent("a")]
    assert len(effects) == len(lanes._free) == 1


def test_a_batch_is_at_most_256(room: Room) -> None:
    drafts = [Draft(message(f"m{n}")) for n in range(300)]
    with pytest.raises(Unfinished) as caught:
        play(enqueue(room.keys, drafts, Lanes(), within_s=1.0), [[b""] * 256])
    assert [len(effect.args) for effect in caught.value.effects] == [3 + 256, 3 + 44]


def test_ids_are_never_the_same() -> None:
    ids = {draft("t").message.id for _ in range(10_000)}
    assert len(ids) == 10_000
    assert {len(id_) for id_ in ids} == {15}


def test_a_fingerprint_knows_where_its_parts_end() -> None:
    assert _digest(b"ab", b"c") != _digest(b"a", b"bc")


def test_a_queue_is_announced_once_per_client(room: Room) -> None:
    """One round trip for every later call."""
    sender = Memory(NO_KEYS)
    _, first = play(send(room.store, "q", [draft("t")], sender), [1, [b""]])
    _, second = play(send(room.store, "q", [draft("t")], sender), [[b""]])
    assert first[0] == Command(("SADD", room.store.space.queues, "q"))
    assert (len(first), len(second)) == (2, 1)
