"""Does a claim take tokens only for what can begin at once, and does what waits for that come to its turn?"""

from __future__ import annotations

import pytest

from onebeat.queue.cycle import Claims, cycle_call, read_claims
from onebeat.queue.record import Header, Message, pack, unpack
from tests.queue.room import Room
from tests.queue.test_rates import BODY, record, waiting
from tests.queue.test_slots import claimed, push


@pytest.fixture(autouse=True)
def alive(room: Room) -> None:
    room.put({"lease": {"w": "alive", "v": "alive"}})


def asked(room: Room, seq: int, *, begin: int, want: int = 9) -> Claims:
    """A cycle of a worker that may claim ahead of what can begin."""
    call = cycle_call(room.keys, wid="w", seq=seq, lease_ms=60_000, want=want, settled=(), begin=begin)
    return read_claims(room.store.perform(call))


def test_no_more_tokens_are_taken_than_runs_can_begin(room: Room) -> None:
    """A worker claims ahead; what it cannot begin may go back, and that would be a token for nothing."""
    push(room, *(record(id_, burst=9) for id_ in "abc"), pack(Message("plain", Header("t"), BODY)))
    told = asked(room, 1, begin=1)
    assert [unpack(one).id for one in told.records] == ["a", "plain"]
    assert told.next_due_ms is None or told.next_due_ms > told.now_ms
    assert room.redis.exists(room.keys.bell), "who can begin one is asked"
    assert claimed(room, 1, wid="v") == ["b", "c"]


def test_what_is_claimed_before_it_begins_before_it(room: Room) -> None:
    """Three can begin, of which two are claimed: the third is the only one that takes a token."""
    plain = [pack(Message(f"plain{n}", Header("t"), BODY)) for n in range(3)]
    push(room, *plain[:2], *(record(id_, burst=9) for id_ in "ab"), plain[2])
    assert [unpack(one).id for one in asked(room, 1, begin=3).records] == ["plain0", "plain1", "a", "plain2"]
    assert waiting(room) == ["b"]


def test_nobody_claims_ahead_past_one_that_has_its_token(room: Room) -> None:
    """Else a worker that is busy with short runs would never have a slot for it."""
    push(room, record("a"), *(pack(Message(f"plain{n}", Header("t"), BODY)) for n in range(9)))
    assert [unpack(one).id for one in asked(room, 1, begin=0, want=2).records] == ["plain0", "plain1"]
    assert waiting(room) == ["a"]
    assert asked(room, 2, begin=0).records == []
    assert room.redis.exists(room.keys.bell)
    assert [unpack(one).id for one in asked(room, 3, begin=1, want=2).records] == ["a", "plain2"]


def test_what_is_more_urgent_is_claimed_ahead_past_it(room: Room) -> None:
    push(room, record("low", priority=1))
    assert asked(room, 1, begin=0).records == []
    push(room, *(pack(Message(f"{n}", Header("t"), BODY, priority=n)) for n in (0, 1, 2)))
    assert [unpack(one).id for one in asked(room, 2, begin=0).records] == ["0"]
    assert [unpack(one).id for one in asked(room, 3, begin=1).records] == ["low", "1", "2"]
