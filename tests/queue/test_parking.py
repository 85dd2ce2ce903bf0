"""Does a message wait for a lock in the queue, in its turn, and leave no trace however it goes on?"""

from __future__ import annotations

from onebeat.queue.control import cancel
from onebeat.queue.cycle import Settled
from onebeat.queue.emission import emit
from onebeat.queue.parking import parking, wake, wake_if_free
from onebeat.queue.states import Move
from tests.queue.room import FAR_MS, WITHIN_S, Room, record, told
from tests.queue.test_emit import AT, fire
from tests.queue.test_unique import FIELD, held, mark

LOCK = "report:1"


def park(room: Room, *words: str, keep: str = "all", delay_ms: int = FAR_MS, seq: int = 1) -> None:
    """Worker `w` holds these messages and parks them, one after the other."""
    room.put({"lease": {"w": "alive"}, "own": {"w": list(words)}})
    rows = []
    for text in words:
        id_ = text.split()[0]
        counted = id_.rpartition("@")[0] if "live" in text else ""
        rows.append(
            Settled(id_, Move.PARK, delay_ms, record(text), parking(LOCK, keep), counted=counted, lock=LOCK)
        )
    assert room.cycle(seq=seq, settled=rows).late == 0


def parked(room: Room) -> list[str]:
    """Who waits for the lock, in the order of their turns."""
    members = [one.decode() for one in room.redis.zrange(room.keys.parked, 0, -1)]
    ids = [one.split()[-1] for one in members]
    of = {k.decode(): v.decode() for k, v in room.redis.hgetall(room.keys.parkedof).items()}
    assert of == dict(zip(ids, members, strict=True))
    return ids


def woken(room: Room, lock: str = LOCK) -> str:
    id_: str = room.run(wake(room.keys, lock, within_s=WITHIN_S))
    return id_


def test_they_have_their_turns_by_age(room: Room) -> None:
    park(room, "b @2", "c @300", "a @1 t2")
    assert parked(room) == ["a", "b", "c"]
    room.put({"ready": ["z"]})
    assert woken(room, "another lock") == ""
    assert woken(room) == "a"
    assert room.look()["ready"] == ["a t2 @1", "z"]  # no attempt was counted, and it goes first
    assert parked(room) == ["b", "c"]
    assert set(room.look()["due"]) == {"b @2", "c @300"}
    assert [woken(room), woken(room), woken(room)] == ["b", "c", ""]


def test_only_the_first_looks_as_often_as_the_lease_ends(room: Room) -> None:
    began_ms = room.now_ms()
    park(room, *(f"m{n} @{n + 1}" for n in range(6)), delay_ms=100_000)
    waits = [round((room.redis.zscore(room.keys.due, f"m{n}") - began_ms) / 100_000) for n in range(6)]
    assert waits == [1, 2, 3, 4, 4, 4]


def test_it_looks_again_by_itself(room: Room) -> None:
    park(room, "a", delay_ms=0)
    assert told(room.cycle(seq=2, want=1).records) == ["a"]
    assert parked(room) == []


def test_it_can_be_cancelled_and_cut_off(room: Room) -> None:
    park(room, "a", "b")
    assert room.run(cancel(room.keys, ["a"], within_s=WITHIN_S)) == [True]
    assert parked(room) == ["b"]
    room.put({**AT, "live": {"s": 1}})
    park(room, "s@100 live", seq=2)
    room.run(emit(room.keys, "cfg", [fire(overlap="cancel-running")], within_s=WITHIN_S))
    assert parked(room) == ["b"]
    assert woken(room) == "b"


def test_of_the_last_the_older_ones_give_way(room: Room) -> None:
    room.put({"live": {"s": 2}})
    mark(room, "s@100")
    park(room, "s@100 live @1", "a @3", keep="last")
    assert parked(room) == ["a"]
    assert room.log()[-1] == {"event": "ended", "id": "s@100", "state": "skipped", "reason": "superseded"}
    assert held(room) is None, f"{FIELD} is free"
    park(room, "b @2", keep="last", seq=2)
    assert parked(room) == ["a"]
    assert room.log()[-1] == {"event": "ended", "id": "b", "state": "skipped", "reason": "superseded"}
    look = room.look()
    assert (look["live"], list(look["due"])) == ({"s": 1}, ["a @3"])
    assert look["stats"] == {"supersede": 2, "park": 2}


def test_a_lock_that_became_free_meanwhile_wakes_at_once(room: Room) -> None:
    park(room, "a", "b")
    look = wake_if_free(room.keys, room.store.namespace, LOCK, within_s=WITHIN_S)
    owner = f"ob:{{{room.store.namespace}:lock:{LOCK}}}:owner"
    room.redis.set(owner, "token", px=60_000)
    assert room.run(look) == ""
    room.redis.delete(owner)
    assert room.run(wake_if_free(room.keys, room.store.namespace, LOCK, within_s=WITHIN_S)) == "a"
    assert parked(room) == ["b"]
