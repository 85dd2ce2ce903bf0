"""Is a result stored with the end of its message, only by its owner, for as long as asked, and then gone?"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from onebeat.errors import NoResult, RunCancelled, RunFailed, WaitTimeout
from onebeat.queue import By, Client, Which
from onebeat.queue.control import cancel
from onebeat.queue.cycle import Claims, Settled, kept_value
from onebeat.queue.dead import discard, redrive
from onebeat.queue.liveness import beat
from onebeat.queue.parking import parking
from onebeat.queue.payload import decode_value, encode_value
from onebeat.queue.purge import purge
from onebeat.queue.results import LOOK_AGAIN_S, result, tell
from onebeat.queue.states import Move
from onebeat.wire import Call, Command
from tests.clocks import ToldClock
from tests.drivers import play
from tests.queue.room import FAR_MS, WITHIN_S, Room, record

NOBODY = By("nobody", "")
KEPT = kept_value(FAR_MS, encode_value({"sum": 7}))
WHY = b'{"error": "ValueError: 7: no", "reason": "fatal"}'


def hold(room: Room, *ids: str, ttl_ms: int = FAR_MS) -> None:
    """Worker `w` holds these messages, whose results are wanted."""
    room.put({"lease": {"w": "alive"}, "own": {"w": list(ids)}})
    for id_ in ids:
        room.redis.hset(room.keys.awaited, id_, ttl_ms)


def got(room: Room, id_: str = "a", timeout_s: float = 0.0) -> Any:
    return room.run(result(room.keys, id_, timeout_s, within_s=WITHIN_S))


def left(room: Room) -> dict[str, list[str]]:
    """Whose results are wanted, kept, and until when."""
    keys, redis = room.keys, room.redis
    ids = {
        "awaited": redis.hkeys(keys.awaited),
        "results": redis.hkeys(keys.results),
        "kept": redis.zrange(keys.kept, 0, -1),
    }
    return {name: sorted(id_.decode() for id_ in found) for name, found in ids.items() if found}


def test_it_is_kept_with_the_end_and_read_as_often_as_one_likes(room: Room) -> None:
    hold(room, "a")
    with pytest.raises(WaitTimeout, match="message a of queue q is not over after 0 s"):
        got(room)
    room.cycle(settled=[Settled("a", Move.FINISH, more=KEPT)])
    assert [got(room), got(room)] == [{"sum": 7}] * 2
    assert left(room) == {"results": ["a"], "kept": ["a"]}
    ends_ms = room.redis.zscore(room.keys.kept, "a")
    assert 0 <= room.now_ms() + FAR_MS - ends_ms < 60_000


def test_nothing_is_kept_of_what_nobody_asked_for(room: Room) -> None:
    room.put({"lease": {"w": "alive"}, "own": {"w": ["a", "b live", "c"]}})
    rows = [Settled("a", Move.FINISH), Settled("b", Move.SKIP, event=b"{}"), Settled("c", Move.CANCEL)]
    room.cycle(settled=rows)
    assert left(room) == {}


def test_a_fire_asks_with_its_end(room: Room) -> None:
    """What no client queued says itself for how long."""
    room.put({"lease": {"w": "alive"}, "own": {"w": ["s@1"]}})
    room.cycle(settled=[Settled("s@1", Move.FINISH, more=KEPT)])
    assert got(room, "s@1") == {"sum": 7}


@pytest.mark.parametrize(
    ("move", "kind", "state"),
    [
        (Move.SKIP, RunFailed, "skipped"),
        (Move.EXPIRE, RunFailed, "expired"),
        (Move.CANCEL, RunCancelled, "cancelled"),
    ],
)
def test_another_end_is_told(room: Room, move: Move, kind: type[RunFailed], state: str) -> None:
    hold(room, "a")
    room.cycle(settled=[Settled("a", move)])
    with pytest.raises(kind) as caught:
        got(room)
    assert type(caught.value) is kind
    assert caught.value.state == state
    assert left(room) == {"results": ["a"], "kept": ["a"]}


def test_a_failure_is_the_dead_letter(room: Room) -> None:
    hold(room, "a")
    room.cycle(settled=[Settled("a", Move.BURY, record=record("a"), why=WHY)])
    with pytest.raises(RunFailed, match="message a of queue q failed for good: ValueError: 7: no") as caught:
        got(room)
    told = caught.value
    assert (told.state, told.kind, told.text, told.reason) == ("dead", "ValueError", "7: no", "fatal")
    assert left(room) == {"awaited": ["a"]}


def test_a_redriven_message_is_waited_for_again(room: Room) -> None:
    hold(room, "a")
    room.cycle(settled=[Settled("a", Move.BURY, record=record("a"), why=WHY)])
    room.run(redrive(room.keys, Which(), NOBODY, within_s=WITHIN_S))
    with pytest.raises(WaitTimeout):
        got(room)
    room.cycle(seq=2, want=1)
    room.cycle(seq=3, settled=[Settled("a", Move.FINISH, more=KEPT)])
    assert got(room) == {"sum": 7}


def test_of_a_discarded_letter_nothing_is_left(room: Room) -> None:
    hold(room, "a")
    room.cycle(settled=[Settled("a", Move.BURY, record=record("a"), why=WHY)])
    room.run(discard(room.keys, Which(), NOBODY, within_s=WITHIN_S))
    assert left(room) == {}
    with pytest.raises(NoResult, match="no result of message a of queue q is kept"):
        got(room, timeout_s=60.0)  # and at once: nothing can come


def test_a_former_owner_stores_nothing(room: Room) -> None:
    hold(room, "a")
    room.put({"lease": {"v": "alive"}})
    late = room.cycle("v", settled=[Settled("a", Move.FINISH, more=KEPT)])
    assert late.late == 1
    assert left(room) == {"awaited": ["a"]}


def test_the_same_call_again_stores_it_once(room: Room) -> None:
    hold(room, "a")
    for ttl_ms in (FAR_MS, 1):
        more = kept_value(ttl_ms, encode_value(ttl_ms))
        room.cycle(seq=5, settled=[Settled("a", Move.FINISH, more=more)])
    assert got(room) == FAR_MS


@pytest.mark.parametrize("move", [Move.RETRY, Move.PARK])
def test_what_goes_on_is_waited_for(room: Room, move: Move) -> None:
    hold(room, "a")
    why = parking("l", "all") if move is Move.PARK else b""
    room.cycle(settled=[Settled("a", move, FAR_MS, record("a"), why)])
    assert left(room) == {"awaited": ["a"]}


def test_who_cancels_or_purges_ends_it(room: Room) -> None:
    room.put({"due": {"a": "later", "b": "later"}, "ready": ["c", "d"], "lease": {"w": "alive"}})
    for id_ in "abcd":
        room.redis.hset(room.keys.awaited, id_, FAR_MS)
    assert room.run(cancel(room.keys, ["a", "d"], within_s=WITHIN_S)) == [True, False]
    assert room.cycle(want=1).records == [record("c")]
    room.cycle(seq=2, want=1)  # takes the one that is to be cancelled
    room.run(purge(room.keys, NOBODY, ready=True, delayed=True, within_s=WITHIN_S))
    assert left(room) == {"awaited": ["c"], "results": ["a", "b", "d"], "kept": ["a", "b", "d"]}
    for id_ in "abd":
        with pytest.raises(RunCancelled, match="was cancelled"):
            got(room, id_)


def test_who_gives_way_to_a_younger_one_ends(room: Room) -> None:
    hold(room, "a @1", "b @2")
    room.redis.delete(room.keys.awaited)
    room.redis.hset(room.keys.awaited, "a", f"{FAR_MS}w")
    rows = [Settled(id_, Move.PARK, FAR_MS, record(text), parking("l", "last")) for id_, text in PARKED]
    assert room.cycle(settled=rows).waited == ["a"]
    with pytest.raises(RunFailed, match="message a of queue q is skipped"):
        got(room)


PARKED = (("a", "a @1"), ("b", "b @2"))


def test_its_time_is_over(room: Room) -> None:
    hold(room, "a", "b", "c", ttl_ms=1)
    more = kept_value(1, encode_value(1))
    room.cycle(settled=[Settled("a", Move.FINISH, more=more), Settled("b", Move.FINISH, more=more)])
    while room.now_ms() <= room.redis.zscore(room.keys.kept, "a"):
        pass
    with pytest.raises(NoResult, match="kept long enough"):
        got(room)
    room.redis.hset(room.keys.awaited, "c", FAR_MS)
    room.cycle(seq=2, settled=[Settled("c", Move.FINISH, more=KEPT)])  # where results come old ones go
    assert left(room) == {"results": ["c"], "kept": ["c"]}


def test_a_sign_of_life_takes_old_ones_away(room: Room) -> None:
    room.redis.hset(room.keys.results, mapping={"a": "done", "b": "done"})
    room.redis.zadd(room.keys.kept, {"a": 1, "b": room.now_ms() + FAR_MS})
    room.run(beat(room.keys, ["w"], lease_ms=9, join=True, within_s=WITHIN_S))
    assert left(room) == {"results": ["b"], "kept": ["b"]}


def test_a_worker_that_keeps_nothing_leaves_nobody_waiting(room: Room) -> None:
    """It runs an older release, or the ledger knew only that the effect is there."""
    hold(room, "a", "b")
    told = room.cycle(settled=[Settled("a", Move.FINISH), Settled("b", Move.FINISH, more=kept_value(9, b""))])
    assert told.waited == []
    for id_ in "ab":
        with pytest.raises(NoResult, match="is done and its result is not kept"):
            got(room, id_)


@pytest.mark.parametrize("move", [Move.FINISH, Move.CANCEL, Move.BURY])
def test_only_who_waits_is_told(room: Room, move: Move) -> None:
    hold(room, "a", "b")
    with pytest.raises(WaitTimeout):
        got(room, "a", 0.01)
    rows = [Settled(id_, move, record=record(id_), why=WHY, more=b"") for id_ in "ab"]
    claims: Claims = room.cycle(settled=rows)
    assert claims.waited == ["a"]


def test_who_waits_is_woken(room: Room) -> None:
    hold(room, "a")
    found: list[Any] = []
    client = Client(room.store)
    waiters = [
        threading.Thread(target=lambda: found.append(client.result("a", "q", timeout=90))) for _ in range(3)
    ]
    for one in waiters:
        one.start()
    while not room.redis.hget(room.keys.awaited, "a").endswith(b"w"):
        pass
    claims = room.cycle(settled=[Settled("a", Move.FINISH, more=KEPT)])
    room.run(tell(room.keys, claims.waited, within_s=WITHIN_S))
    for one in waiters:
        one.join()
    assert found == [{"sum": 7}] * 3


def test_a_wait_asks_once_in_a_while_and_ends(room: Room) -> None:
    """Two commands for each look; a look after the last block."""
    clock = ToldClock(mono_s=5.0)

    def slept(effect: Command) -> None:
        assert effect.words[:4] == ("XREAD", "COUNT", 1, "BLOCK")
        assert effect.words[-2:] == (room.keys.told("a"), 999)
        clock.advance(effect.words[4] / 1000)

    pending = [b"pending", b"1000"]
    waiting = result(room.keys, "a", 2.5, within_s=WITHIN_S, clock=clock)
    with pytest.raises(WaitTimeout, match=r"after 2\.5 s"):
        play(waiting, [pending, slept] * 3 + [pending])
    assert clock.mono_s() == 7.5
    endless = result(room.keys, "a", None, within_s=WITHIN_S, clock=clock)
    told, effects = play(endless, [pending, slept] * 9 + [[b"done", encode_value(None)]])
    assert told is None
    assert len([one for one in effects if isinstance(one, Call)]) == 10
    assert {one.block_s for one in effects if isinstance(one, Command)} == {LOOK_AGAIN_S}


def test_an_old_bell_is_not_heard_again(room: Room) -> None:
    """Else who waits for a redriven message would ask without a pause for as long as the bell is there."""
    hold(room, "a")
    room.run(tell(room.keys, ["a"], within_s=WITHIN_S))
    while (
        room.redis.xinfo_stream(room.keys.told("a"))["last-generated-id"] >= f"{room.now_ms() - 1}".encode()
    ):
        pass
    before = room.redis.info("commandstats")["cmdstat_xread"]["calls"] if _read_before(room) else 0
    with pytest.raises(WaitTimeout):
        got(room, "a", 0.05)
    assert room.redis.info("commandstats")["cmdstat_xread"]["calls"] == before + 1


def _read_before(room: Room) -> bool:
    return "cmdstat_xread" in room.redis.info("commandstats")


@pytest.mark.parametrize(
    "value", [None, 0, "", [], {"a": [1, 2.5, "é", None, b"x"]}, "x" * 100_000, -(1 << 63)]
)
def test_a_value_comes_back(room: Room, value: Any) -> None:
    assert decode_value(encode_value(value)) == value
    hold(room, "a")
    room.cycle(settled=[Settled("a", Move.FINISH, more=kept_value(FAR_MS, encode_value(value)))])
    assert got(room) == value
