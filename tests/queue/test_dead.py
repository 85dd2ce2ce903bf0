"""Are dead letters queued again, or thrown away, exactly as asked, and each death once?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from onebeat.errors import IdempotencyConflict
from onebeat.queue import AsyncClient, By, Client, KeyRing, Queue, Which
from onebeat.queue.cycle import Settled
from onebeat.queue.record import RECORDED, SIGNED_FROM, Header, Message, pack, unpack
from onebeat.queue.states import Move
from onebeat.wire import AsyncStore
from tests.queue.room import Room, State, told

ALICE = By("alice@web", " the code\n is mended ")


@pytest.fixture
def queue(room: Room) -> Queue:
    return Client(room.store).queue("q")


def redriven(id_: str) -> State:
    return {"bell": True, "stats": {"redrive": 1}, "log": [f"redriven {id_}"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"dead": {"a p2 d4 t3": "failed"}}, {"ready": ["a p2 rec"], **redriven("a")}),
        ({"dead": {"a rec": "failed"}, "ready": ["b"]}, {"ready": ["b", "a rec"], **redriven("a")}),
        (
            {"dead": {"s@5 rec live": "failed"}},
            {"ready": ["s@5 rec live"], "live": {"s": 1}, **redriven("s@5")},
        ),
        (
            {"dead": {"s@5 live": "failed"}, "live": {"s": 2}, "cancel": ["s@5"], "fails": {"s": 3}},
            {"ready": ["s@5 rec live"], "live": {"s": 3}, "fails": {"s": 3}, **redriven("s@5")},
        ),
    ],
)
def test_redrive(before: State, after: State, room: Room, queue: Queue) -> None:
    room.put(before)
    tally = queue.redrive(Which(), ALICE)
    assert (tally.done, tally.unreadable) == (1, 0)
    (record,) = [one for key in room.keys.ready for one in room.redis.lrange(key, -1, -1)][-1:]
    assert abs(unpack(record).enqueued_ms - room.now_ms()) < 60_000, "its age is that of a new call"
    seen = room.look()
    seen["ready"] = [words.partition(" @")[0] for words in seen["ready"]]
    assert seen == after
    (line,) = room.log()
    assert (line["by"], line["reason"]) == ("alice@web", "the code is mended")
    assert queue.redrive(Which(), ALICE).done == 0


def test_what_expired_meanwhile_runs_when_a_person_wants_it(room: Room, queue: Queue) -> None:
    late = pack(Message("a", Header("t", key="k", expires_at_ms=1, timeout_ms=7), b"\x92\x90\x80"))
    room.put({"dead": {"a": "failed"}})
    room.redis.hset(room.keys.deadrec, "a", late)
    assert queue.redrive(Which(("a",)), By()).ids == ["a"]
    again = unpack(room.redis.lrange(room.keys.ready[0], 0, -1)[0])
    assert again.header == Header("t", key="k", timeout_ms=7)
    assert (again.body, again.flags) == (b"\x92\x90\x80", RECORDED)


def test_only_those_that_are_meant(room: Room, queue: Queue) -> None:
    room.put({"dead": {"a": "failed", "b": "deliveries", "c": "failed", "d": "failed"}})
    room.redis.hset(room.keys.deadrec, "c", pack(Message("c", Header("other"), b"\x92\x90\x80")))
    assert queue.redrive(Which(task="other", died_of="deliveries"), By()).done == 0
    assert queue.redrive(Which(task="other"), By()).ids == ["c"]
    assert queue.redrive(Which(died_of="deliveries"), By()).ids == ["b"]
    assert queue.redrive(Which(("d", "d", "nobody")), By()).ids == ["d"]
    assert queue.redrive(Which(task="t", died_of="failed"), By()).ids == ["a"]


@pytest.mark.parametrize("record", [None, b"", b"\x80pickle"])
def test_what_nothing_can_read_stays_until_it_is_thrown_away(
    record: bytes | None, room: Room, queue: Queue
) -> None:
    room.redis.zadd(room.keys.dead, {"x": 7, "y": 8})
    room.put({"dead": {"a": "failed"}})
    if record is not None:
        room.redis.hset(room.keys.deadrec, "x", record)
    tally = queue.redrive(Which(), By())
    assert (tally.done, tally.unreadable) == (1, 2)
    assert queue.redrive(Which(("x",)), By()).unreadable == 1
    assert queue.discard(Which(), By()).ids == ["x", "y"]
    assert room.redis.keys(f"{room.keys.prefix}:dead*") == []


def test_many_go_in_batches_and_others_stay(room: Room, queue: Queue) -> None:
    """Also where a page begins in the middle of those that died in the same millisecond."""
    many = {f"m{n:03}": str(n % 2) for n in range(300)}
    room.put({"dead": many})
    room.redis.zadd(room.keys.dead, {id_: 1_000 + n // 150 for n, id_ in enumerate(many)})
    heard: list[int] = []
    tally = queue.redrive(Which(died_of="1"), By(), heard.append)
    assert tally.done == sum(heard) == 150
    assert len(heard) > 1
    assert len(tally.ids) <= 64
    assert sorted(room.look()["dead"]) == [f"m{n:03}" for n in range(0, 300, 2)]
    assert queue.discard(Which(), By()).done == 150
    assert "dead" not in room.look()


def test_what_died_after_it_began_is_left_alone(room: Room, queue: Queue) -> None:
    room.put({"dead": {"a": "failed"}})
    room.redis.zadd(room.keys.dead, {"a": room.now_ms() + 3_600_000})
    assert queue.redrive(Which(), By()).done == queue.discard(Which(("a",)), By()).done == 0


def test_a_letter_that_died_again_is_another_death(room: Room, queue: Queue) -> None:
    room.put({"lease": {"w": "alive"}, "dead": {"a": "failed"}})
    queue.redrive(Which(), By())
    claims = room.cycle(seq=1, want=1)
    assert [words.split()[0] for words in told(claims.records)] == ["a"]
    room.cycle(seq=2, settled=[Settled("a", Move.BURY, record=claims.records[0], why=b'{"reason":"failed"}')])
    assert queue.redrive(Which(), By()).done == 1
    assert room.look()["stats"] == {"redrive": 2, "bury": 1}


def test_discard_frees_the_key_of_the_call_and_no_other(room: Room, queue: Queue) -> None:
    client = Client(room.store)
    first = client.enqueue("t", [1], queue="q", key="k").id
    room.put({"lease": {"w": "alive"}})
    (record,) = room.cycle(seq=1, want=1).records
    room.cycle(seq=2, settled=[Settled(first, Move.BURY, record=record, why=b"{}")])
    with pytest.raises(IdempotencyConflict):
        client.enqueue("t", [2], queue="q", key="k")
    room.put({"dead": {"z": "failed"}})  # another message that had the same key
    room.redis.hset(room.keys.deadrec, "z", pack(Message("z", Header("t", key="k"), b"\x92\x90\x80")))
    assert queue.discard(Which(("z",)), ALICE).done == 1
    assert client.enqueue("t", [1], queue="q", key="k").existing
    assert queue.discard(Which((first,)), ALICE).done == 1
    assert not client.enqueue("t", [2], queue="q", key="k").existing
    assert [line["event"] for line in room.log()[-2:]] == ["discarded"] * 2
    assert room.look()["stats"]["discard"] == 2


def test_the_asyncio_twin(room: Room, astore_factory: Callable[[], AsyncStore]) -> None:
    room.put({"dead": {"a": "failed", "b": "failed"}})

    async def both() -> tuple[int, int]:
        async with astore_factory() as store:
            queue = AsyncClient(store).queue("q")
            return (await queue.redrive(Which(("a",)), By())).done, (await queue.discard(Which(), By())).done

    assert asyncio.run(both()) == (1, 1)
    assert [words.split()[0] for words in room.look()["ready"]] == ["a"]


def test_a_signed_message_keeps_what_its_seal_covers(room: Room) -> None:
    ring = KeyRing((b"k" * 32,))
    client = Client(room.store, ring)
    client.enqueue("t", [1], queue="q")
    room.put({"lease": {"w": "alive"}})
    (record,) = room.cycle(seq=1, want=1).records
    id_ = unpack(record).id
    room.cycle(seq=2, settled=[Settled(id_, Move.BURY, record=record, why=b"{}")])
    assert client.queue("q").redrive(Which(), ALICE).done == 1
    (again,) = room.redis.lrange(room.keys.ready[0], 0, -1)
    assert again[SIGNED_FROM:] == record[SIGNED_FROM:]
