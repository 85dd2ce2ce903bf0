"""Who is alive, who is dead, and who hears the bell?"""

from __future__ import annotations

import threading

from onebeat.queue.liveness import Pulse, beat, bell_of
from tests.queue.room import FAR_MS, WITHIN_S, Room, State, record

OVER: State = {"lease": {"w": "over"}}


def pulse(room: Room, *wids: str, join: bool = False, lease_ms: int = FAR_MS) -> Pulse:
    found: Pulse = room.run(beat(room.keys, wids, lease_ms=lease_ms, join=join, within_s=WITHIN_S))
    return found


def test_join_creates_and_a_beat_renews(room: Room) -> None:
    assert pulse(room, "w", "v", join=True, lease_ms=70_000).fenced == frozenset()
    before = room.now_ms()
    found = pulse(room, "w", lease_ms=90_000)
    assert (found.fenced, found.dead) == (frozenset(), ())
    assert before <= found.now_ms <= room.now_ms()
    assert before + 90_000 <= room.redis.zscore(room.keys.lease, "w") <= room.now_ms() + 90_000
    assert room.redis.zscore(room.keys.lease, "v") <= room.now_ms() + 70_000


def test_a_beat_never_creates_a_lease(room: Room) -> None:
    """A worker that was declared dead must learn of it, not come back to life."""
    room.put({"lease": {"v": "alive"}})
    assert pulse(room, "w", "v", "x").fenced == {"w", "x"}
    assert room.look() == {"lease": {"v": "alive"}}


def test_a_beat_revives_what_nobody_took(room: Room) -> None:
    room.put(OVER)
    found = pulse(room, "w")
    assert (found.fenced, found.dead) == (frozenset(), ())


def test_a_beat_tells_the_dead(room: Room) -> None:
    room.put({"lease": {"w": "alive", "x": "over", "y": "over"}})
    assert sorted(pulse(room, "w").dead) == ["x", "y"]
    assert room.look()["lease"] == {"w": "alive", "x": "over", "y": "over"}


def test_a_beat_tells_at_most_16_dead(room: Room) -> None:
    room.put({"lease": {f"x{n}": "over" for n in range(40)}})
    assert len(pulse(room, "w", join=True).dead) == 16


# -- the bell ----------------------------------------------------------------------------------------


def test_a_bell_wakes_a_listener_and_is_used_up(room: Room) -> None:
    other = Room(room.store, "other")
    heard: list[object] = []
    thread = threading.Thread(
        target=lambda: heard.append(room.store.perform(bell_of(other.keys, block_s=90)))
    )
    thread.start()
    other.put({"lease": {"w": "over"}, "own": {"w": ["a"]}})
    other.recover()
    thread.join(90)
    assert [bool(answer) for answer in heard] == [True]
    assert "bell" not in other.look()


def test_a_listener_hears_a_bell_that_rang_before(room: Room) -> None:
    room.put({"own": {"w": ["a"]}})
    room.release(ids=["a"])
    assert room.store.perform(bell_of(room.keys, block_s=90))
    assert room.redis.lrange(room.keys.ready[0], 0, -1) == [record("a")]


def test_a_listener_gives_up(room: Room) -> None:
    assert room.store.perform(bell_of(room.keys, block_s=0.01)) is None
