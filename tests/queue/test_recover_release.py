"""Do messages of a dead worker run again, those of a living one never, and in which order?"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from onebeat.queue.liveness import beat
from tests.queue.room import FAR_MS, WITHIN_S, Room, State, then

OVER: State = {"lease": {"w": "over"}}
TWO: State = {"own": {"w": ["a @1", "b @2"]}, "seq": {"w": 4}}

# name: before, (gone, deliveries_max), answer, what changed
RECOVERED: dict[str, tuple[State, tuple[bool, int], int | None, dict[str, Any]]] = {
    "a living worker keeps what it has": (
        {**TWO, "lease": {"w": "alive"}},
        (False, 5),
        None,
        {},
    ),
    "a worker whose process was seen to end": (
        {**TWO, "lease": {"w": "alive"}},
        (True, 5),
        2,
        {
            "ready": ["a d1 @1", "b d1 @2"],
            "own": {},
            "seq": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 2, "bury": 0},
            "log": ["recovered b", "recovered a"],
        },
    ),
    "a worker whose lease is over": (
        {**OVER, **TWO, "ready": ["z @9"]},
        (False, 5),
        2,
        {
            "ready": ["a d1 @1", "b d1 @2", "z @9"],
            "own": {},
            "seq": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 2, "bury": 0},
            "log": ["recovered b", "recovered a"],
        },
    ),
    "a worker that held nothing": (OVER, (False, 5), 0, {"lease": {}}),
    "a worker that had cycled and held nothing": (
        {**OVER, "seq": {"w": 9}},
        (False, 5),
        0,
        {"lease": {}, "seq": {}},
    ),
    "a worker that was recovered before": ({}, (False, 5), 0, {}),
    "each to the front of its priority": (
        {**OVER, "own": {"w": ["a p2 @1", "b @2", "c p2 @0"]}, "ready": ["y", "z p2"]},
        (False, 5),
        3,
        {
            "ready": ["b d1 @2", "y", "c p2 d1", "a p2 d1 @1", "z p2"],
            "own": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 3, "bury": 0},
            "log": ["recovered b", "recovered a", "recovered c"],
        },
    ),
    "one delivery below the most": (
        {**OVER, "own": {"w": ["s@1 d3 live"]}, "live": {"s": 1}},
        (False, 5),
        1,
        {
            "ready": ["s@1 d4 live"],
            "own": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 1, "bury": 0},
            "log": ["recovered s@1"],
        },
    ),
    "too many deliveries: buried and no longer counted": (
        {**OVER, "own": {"w": ["s@1 d4 live"]}, "live": {"s": 1}},
        (False, 5),
        1,
        {
            "dead": {"s@1 d5 live": "deliveries"},
            "own": {},
            "lease": {},
            "live": {},
            "fails": {"s": 1},
            "bell": True,
            "stats": {"recovered": 0, "bury": 1},
            "log": ["ended s@1"],
        },
    ),
    "buried, one of two counted": (
        {**OVER, "own": {"w": ["s@1 d4 live"]}, "live": {"s": 2}},
        (False, 5),
        1,
        {
            "dead": {"s@1 d5 live": "deliveries"},
            "own": {},
            "lease": {},
            "live": {"s": 1},
            "fails": {"s": 1},
            "bell": True,
            "stats": {"recovered": 0, "bury": 1},
            "log": ["ended s@1"],
        },
    ),
    "buried, never counted": (
        {**OVER, "own": {"w": ["s@1"]}, "live": {"s": 2}},
        (False, 1),
        1,
        {
            "dead": {"s@1 d1": "deliveries"},
            "own": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 0, "bury": 1},
            "log": ["ended s@1"],
        },
    ),
    "deliveries stop at 255": (
        {**OVER, "own": {"w": ["a d255"]}},
        (False, 256),
        1,
        {
            "ready": ["a d255"],
            "own": {},
            "lease": {},
            "bell": True,
            "stats": {"recovered": 1, "bury": 0},
            "log": ["recovered a"],
        },
    ),
    "another worker's are not touched": (
        {"lease": {"w": "over", "v": "over"}, "own": {"w": ["a"], "v": ["b"]}, "seq": {"v": 1}},
        (False, 5),
        1,
        {
            "ready": ["a d1"],
            "own": {"v": ["b"]},
            "lease": {"v": "over"},
            "bell": True,
            "stats": {"recovered": 1, "bury": 0},
            "log": ["recovered a"],
        },
    ),
}


@pytest.mark.parametrize("name", RECOVERED)
def test_recover(room: Room, name: str) -> None:
    before, (gone, deliveries_max), answer, changed = RECOVERED[name]
    room.put(before)
    assert room.recover(gone=gone, deliveries_max=deliveries_max) == answer
    after = room.look()
    assert after == then(before, **changed, gone=[] if answer is None else ["w"])
    assert room.recover(gone=gone, deliveries_max=deliveries_max) == (None if answer is None else 0)
    assert room.look() == after


def test_a_burial_says_why(room: Room) -> None:
    room.put({**OVER, "own": {"w": ["a d4"]}})
    room.recover()
    (why,) = room.redis.hvals(room.keys.deadwhy)
    assert json.loads(why) == {"error": "its worker died 5 times", "reason": "deliveries"}
    (line,) = room.log()
    assert (line["state"], line["worker"], line["error"]) == ("dead", "w", "its worker died 5 times")


# name: before, (ids, leave), answer, what changed
RELEASED: dict[str, tuple[State, tuple[list[str], bool], int, dict[str, Any]]] = {
    "one of two": (
        {**TWO, "lease": {"w": "alive"}, "ready": ["z @9"]},
        (["b"], False),
        1,
        {"ready": ["b @2", "z @9"], "own": {"w": ["a @1"]}, "bell": True, "stats": {"released": 1}},
    ),
    "several keep their order": (
        {**TWO, "lease": {"w": "alive"}, "ready": ["z"]},
        (["b", "a"], False),
        2,
        {"ready": ["a @1", "b @2", "z"], "own": {}, "bell": True, "stats": {"released": 2}},
    ),
    "each to the front of its priority": (
        {"own": {"w": ["a p3 @1", "b @2"]}, "ready": ["y", "z p3"]},
        (["a", "b"], False),
        2,
        {"ready": ["b @2", "y", "a p3 @1", "z p3"], "own": {}, "bell": True, "stats": {"released": 2}},
    ),
    "what it does not hold": ({**TWO, "lease": {"w": "alive"}}, (["x"], False), 0, {}),
    "what another one holds": (
        {"own": {"v": ["a"]}, "lease": {"w": "alive", "v": "alive"}},
        (["a"], False),
        0,
        {},
    ),
    "named twice": (
        {"own": {"w": ["a"]}},
        (["a", "a"], False),
        1,
        {"ready": ["a"], "own": {}, "bell": True, "stats": {"released": 1}},
    ),
    "no delivery is counted, a recorded one is logged": (
        {"own": {"w": ["a d2 t1 rec"]}},
        (["a"], False),
        1,
        {
            "ready": ["a d2 t1 rec"],
            "own": {},
            "bell": True,
            "stats": {"released": 1},
            "log": ["released a"],
        },
    ),
    "its own counter is not a message": ({**TWO, "lease": {"w": "alive"}}, (["#"], False), 0, {}),
    "leaving gives everything back and ends the lease": (
        {**TWO, "lease": {"w": "alive", "v": "alive"}, "live": {"s": 1}},
        ([], True),
        2,
        {
            "ready": ["a @1", "b @2"],
            "own": {},
            "seq": {},
            "lease": {"v": "alive"},
            "bell": True,
            "stats": {"released": 2},
        },
    ),
    "leaving with nothing": (
        {"lease": {"w": "alive"}, "seq": {"w": 3}},
        ([], True),
        0,
        {"lease": {}, "seq": {}},
    ),
    "leaving twice": ({}, ([], True), 0, {}),
}


@pytest.mark.parametrize("name", RELEASED)
def test_release(room: Room, name: str) -> None:
    before, (ids, leave), answer, changed = RELEASED[name]
    room.put(before)
    assert room.release(ids=ids, leave=leave) == answer
    after = room.look()
    assert after == then(before, **changed, gone=["w"] if leave else [])
    assert room.release(ids=ids, leave=leave) == 0
    assert room.look() == after


@pytest.mark.parametrize("end", [Room.recover, Room.release], ids=["recovered", "left"])
def test_what_a_worker_sent_before_its_end_and_arrives_after_it_is_refused(
    room: Room, end: Callable[..., Any]
) -> None:
    """Also when its join arrives late, and makes a lease that nobody renews."""
    room.cycle_joined()
    room.put({"ready": ["a"]})
    end(room, **({"gone": True} if end is Room.recover else {"leave": True}))
    room.run(beat(room.keys, ["w"], lease_ms=FAR_MS, join=True, within_s=WITHIN_S))
    assert room.cycle(seq=2, want=1).fenced
    assert room.look()["ready"] == ["a"]
    assert 0 < room.redis.pttl(room.keys.own("w")) <= FAR_MS
