"""Does a cycle settle, promote and claim exactly what it says, and nothing else?"""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.queue.cycle import Settled
from onebeat.queue.states import MOVES, TERMINAL, Move
from tests.queue.room import Room, State, message, record, then, told

ALIVE: State = {"lease": {"w": "alive"}}
HOLDS: State = {**ALIVE, "own": {"w": ["a rec live", "b"]}, "seq": {"w": 1}, "live": {"s": 1}}


def retry(words: str, delay_ms: int = 3_600_000, counted: str = "") -> Settled:
    return Settled(message(words).id, Move.RETRY, delay_ms, record=record(words), counted=counted)


def bury(words: str, counted: str = "") -> Settled:
    return Settled(
        message(words).id, Move.BURY, record=record(words), why=b'{"reason":"error"}', counted=counted
    )


Asked = tuple[int, int, list[Settled]]
# name: before, (seq, want, settled), records answered, what changed
ROWS: dict[str, tuple[State, Asked, list[str], dict[str, Any]]] = {
    "nothing to do": (ALIVE, (1, 5, []), [], {"seq": {"w": 1}}),
    "claims the oldest first": (
        {**ALIVE, "ready": ["a", "b", "c"]},
        (1, 2, []),
        ["a", "b"],
        {"seq": {"w": 1}, "ready": ["c"], "own": {"w": ["a", "b"]}, "bell": True},
    ),
    "claims by priority": (
        {**ALIVE, "ready": ["a", "b p1", "c p2", "d p3", "e p3"]},
        (1, 4, []),
        ["a", "b p1", "c p2", "d p3"],
        {"seq": {"w": 1}, "ready": ["e p3"], "own": {"w": ["a", "b p1", "c p2", "d p3"]}, "bell": True},
    ),
    "leaves no bell when it took all": (
        {**ALIVE, "ready": ["a"]},
        (1, 2, []),
        ["a"],
        {"seq": {"w": 1}, "ready": [], "own": {"w": ["a"]}},
    ),
    "wants nothing, rings for what waits": (
        {**ALIVE, "ready": ["a"]},
        (1, 0, []),
        [],
        {"seq": {"w": 1}, "bell": True},
    ),
    "logs the claim of a recorded message": (
        {**ALIVE, "ready": ["a rec d2", "b"]},
        (1, 2, []),
        ["a d2 rec", "b"],
        {"seq": {"w": 1}, "ready": [], "own": {"w": ["a d2 rec", "b"]}, "log": ["claimed a"]},
    ),
    "finishes": (
        HOLDS,
        (2, 0, [Settled("b", Move.FINISH)]),
        [],
        {"seq": {"w": 2}, "own": {"w": ["a rec live"]}, "stats": {"finish": 1}},
    ),
    "finishes the last of a schedule": (
        HOLDS,
        (2, 0, [Settled("a", Move.FINISH, counted="s", event=b'{"event":"ended","id":"a"}')]),
        [],
        {"seq": {"w": 2}, "own": {"w": ["b"]}, "live": {}, "log": ["ended a"], "stats": {"finish": 1}},
    ),
    "finishes one of a schedule's two": (
        {**HOLDS, "live": {"s": 2}},
        (2, 0, [Settled("a", Move.FINISH, counted="s")]),
        [],
        {"seq": {"w": 2}, "own": {"w": ["b"]}, "live": {"s": 1}, "stats": {"finish": 1}},
    ),
    "a count that was lost does not become negative": (
        then(HOLDS, live={}),
        (2, 0, [Settled("a", Move.FINISH, counted="s")]),
        [],
        {"seq": {"w": 2}, "own": {"w": ["b"]}, "stats": {"finish": 1}},
    ),
    "a retry waits and stays counted": (
        HOLDS,
        (2, 0, [retry("a t1 rec live", counted="s")]),
        [],
        {"seq": {"w": 2}, "own": {"w": ["b"]}, "due": {"a t1 rec live": "later"}, "stats": {"retry": 1}},
    ),
    "a retry that is due at once runs at once": (
        HOLDS,
        (2, 1, [retry("b t1", delay_ms=0)]),
        ["b t1"],
        {"seq": {"w": 2}, "own": {"w": ["a rec live", "b t1"]}, "stats": {"retry": 1}},
    ),
    "buries and is no longer counted": (
        HOLDS,
        (2, 0, [bury("a rec live", counted="s")]),
        [],
        {
            "seq": {"w": 2},
            "own": {"w": ["b"]},
            "dead": {"a rec live": "error"},
            "live": {},
            "fails": {"s": 1},
            "stats": {"bury": 1},
        },
    ),
    "settles several and claims": (
        {**HOLDS, "ready": ["c"]},
        (2, 5, [Settled("a", Move.SKIP, counted="s"), Settled("b", Move.FINISH)]),
        ["c"],
        {"seq": {"w": 2}, "own": {"w": ["c"]}, "ready": [], "live": {}, "stats": {"skip": 1, "finish": 1}},
    ),
    "settling what is not held changes nothing and is counted": (
        {**HOLDS, "own": {"w": ["b"], "v": ["a rec live"]}, "lease": {"w": "alive", "v": "alive"}},
        (2, 0, [Settled("a", Move.FINISH, counted="s", event=b'{"event":"ended","id":"a"}')]),
        [],
        {"seq": {"w": 2}, "log": ["late_ack a"], "stats": {"late": 1}},
    ),
    "a late retry and a late burial leave no trace but the count": (
        {**HOLDS, "own": {}},
        (2, 0, [retry("a t1", counted="s"), bury("b")]),
        [],
        {"seq": {"w": 2}, "log": ["late_ack a", "late_ack b"], "stats": {"late": 2}},
    ),
    "settled twice in one call counts once": (
        HOLDS,
        (2, 0, [Settled("a", Move.FINISH, counted="s"), Settled("a", Move.FINISH, counted="s")]),
        [],
        {
            "seq": {"w": 2},
            "own": {"w": ["b"]},
            "live": {},
            "stats": {"finish": 1, "late": 1},
            "log": ["late_ack a"],
        },
    ),
    "promotes what is due, behind what waits": (
        {**ALIVE, "ready": ["a"], "due": {"b": "now", "c p1": "now", "d": "later"}},
        (1, 2, []),
        ["a", "b"],
        {"seq": {"w": 1}, "ready": ["c p1"], "own": {"w": ["a", "b"]}, "due": {"d": "later"}, "bell": True},
    ),
    "the same number again answers what is held and does nothing": (
        {**HOLDS, "ready": ["c"], "due": {"d": "now"}},
        (1, 5, [Settled("a", Move.FINISH, counted="s")]),
        ["a rec live", "b"],
        {},
    ),
    "a gap in the numbers settles, claims nothing and answers what is held: the store lost calls": (
        {**HOLDS, "seq": {"w": 1}, "ready": ["c"], "due": {"d": "now"}},
        (3, 5, [Settled("b", Move.FINISH)]),
        ["a rec live"],
        {"seq": {"w": 3}, "own": {"w": ["a rec live"]}, "stats": {"finish": 1}},
    ),
    "an older number does nothing": (
        {**HOLDS, "seq": {"w": 7}, "ready": ["c"]},
        (6, 5, [Settled("a", Move.FINISH)]),
        [],
        {},
    ),
    "a worker without a lease does nothing": (
        {"ready": ["c"], "own": {"w": ["a"]}, "due": {"d": "now"}},
        (2, 5, [Settled("a", Move.FINISH)]),
        [],
        {},
    ),
    "a lease that ended but was not taken is renewed": (
        {"lease": {"w": "over"}, "ready": ["a"]},
        (1, 1, []),
        ["a"],
        {"seq": {"w": 1}, "lease": {"w": "alive"}, "ready": [], "own": {"w": ["a"]}},
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(room: Room, name: str) -> None:
    check(room, *ROWS[name])


def check(room: Room, before: State, asked: Asked, records: list[str], changed: dict[str, Any]) -> None:
    """One cycle does all that its row says, and nothing else."""
    seq, want, settled = asked
    room.put(before)
    claims = room.cycle(seq=seq, want=want, settled=settled)
    assert sorted(told(claims.records)) == sorted(records)
    assert room.look() == then(before, **changed)


@pytest.mark.parametrize("move", sorted(Move))
def test_each_end_leaves_the_count_once(room: Room, move: Move) -> None:
    """Every terminal move takes the message out of `live`; a retry does not."""
    source, target = MOVES[move]
    if source != "claimed" or move in (Move.RECOVER, Move.RELEASE):
        return
    room.put({**ALIVE, "own": {"w": ["a live"]}, "seq": {"w": 1}, "live": {"s": 1}})
    room.cycle(seq=2, settled=[Settled("a", move, 3_600_000, record("a"), b'{"reason":"x"}', "s")])
    assert room.look().get("live", {}) == ({} if target in TERMINAL else {"s": 1})
    assert "own" not in room.look()


def test_statuses(room: Room) -> None:
    room.put({**HOLDS, "seq": {"w": 3}})
    answers = [room.cycle(seq=seq) for seq in (4, 4, 3)]
    assert [(one.fenced, one.again) for one in answers] == [(False, False), (False, True), (True, False)]
    assert room.cycle("stranger").fenced
    assert abs(answers[0].now_ms - room.now_ms()) < 60_000


def test_late_is_told(room: Room) -> None:
    room.put(ALIVE)
    assert room.cycle(settled=[Settled("x", Move.FINISH), Settled("y", Move.FINISH)]).late == 2


def test_renews_for_as_long_as_asked(room: Room) -> None:
    room.put(ALIVE)
    for seq, lease_ms in ((1, 50_000), (2, 9_000_000), (2, 20_000)):  # the last one is a repeated call
        before = room.now_ms()
        room.cycle(seq=seq, lease_ms=lease_ms)
        assert before + lease_ms <= room.redis.zscore(room.keys.lease, "w") <= room.now_ms() + lease_ms


def test_a_retry_is_due_after_its_delay(room: Room) -> None:
    room.put(HOLDS)
    before = room.now_ms()
    claims = room.cycle(seq=2, settled=[retry("a t1", delay_ms=77_000)])
    due_ms = room.redis.zscore(room.keys.due, "a")
    assert before + 77_000 <= due_ms <= room.now_ms() + 77_000
    assert claims.next_due_ms == due_ms


def test_next_due_is_none_when_nothing_is_delayed(room: Room) -> None:
    room.put(ALIVE)
    assert room.cycle().next_due_ms is None


def test_promotes_at_most_64_and_says_that_more_are_due(room: Room) -> None:
    room.put({**ALIVE, "due": {f"m{n:03}": "now" for n in range(70)}})
    claims = room.cycle(want=256)
    assert len(claims.records) == 64
    assert claims.next_due_ms is not None
    assert claims.next_due_ms <= claims.now_ms
    assert len(room.cycle(seq=2, want=256).records) == 6


def test_promotes_in_the_order_of_their_times(room: Room) -> None:
    room.put({**ALIVE, "due": {"a": "now", "b": "now", "c": "now"}})
    room.redis.zadd(room.keys.due, {"a": 30, "b": 10, "c": 20})
    assert told(room.cycle(want=9).records) == ["b", "c", "a"]


def test_a_due_id_without_a_record_is_dropped(room: Room) -> None:
    room.put({**ALIVE, "due": {"a": "now"}})
    room.redis.hdel(room.keys.duerec, "a")
    assert room.cycle(want=1).records == []
    assert "due" not in room.look()


def test_claims_at_most_256(room: Room) -> None:
    room.put(ALIVE)
    room.redis.rpush(room.keys.ready[1], *[record(f"m{n:03} p1") for n in range(300)])
    assert len(room.cycle(want=100_000).records) == 256
    assert len(room.look()["own"]["w"]) == 256
    assert len(room.look()["ready"]) == 44


def test_each_record_has_a_fence_of_its_own(room: Room) -> None:
    """L3: fences grow with every claim and with every repeated answer, and after a loss of the counter."""
    room.put({**ALIVE, "ready": ["a", "b", "c", "d", "e"]})
    last = 0
    for seq, want, count in ((1, 2, 2), (1, 2, 2), (2, 1, 1), (3, 0, 0), (4, 2, 2), (4, 2, 5)):
        claims = room.cycle(seq=seq, want=want)
        assert len(claims.records) == count
        if count:
            assert claims.fence > last
            last = claims.fence + count - 1
    room.redis.delete(room.keys.fence)
    assert room.cycle(seq=5).fence > last


def test_a_fence_never_falls_behind_a_clock_that_went_back(room: Room) -> None:
    ahead = 8_000_000_000_000_123  # beyond any clock, and beyond what %g would keep
    room.put({**ALIVE, "ready": ["a", "b"]})
    room.redis.set(room.keys.fence, ahead)
    assert room.cycle(want=2).fence == ahead + 1
    assert int(room.redis.get(room.keys.fence)) == ahead + 2
    assert [room.cycle().fence, room.cycle().fence] == [ahead + 3, ahead + 5]  # repeated: two records each


def test_big_numbers_are_exact(room: Room) -> None:
    """A number above 1e14 would lose digits if Lua wrote it in its own way."""
    seq = 2**52 + 1
    room.put({**ALIVE, "ready": ["a"]})
    room.cycle(seq=seq, want=1)
    assert room.look()["seq"] == {"w": seq}
    assert room.cycle(seq=seq).again
    assert room.cycle(seq=seq - 1).fenced
