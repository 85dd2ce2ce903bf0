"""Do so many of a key start in a time, in order, and does nothing else of the queue wait for them?

Rates are of hours, so that a token comes when a test says so (`later`), and not because a machine is slow.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onebeat.queue import By, Client
from onebeat.queue.control import cancel
from onebeat.queue.cycle import Settled
from onebeat.queue.record import (
    LIMITED,
    RECORDED,
    BoundsHead,
    ConcurrencyHead,
    Header,
    Message,
    RateHead,
    pack,
    unpack,
)
from onebeat.queue.states import Move
from tests.queue.room import WITHIN_S, Room
from tests.queue.test_slots import claimed, push

BODY = b"\x92\x90\x80"
HOUR_US = 3_600_000_000


def record(
    id_: str,
    key: str = "k",
    burst: int = 1,
    every_us: int = HOUR_US,
    concurrency: ConcurrencyHead | None = None,
    priority: int = 0,
    flags: int = 0,
) -> bytes:
    head = Header("t", bounds=BoundsHead(concurrency, RateHead(key, every_us, burst)))
    return pack(Message(id_, head, BODY, flags=LIMITED | flags, priority=priority))


def waiting(room: Room) -> list[str]:
    """Who waits, in the order of each line; the four places of it agree."""
    ids = [member.decode().split()[-1] for member in room.redis.zrange(room.keys.parked, 0, -1)]
    for seen in (room.redis.hkeys(room.keys.parkedof), room.redis.zrange(room.keys.due, 0, -1)):
        assert sorted(one.decode() for one in seen) == sorted(ids)
    assert sorted(one.decode() for one in room.redis.hkeys(room.keys.duerec)) == sorted(ids)
    return ids


def later(room: Room, hours: float) -> None:
    """As if that much time had passed: all that is noted of tokens and of what is due is so much older."""
    for member, score in room.redis.zrange(room.keys.rates, 0, -1, withscores=True):
        room.redis.zadd(room.keys.rates, {member: score - hours * HOUR_US})
    for member, score in room.redis.zrange(room.keys.due, 0, -1, withscores=True):
        room.redis.zadd(room.keys.due, {member: score - hours * HOUR_US / 1000})


@pytest.fixture(autouse=True)
def alive(room: Room) -> None:
    room.put({"lease": {"w": "alive", "v": "alive"}})


def test_one_starts_and_the_others_wait_in_order_each_for_its_token(room: Room) -> None:
    push(room, *map(record, "dcba"))
    assert claimed(room, 1) == ["d"]
    assert waiting(room) == ["c", "b", "a"]
    assert claimed(room, 1, wid="v") == []
    assert claimed(room, 2, settled=[Settled("d", Move.FINISH)]) == [], "an end gives no token"
    later(room, 1)
    assert claimed(room, 3) == ["c"]
    later(room, 0.99)
    assert claimed(room, 4) == []
    later(room, 0.01)
    assert claimed(room, 5) == ["b"]
    later(room, 3)
    assert claimed(room, 6) == ["a"]
    assert not room.redis.exists(room.keys.parked, room.keys.parkedof, room.keys.duerec, room.keys.due)


def test_the_burst_starts_at_once_and_comes_back_one_by_one(room: Room) -> None:
    push(room, *(record(id_, burst=3) for id_ in "abcdefghi"))
    assert claimed(room, 1) == ["a", "b", "c"]
    later(room, 1)
    assert claimed(room, 2) == ["d"]
    later(room, 2)
    assert claimed(room, 3) == ["e", "f"]
    later(room, 99)
    assert claimed(room, 4) == ["g", "h", "i"], "what was not used for long is a burst, and not more"
    push(room, record("j", burst=3))
    assert claimed(room, 5) == []


def test_who_waits_is_due_when_its_token_comes_and_the_worker_is_told(room: Room) -> None:
    push(room, *map(record, "abc"))
    told = room.cycle("w", 1, 9)
    assert told.next_due_ms == told.now_ms + 3_600_000
    due = dict(room.redis.zrange(room.keys.due, 0, -1, withscores=True))
    assert due[b"b"] == told.next_due_ms
    assert due[b"c"] >= due[b"b"], "nobody looks before the first of the line"


def test_a_rate_that_is_not_whole_is_never_exceeded(room: Room) -> None:
    """Three in a second are one each 333 334 µs; what comes within a millisecond is due at its end."""
    push(room, *(record(id_, every_us=333_334) for id_ in "ab"))
    told = room.cycle("w", 1, 9)
    assert told.next_due_ms == told.now_ms + 334


def test_other_keys_and_messages_without_one_go_past_those_that_wait(room: Room) -> None:
    many = [record(f"a{n:03}") for n in range(200)]
    push(room, *many, record("b", key="other"), pack(Message("c", Header("t"), BODY)))
    assert claimed(room, 1, want=3) == ["a000", "b", "c"]
    assert len(waiting(room)) == 199


def test_priority_goes_before_age_in_a_line_and_between_lines(room: Room) -> None:
    push(room, record("a"), record("z", key="other", priority=3))
    assert claimed(room, 1) == ["a", "z"]
    push(room, record("low", priority=2), record("mid", priority=1), record("y", key="other", priority=3))
    assert claimed(room, 2) == []
    push(room, record("first"))
    assert claimed(room, 3) == []
    later(room, 1)
    push(room, pack(Message("plain", Header("t"), BODY, priority=1)))
    assert claimed(room, 4, want=2) == ["first", "plain"], "before what is less urgent and has its token"
    assert claimed(room, 5) == ["y"]
    later(room, 1)
    assert claimed(room, 6) == ["mid"]


def test_a_token_that_nobody_has_room_for_rings_for_others_and_hurries_nobody(room: Room) -> None:
    push(room, *map(record, "ab"))
    assert claimed(room, 1) == ["a"]
    later(room, 1)
    room.redis.delete(room.keys.bell)
    told = room.cycle("w", 2, 0)
    assert told.records == []
    assert told.next_due_ms is None, "it is full: no use to ask at once"
    assert room.redis.exists(room.keys.bell)
    assert claimed(room, 1, wid="v") == ["b"]


def test_a_paused_queue_keeps_its_tokens(room: Room) -> None:
    push(room, *map(record, "ab"))
    assert claimed(room, 1) == ["a"]
    later(room, 1)
    room.put({"halt": "for good"})
    assert room.cycle("w", 2, 9).halted
    room.redis.delete(room.keys.halt)
    assert claimed(room, 3) == ["b"]


def test_a_repeated_call_takes_no_second_token(room: Room) -> None:
    push(room, *(record(id_, burst=2) for id_ in "abc"))
    assert claimed(room, 1) == ["a", "b"]
    before = room.redis.zrange(room.keys.rates, 0, -1, withscores=True)
    assert claimed(room, 1) == ["a", "b"]
    assert room.redis.zrange(room.keys.rates, 0, -1, withscores=True) == before


@pytest.mark.parametrize("how", ["release", "leave", "recover", "retry"])
def test_each_start_takes_a_token_also_of_what_goes_back(room: Room, how: str) -> None:
    push(room, *map(record, "ab"))
    assert claimed(room, 1) == ["a"]
    if how == "release":
        room.release("w", ["a"])
    elif how == "leave":
        room.release("w", leave=True)
    elif how == "recover":
        room.redis.zadd(room.keys.lease, {"w": 1})
        assert room.recover() == 1
    else:
        assert claimed(room, 2, settled=[Settled("a", Move.RETRY, 0, record("a"))]) == []
    assert claimed(room, 1, wid="v") == []
    assert waiting(room) == ["b", "a"]
    later(room, 1)
    assert claimed(room, 2, wid="v") == ["b"]
    later(room, 1)
    assert claimed(room, 3, wid="v") == ["a"]


@pytest.mark.parametrize("how", ["cancel", "purge"])
def test_what_waits_is_ended_as_what_is_delayed_and_the_next_is_first(room: Room, how: str) -> None:
    push(room, *map(record, "abc"))
    assert claimed(room, 1) == ["a"]
    later(room, 0.5)
    if how == "cancel":
        room.run(cancel(room.keys, ["b"], within_s=WITHIN_S))
    else:
        Client(room.store).queue("q").purge(By(), ready=False, delayed=True)
        assert waiting(room) == []
        return
    assert waiting(room) == ["c"]
    assert claimed(room, 2) == [], "it looks, and is due when its token comes"
    later(room, 0.5)
    assert claimed(room, 3) == ["c"]


def test_another_rule_counts_from_the_next_start(room: Room) -> None:
    """After a deploy from one a day to one an hour nobody waits for a day."""
    push(room, record("a", every_us=24 * HOUR_US))
    assert claimed(room, 1) == ["a"]
    push(room, record("b"), record("c"))
    assert claimed(room, 2) == []
    later(room, 1)
    assert claimed(room, 3) == ["b"]
    assert waiting(room) == ["c"]


def test_what_has_all_its_tokens_is_forgotten(room: Room) -> None:
    """However many keys there were: one that comes takes two along that are full again."""
    push(room, *(record(f"a{n}", key=f"k{n}") for n in range(8)))
    assert len(claimed(room, 1)) == 8
    ttl_ms = room.redis.pttl(room.keys.rates)
    assert 3_600_000 < ttl_ms <= 2 * 3_600_000
    later(room, 2)
    push(room, *(record(f"b{n}", key=f"l{n}") for n in range(4)))
    assert len(claimed(room, 2)) == 4
    assert room.redis.zcard(room.keys.rates) == 4


@pytest.mark.parametrize(
    "header",
    [
        *(
            b"\x81\xa1c\x92\xc0" + value
            for value in (b"\x07", b"\x90", b"\x93\x07\xa1x\x01", b"\x93\xa1k\x00\x01")
        ),
        b"\x81\xa1c\x92\xc0\x93\xa1k\x01\xcb\x7f\xf8" + bytes(6),
    ],
)
def test_foreign_bytes_with_the_flag_are_claimed(room: Room, header: bytes) -> None:
    foreign = b"\x01\x08\x00\x00\x00" + bytes(6) + b"\x01" + len(header).to_bytes(2, "big") + b"x" + header
    room.redis.rpush(room.keys.ready[0], foreign)
    assert len(room.cycle("w", 1, 9).records) == 1


def test_the_history_tells_that_a_recorded_message_waits_for_its_rate(room: Room) -> None:
    push(room, record("a", flags=RECORDED), record("b", flags=RECORDED), record("c"))
    claimed(room, 1)
    assert [line["event"] for line in room.log()] == ["claimed", "parked"]
    assert room.log()[1]["reason"] == "rate"
    later(room, 1)
    claimed(room, 2)
    assert [line["event"] for line in room.log()] == ["claimed", "parked", "claimed"]
    assert room.look()["stats"] == {"hold": 2}


def test_a_cut_off_fire_that_waits_for_its_token_does_not_begin(room: Room) -> None:
    fires: Sequence[bytes] = [record(f"s@{n}", flags=2) for n in (1, 2)]
    room.put({"live": {"s": 2}})
    push(room, *fires)
    assert claimed(room, 1) == ["s@1"]
    room.redis.zadd(room.keys.cutoff, {"s": 3})
    later(room, 1)
    assert claimed(room, 2) == []
    assert room.look()["stats"] == {"hold": 1, "cancel": 1}
    assert unpack(fires[1]).id not in waiting(room)
