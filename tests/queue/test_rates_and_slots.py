"""Does a start need both a slot and a token, and does nobody hold one while it waits for the other?"""

from __future__ import annotations

import pytest

from onebeat.queue.cycle import Settled
from onebeat.queue.record import LIMITED, BoundsHead, ConcurrencyHead, Header, Message, pack
from onebeat.queue.states import Move
from tests.queue.room import Room
from tests.queue.test_rates import BODY, later, record, waiting
from tests.queue.test_slots import claimed, push, slots


@pytest.fixture(autouse=True)
def alive(room: Room) -> None:
    room.put({"lease": {"w": "alive", "v": "alive"}})


ONE = ConcurrencyHead("c", 1)


def both(id_: str, **more: int) -> bytes:
    return record(id_, concurrency=ONE, **more)


def test_with_a_slot_it_waits_for_a_token_and_holds_no_slot(room: Room) -> None:
    push(room, both("a"), both("b"))
    assert claimed(room, 1) == ["a"]
    assert slots(room) == {"a": 1}
    assert claimed(room, 2, settled=[Settled("a", Move.FINISH)]) == []
    assert slots(room) == {}
    other = Header("t", bounds=BoundsHead(ONE))
    push(room, pack(Message("x", other, BODY, flags=LIMITED)))
    assert claimed(room, 3) == ["x"], "who has the same key and no rate does not wait for it"
    later(room, 1)
    assert claimed(room, 4) == []
    assert claimed(room, 5, settled=[Settled("x", Move.FINISH)]) == ["b"]


def test_with_a_token_it_waits_for_a_slot_and_takes_no_token(room: Room) -> None:
    push(room, both("a", burst=2), both("b", burst=2), record("c", burst=2))
    assert claimed(room, 1) == ["a", "c"]
    assert waiting(room) == ["b"]
    later(room, 1)
    push(room, record("d", burst=2))
    assert claimed(room, 2) == ["d"], "the token that b could not use"
    assert claimed(room, 3, settled=[Settled("a", Move.FINISH)]) == []
    assert slots(room) == {}
    later(room, 1)
    assert claimed(room, 4) == ["b"]
    assert slots(room) == {"b": 1}


def test_in_a_line_for_a_token_who_has_no_slot_lets_the_next_go_and_keeps_its_place(room: Room) -> None:
    push(room, both("a", burst=2), both("b", burst=2), both("e", burst=2), record("c", burst=2))
    assert claimed(room, 1) == ["a", "c"]
    push(room, both("f", burst=2), record("g", burst=2))
    assert claimed(room, 2) == []
    later(room, 1)
    assert claimed(room, 3) == ["g"], "f waits for a slot now, behind b and e"
    order = []
    for seq, ended in enumerate("abe", 4):
        later(room, 9)
        order += claimed(room, seq, settled=[Settled(ended, Move.FINISH)])
    assert order == ["b", "e", "f"]


def test_a_run_that_goes_back_gives_its_slot_up_while_it_waits_for_a_token(room: Room) -> None:
    push(room, both("a"))
    assert claimed(room, 1) == ["a"]
    room.redis.zadd(room.keys.lease, {"w": 1})
    assert room.recover() == 1
    assert claimed(room, 1, wid="v") == []
    assert slots(room) == {}
    later(room, 1)
    assert claimed(room, 2, wid="v") == ["a"]
    assert slots(room) == {"a": 1}
