"""Do so many messages of one key run at once, in order, and does a slot follow every end at once?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onebeat.queue import By, Client
from onebeat.queue.control import cancel
from onebeat.queue.cycle import Settled
from onebeat.queue.parking import parking
from onebeat.queue.record import LIMITED, RECORDED, BoundsHead, ConcurrencyHead, Header, Message, pack, unpack
from onebeat.queue.states import MOVES, Move
from onebeat.queue.states import State as Life
from tests.queue.room import WITHIN_S, Room

BODY = b"\x92\x90\x80"
SETTLED = sorted(move for move, (source, _) in MOVES.items() if source is Life.CLAIMED)


def record(id_: str, key: str = "k", limit: int = 1, priority: int = 0, flags: int = 0) -> bytes:
    head = Header("t", bounds=BoundsHead(ConcurrencyHead(key, limit)))
    return pack(Message(id_, head, BODY, flags=LIMITED | flags, priority=priority))


def push(room: Room, *records: bytes) -> None:
    for one in records:
        room.redis.rpush(room.keys.ready[one[4]], one)


def claimed(
    room: Room, seq: int, want: int = 9, settled: Sequence[Settled] = (), wid: str = "w"
) -> list[str]:
    return [unpack(one).id for one in room.cycle(wid, seq, want, settled).records]


def slots(room: Room) -> dict[str, int]:
    """Who has a slot, by message; the counts agree with it."""
    told = {name.decode(): value.decode() for name, value in room.redis.hgetall(room.keys.slots).items()}
    counts = {name: int(value) for name, value in told.items() if name.startswith("/")}
    held = [value for name, value in told.items() if not name.startswith("/")]
    assert counts == {key: held.count(key) for key in set(held)}
    return {name: counts[value] for name, value in told.items() if not name.startswith("/")}


def waiting(room: Room) -> list[str]:
    """Who waits, in order; the four places of it agree."""
    ids = [member.decode().split()[-1] for member in room.redis.zrange(room.keys.parked, 0, -1)]
    for seen in (room.redis.hkeys(room.keys.parkedof), room.redis.zrange(room.keys.due, 0, -1)):
        assert sorted(one.decode() for one in seen) == sorted(ids)
    assert sorted(one.decode() for one in room.redis.hkeys(room.keys.duerec)) == sorted(ids)
    return ids


@pytest.fixture(autouse=True)
def alive(room: Room) -> None:
    room.put({"lease": {"w": "alive", "v": "alive"}})


def test_so_many_of_a_key_and_the_others_wait_in_order(room: Room) -> None:
    push(room, *(record(id_, limit=2) for id_ in "dcba"))
    assert claimed(room, 1) == ["d", "c"]
    assert waiting(room) == ["b", "a"]
    assert claimed(room, 1, wid="v") == []
    assert claimed(room, 2, settled=[Settled("c", Move.FINISH)]) == ["b"]
    assert claimed(room, 3, settled=[Settled("d", Move.FINISH)]) == ["a"]
    assert slots(room) == {"a": 2, "b": 2}
    assert claimed(room, 4, settled=[Settled("a", Move.FINISH), Settled("b", Move.FINISH)]) == []
    assert not room.redis.exists(room.keys.slots, room.keys.parked, room.keys.parkedof, room.keys.duerec)


def test_other_keys_and_messages_without_one_go_past_those_that_wait(room: Room) -> None:
    """Also in one call: a worker gets as much as it wants, however many are held back before it."""
    many = [record(f"a{n:03}") for n in range(200)]
    push(room, *many, record("b", key="other"), pack(Message("c", Header("t"), BODY)))
    assert claimed(room, 1, want=3) == ["a000", "b", "c"]
    assert len(waiting(room)) == 199
    assert room.redis.llen(room.keys.ready[0]) == 0


def test_a_call_looks_at_so_many_and_the_bell_tells_of_the_rest(room: Room) -> None:
    push(room, *(record(f"a{n:03}") for n in range(300)), pack(Message("c", Header("t"), BODY)))
    assert claimed(room, 1, want=3) == ["a000"]
    assert room.redis.exists(room.keys.bell)
    assert claimed(room, 2, want=3) == ["c"]


def test_priority_goes_before_age_in_the_line_of_a_key(room: Room) -> None:
    push(room, record("a"), record("low", priority=2), record("mid", priority=1))
    assert claimed(room, 1) == ["a"]
    push(room, record("first"), record("second"))
    assert claimed(room, 2) == []
    assert waiting(room) == ["first", "second", "mid", "low"]


@pytest.mark.parametrize("move", SETTLED)
def test_every_end_of_a_run_gives_its_slot_to_the_next(room: Room, move: Move) -> None:
    push(room, record("a"), record("b"))
    assert claimed(room, 1) == ["a"]
    if move is Move.RECOVER:
        room.redis.zadd(room.keys.lease, {"w": 1})
        assert room.recover(deliveries_max=1) == 1
        assert claimed(room, 1, wid="v") == ["b"]
        return
    why = parking("lock", "all") if move is Move.PARK else b"{}"
    end = Settled("a", move, 60_000, record("a"), why)
    found = claimed(room, 2, settled=[end])
    assert found == (["a"] if move is Move.RELEASE else ["b"])


def test_what_goes_back_keeps_its_slot_and_is_first(room: Room) -> None:
    """From a worker that died and from one that gives it back: nothing of its key overtakes it."""
    push(room, record("a"), record("b"))
    assert claimed(room, 1) == ["a"]
    room.release("w", ["a"])
    assert claimed(room, 1, wid="v") == ["a"]
    room.redis.zadd(room.keys.lease, {"v": 1})
    assert room.recover("v") == 1
    assert slots(room) == {"a": 1}
    assert claimed(room, 2) == ["a"]
    assert claimed(room, 3, settled=[Settled("a", Move.FINISH)]) == ["b"]


def test_what_is_purged_or_cancelled_leaves_its_slot_and_its_line(room: Room) -> None:
    push(room, *map(record, "abcd"))
    assert claimed(room, 1) == ["a"]
    room.release("w", ["a"])  # in a list, with its slot
    room.run(cancel(room.keys, ["b"], within_s=WITHIN_S))
    assert waiting(room) == ["c", "d"]
    Client(room.store).queue("q").purge(By(), delayed=False)
    assert slots(room) == {}
    assert claimed(room, 2) == ["c"]
    room.release("w", ["c"])
    room.run(cancel(room.keys, ["c"], within_s=WITHIN_S))
    assert claimed(room, 3) == []
    assert claimed(room, 4) == ["d"]


def test_a_late_outcome_frees_nothing(room: Room) -> None:
    push(room, record("a"), record("b"))
    assert claimed(room, 1) == ["a"]
    assert claimed(room, 1, wid="v", settled=[Settled("a", Move.FINISH)]) == []
    assert slots(room) == {"a": 1}


def test_a_repeated_call_takes_no_second_slot(room: Room) -> None:
    push(room, *(record(id_, limit=2) for id_ in "abc"))
    assert claimed(room, 1) == claimed(room, 1) == ["a", "b"]
    assert slots(room) == {"a": 2, "b": 2}


def test_who_waits_looks_by_itself_if_nobody_woke_it(room: Room) -> None:
    """As after a bug, or a person's hand in the store: no line stands still for ever."""
    push(room, *map(record, "abc"))
    assert claimed(room, 1) == ["a"]
    room.redis.delete(room.keys.slots)
    assert claimed(room, 2) == []
    room.redis.zadd(room.keys.due, {"c": 1})
    assert claimed(room, 3) == ["b"]
    assert waiting(room) == ["c"]


def test_each_begins_when_fewer_than_its_own_limit_run(room: Room) -> None:
    """After a deploy that raises a limit the new ones still wait for those before them."""
    push(room, record("a"), record("b"), *(record(id_, limit=3) for id_ in "cde"))
    assert claimed(room, 1) == ["a"]
    assert claimed(room, 2, settled=[Settled("a", Move.FINISH)]) == ["b", "c", "d"]
    assert claimed(room, 3, settled=[Settled("c", Move.FINISH)]) == ["e"]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        b"\x80",
        b"\x81\xa1c\x07",
        b"\x81\xa1c\x92\x07\xa1x",
        b"\x81\xa1c\x91\x92\x07\xa1x",
        b"\x81\xa1c\x91\x90",
    ],
)
def test_foreign_bytes_with_the_flag_are_claimed(room: Room, header: bytes) -> None:
    """The worker that reads them buries them; a script that fails would stop everybody."""
    foreign = b"\x01\x08\x00\x00\x00" + bytes(6) + b"\x01" + len(header).to_bytes(2, "big") + b"x" + header
    room.redis.rpush(room.keys.ready[0], foreign, b"\x01\x08", b"\x01\x08" + bytes(20))
    assert len(room.cycle("w", 1, 9).records) == 3


def test_the_history_tells_that_a_recorded_message_waits(room: Room) -> None:
    push(room, record("a", flags=RECORDED), record("b", flags=RECORDED), record("c"))
    claimed(room, 1)
    assert [line["event"] for line in room.log()] == ["claimed", "parked"]
    assert room.log()[1]["reason"] == "concurrency"
    assert room.look()["stats"] == {"hold": 2}
