"""Does what follows an end follow it once, in the same step or by a note that may be relayed twice?"""

from __future__ import annotations

from base64 import b64decode, b64encode

import msgspec
import pytest

from onebeat.errors import StoreError
from onebeat.queue.cycle import After, Settled
from onebeat.queue.enqueue import Lanes
from onebeat.queue.following import GROUP_TTL_MS, Note, after, gather, relay
from onebeat.queue.record import Chain, Group, Header, Link, Message, pack, unpack
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.queue.states import Move
from onebeat.wire import Command, Store
from tests.drivers import play
from tests.queue.room import FAR_MS, WITHIN_S, Room, message, record

NEXT = After(record("c.1"), FAR_MS)
MEMBER = After(group="g")


def open_group(room: Room, total: int, group: str = "g", then: str | None = "g.then") -> None:
    follower = None if then is None else message(then)
    room.run(gather(room.keys, group, total, follower, NO_KEYS, within_s=WITHIN_S))


def hold(room: Room, *ids: str) -> None:
    room.put({"lease": {"w": "alive"}, "own": {"w": list(ids)}})


def finish(
    room: Room, id_: str, then: After, *, wid: str = "w", seq: int = 1, move: Move = Move.FINISH
) -> None:
    room.cycle(
        wid, seq=seq, settled=[Settled(id_, move, FAR_MS, record(id_), b'{"reason": "x"}', after=then)]
    )


def ready(room: Room) -> list[str]:
    found: list[str] = room.look().get("ready", [])
    return found


def relayed(room: Room, lanes: Lanes | None = None) -> int:
    count: int = room.run(relay(room.keys, room.store.namespace, lanes or Lanes(), within_s=WITHIN_S))
    return count


# -- a chain -----------------------------------------------------------------------------------------


def test_the_next_call_is_queued_with_the_end(room: Room) -> None:
    hold(room, "c.0")
    finish(room, "c.0", NEXT)
    assert ready(room) == ["c.1"]
    assert room.redis.hgetall(room.keys.awaited) == {b"c.1": str(FAR_MS).encode()}
    assert room.look()["bell"]
    assert room.look()["stats"] == {"enqueued": 1, "finish": 1}


@pytest.mark.parametrize("move", [Move.RETRY, Move.BURY, Move.SKIP, Move.CANCEL])
def test_nothing_follows_another_end(room: Room, move: Move) -> None:
    hold(room, "c.0", "m")
    open_group(room, 1)
    finish(room, "c.0", NEXT, move=move)
    finish(room, "m", MEMBER, seq=2, move=move)
    assert ready(room) == []


def test_nothing_follows_twice(room: Room) -> None:
    """Neither the same call again, nor the call of a former owner."""
    hold(room, "c.0")
    room.put({"lease": {"v": "alive"}})
    finish(room, "c.0", NEXT, wid="v")
    assert ready(room) == []
    finish(room, "c.0", NEXT)
    finish(room, "c.0", NEXT)
    finish(room, "c.0", NEXT, wid="v", seq=2)
    assert ready(room) == ["c.1"]


# -- a group -----------------------------------------------------------------------------------------


def test_the_last_member_queues_what_follows(room: Room) -> None:
    hold(room, "a", "b", "c")
    open_group(room, 3)
    for seq, id_ in enumerate("abc", 1):
        assert ready(room) == []
        finish(room, id_, MEMBER, seq=seq)
    assert ready(room) == ["g.then"]
    assert not room.redis.exists(room.keys.members("g"), room.keys.groups)


def test_members_are_a_set(room: Room) -> None:
    """One that was claimed again after the store went back counts once."""
    open_group(room, 2)
    for seq in (1, 2, 3):
        hold(room, "a")
        finish(room, "a", MEMBER, seq=seq)
    assert ready(room) == []


def test_several_groups_in_one_call(room: Room) -> None:
    hold(room, "a", "b", "c", "d")
    open_group(room, 2, "g", "g.then")
    open_group(room, 2, "h", "h.then")
    rows = [
        Settled(id_, Move.FINISH, after=After(group=name)) for id_, name in zip("abcd", "ghgh", strict=True)
    ]
    room.cycle(settled=rows)
    assert ready(room) == ["g.then", "h.then"]


def test_a_group_that_is_not_known_is_no_trouble(room: Room) -> None:
    """It was forgotten, or it is complete and this member comes again."""
    hold(room, "a")
    finish(room, "a", MEMBER)
    assert ready(room) == []
    assert not room.redis.exists(room.keys.members("g"))


def test_a_group_without_a_call_after_it_ends(room: Room) -> None:
    hold(room, "a")
    open_group(room, 1, then=None)
    finish(room, "a", MEMBER)
    assert ready(room) == []
    assert not room.redis.exists(room.keys.members("g"), room.keys.groups)


def test_a_group_begins_once_and_is_forgotten_at_last(room: Room) -> None:
    hold(room, "a")
    room.redis.zadd(room.keys.groups, {"old": room.now_ms() - GROUP_TTL_MS - 1})
    open_group(room, 2)
    finish(room, "a", MEMBER)
    open_group(room, 2)  # a lost reply
    assert room.redis.hget(room.keys.members("g"), "a") == b"1"
    assert [name.decode() for name in room.redis.zrange(room.keys.groups, 0, -1)] == ["g"]
    assert 0 < room.redis.pttl(room.keys.members("g")) <= GROUP_TTL_MS


# -- another queue -----------------------------------------------------------------------------------


@pytest.fixture
def other(store: Store) -> Room:
    return Room(store, "other")


def note(room: Room, id_: str, told: Note) -> None:
    hold(room, id_)
    room.redis.hdel(room.keys.own("w"), "#")
    finish(room, id_, After(note=msgspec.msgpack.encode(told)))


def test_a_note_is_left_and_relayed(room: Room, other: Room) -> None:
    open_group(other, 1)
    note(room, "a", Note("other", group="g", member="a"))
    note(room, "c.0", Note("other", record("c.1")))
    assert (ready(room), ready(other)) == ([], [])
    assert room.cycle(seq=2).relays
    assert relayed(room) == 2
    assert sorted(ready(other)) == ["c.1", "g.then"]
    assert not room.cycle(seq=3).relays
    assert not room.redis.exists(room.keys.outbox)


def relay_and_die(room: Room) -> None:
    """The other queue is told, and the note is still there."""
    relaying = relay(room.keys, room.store.namespace, Lanes(), within_s=WITHIN_S)
    effect = next(relaying)
    while not (isinstance(effect, Command) and effect.words[0] == "HDEL"):
        effect = relaying.send(room.store.perform(effect))
    relaying.close()


def test_who_dies_after_the_relay_relays_it_again(room: Room, other: Room) -> None:
    open_group(other, 2)
    for id_, told in (("a", Note("other", group="g", member="a")), ("c.0", Note("other", record("c.1")))):
        note(room, id_, told)
        relay_and_die(room)
        if told.record:
            other.cycle_joined("x", want=9)  # it may even run meanwhile
        assert relayed(room) == 1
    assert ready(other) == []
    assert room.redis.hlen(other.keys.members("g")) == 3
    assert other.look()["own"] == {"x": ["c.1"]}


def test_two_relay_at_once(room: Room, other: Room) -> None:
    note(room, "c.0", Note("other", record("c.1")))
    for lanes in (Lanes(), Lanes()):
        entries = room.redis.hgetall(room.keys.outbox)
        relayed(room, lanes)
        room.redis.hset(room.keys.outbox, mapping=entries)
    assert ready(other) == ["c.1"]


def test_foreign_bytes_hold_nothing_up(room: Room, other: Room) -> None:
    room.redis.hset(
        room.keys.outbox, mapping={"x": b"\xff", "y": msgspec.msgpack.encode(Note("other", b"no"))}
    )
    note(room, "c.0", Note("other", record("c.1")))
    assert relayed(room) == 3
    assert ready(other) == ["c.1"]


def test_a_note_stays_when_the_other_queue_does_not_answer(room: Room) -> None:
    told = msgspec.msgpack.encode(Note("other", record("c.1")))
    gone = StoreError("gone")
    with pytest.raises(StoreError):
        play(
            relay(room.keys, room.store.namespace, Lanes(), within_s=WITHIN_S), [[b"0", [b"c.0", told]], gone]
        )


# -- what a worker says ------------------------------------------------------------------------------

LINKS = (
    Link("q", Header("m:b", result_ttl_ms=9), b64encode(b"\x92\x91\x07\x80").decode(), 2, 1),
    Link("other", Header("m:c"), b64encode(b"\x92\x90\x80").decode()),
)


def said(room: Room, header: Header, value: bytes = b"\x05", ring: KeyRing = NO_KEYS) -> After:
    return after(Message("c.0", header, b""), value, room.keys, room.store.namespace, ring, 77)


def test_the_next_message(room: Room) -> None:
    headers = {"trace": "t"}
    told = said(room, Header("m:a", headers=headers, chain=Chain("c", 1, LINKS, passes=True)))
    found = unpack(told.record)
    assert (found.id, found.priority, found.flags, found.enqueued_ms, told.keep_ms) == ("c.1", 2, 1, 77, 9)
    assert found.header.chain == Chain("c", 2, LINKS[1:], passes=True)
    assert (found.header.headers, found.header.result_ttl_ms) == (headers, 9)
    assert found.body == b"\x92\x92\x05\x07\x80"  # what was returned comes first
    last = said(room, Header("m:b", chain=Chain("c", 2, LINKS[1:])))
    there = msgspec.msgpack.decode(last.note, type=Note)
    assert (last.record, there.queue) == (b"", "other")
    assert unpack(there.record).header == Header("m:c")
    assert unpack(there.record).body == b64decode(LINKS[1].body)


def test_what_follows_is_signed_for_its_queue(room: Room, other: Room) -> None:
    ring = KeyRing((b"k" * 32,))
    here = said(room, Header("m:a", chain=Chain("c", 1, LINKS)), ring=ring)
    ring.check(room.keys.prefix, here.record)
    there = said(room, Header("m:a", chain=Chain("c", 2, LINKS[1:])), ring=ring)
    record_ = msgspec.msgpack.decode(there.note, type=Note).record
    ring.check(other.keys.prefix, record_)
    note(room, "c.0", Note("other", record_))
    relayed(room)
    ring.check(other.keys.prefix, room.redis.lindex(other.keys.ready[0], 0))


def test_a_member_is_counted_where_its_group_is(room: Room) -> None:
    assert said(room, Header("m:a", group=Group("g", "q"))) == After(group="g")
    there = said(room, Header("m:a", group=Group("g", "other")))
    assert msgspec.msgpack.decode(there.note, type=Note) == Note("other", group="g", member="c.0")


def test_a_plain_call_costs_nothing(room: Room) -> None:
    assert pack(message("a")) == pack(Message("a", Header("t"), b"\x92\x90\x80"))
    assert Settled("a", Move.FINISH).smooth


def test_scripts_can_read_the_header_of_a_chain(room: Room) -> None:
    """The server's msgpack knows no bytes: with one in it a limit of its key would not be seen."""
    header = Header("m:a", chain=Chain("c", 1, LINKS), group=Group("g", "q"))
    stored = pack(Message("c.0", header, b""))
    script = "return cmsgpack.unpack(string.sub(ARGV[1], 18)).t"
    assert room.redis.eval(script, 0, stored) == b"m:a"
