"""What does a script leave behind when one of its keys was overwritten by something else? Nothing new."""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.queue.cycle import After, Settled, cycle_call
from onebeat.queue.scripts import (
    ADOPT,
    BEAT,
    CANCEL,
    DISCARD,
    EMIT,
    ENROL,
    HALT,
    INSERT,
    OPERATORS,
    PAUSE,
    PURGE,
    RECOVER,
    REDRIVE,
    RELEASE,
    RESUME,
    REVISE,
)
from onebeat.queue.scripts import VERBS as DAILY
from onebeat.queue.states import MOVES, Move
from onebeat.wire import Call, load
from tests.queue.room import FAR_MS, Room, State, record
from tests.queue.test_enqueue import say

VERBS = (*DAILY, *OPERATORS)
FULL: State = {
    "ready": ["r", "r1 p1", "r2 p2", "r3 p3"],
    "own": {"w": ["a rec live", "b", "c d9 live"]},
    "seq": {"w": 1},
    "lease": {"w": "alive", "v": "over"},
    "due": {"e": "now"},
    "dead": {"f": "error"},
    "live": {"s": 2},
    "stats": {"enqueued": 9},
    "gen": {"cfg": "1", "top": "cfg"},
    "sched": {"s": 100},
    "next": {"s": 200},
    "paused": {"s": "0 why"},
    "fails": {"s": 1},
    "waiting": ["s@9"],
}


def calls(room: Room) -> dict[str, Call]:
    """One call of each script that would write to as many of its keys as it can."""
    keys = room.keys
    settled = [
        Settled("a", Move.RETRY, 1, record("a t1"), event=b'{"event":"retried"}'),
        Settled("c", Move.PARK, 1, record("c"), b"=l all"),
        Settled("b", Move.BURY, record=record("b"), why=b"{}", counted="s", after=After(group="g")),
    ]

    def named(*names: str) -> dict[str, Any]:
        return {name: getattr(keys, name) for name in names}

    own = {"own": keys.own("w"), **named("lease", "bell", "stats", "log", "ready")}
    waits = named("live", "waiting", "waitrec", "cutoff", "bell", "stats", "log", "ready", "unique")
    parks = named("parked", "parkedof")
    ends = named("awaited", "results", "kept")
    dead = named("dead", "deadrec", "deadwhy", "fails")
    emitted = named("gen", "sched", "next", "due", "duerec", "paused", "fails", "runs")
    lane = {"lane": keys.lane("l"), "lane_ttl_ms": 9, "log_max": 9}
    died_ms = int(room.redis.zscore(keys.dead, "f") or 0) if room.redis.type(keys.dead) == b"zset" else 0
    return {
        "adopt": ADOPT.call(gen=keys.gen, seen=keys.seen, config="new", stale_ms=1, revision="9"),
        "beat": BEAT.call(
            **named("lease", "cancel", "cutoff", "results", "kept"),
            own=[keys.own("w")],
            join=1,
            lease_ms=1,
            wids=["w"],
        ),
        "cancel": CANCEL.call(
            **waits,
            **parks,
            **ends,
            **named("due", "duerec", "cancel"),
            stands_ms=9,
            log_max=9,
            ids=["a", "e"],
        ),
        "cycle": cycle_call(keys, wid="w", seq=2, lease_ms=FAR_MS, want=9, settled=settled),
        "discard": DISCARD.call(
            **named("dead", "deadrec", "deadwhy", "stats", "log", "awaited"),
            **lane,
            uniq=[keys.uniq("k")],
            letters=[("f", died_ms, "{}", 1)],
        ),
        "emit": EMIT.call(
            **emitted,
            **waits,
            **parks,
            config="cfg",
            revision="",
            log_max=9,
            wait_max=9,
            fires=[("s", '100 200 300 skip     "t"\n', record("s@200 live rec"))],
        ),
        "enqueue": say(keys, [("x", 0, "k", "f"), ("y", 5, "", "")]),
        "enrol": ENROL.call(
            **named("gen", "sched", "runs"), config="cfg", revision="", born="", start="", schedules=["t  1"]
        ),
        "halt": HALT.call(**named("halt", "bell", "log"), until_ms=0, why="{}", line="{}", log_max=9),
        "insert": INSERT.call(
            **waits,
            cancel=keys.cancel,
            uniq=[keys.uniq("k")],
            token="t",
            kept_ms=9,
            wait_max=9,
            log_max=9,
            asked=[("s@7", "s", 7, "allow", record("s@7"), "", "")],
        ),
        "pause": PAUSE.call(
            paused=keys.paused, log=keys.log, schedule="s", until_ms=0, why="x", line="{}", log_max=9
        ),
        "purge": PURGE.call(
            **waits,
            **named("due", "duerec", "cancel", "parked", "parkedof", "slots"),
            **ends,
            **lane,
            uniq=[keys.uniq("k")],
            fields='"reason":"purged"',
            messages=[("r", 1, 1), ("e", 0, 0)],
        ),
        "recover": RECOVER.call(
            **{**own, **waits, **dead, **named("slots", "parked", "due", "progress")},
            wid="w",
            gone=1,
            deliveries_max=5,
            log_max=9,
        ),
        "redrive": REDRIVE.call(
            **named(
                "ready", "dead", "deadrec", "deadwhy", "live", "cancel", "bell", "stats", "log", "unique"
            ),
            **lane,
            letters=[("f", died_ms, record("f live"), "{}", "")],
        ),
        "release": RELEASE.call(**own, progress=keys.progress, wid="w", leave=1, log_max=9, ids=[]),
        "resume": RESUME.call(**named("paused", "fails", "log"), schedule="s", line="{}", log_max=9),
        "revise": REVISE.call(
            **named("gen", "sched", "next", "paused", "fails", "runs"), revision=9, ids=["s"]
        ),
    }


@pytest.mark.leaves_keys
@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_type_changes_nothing(room: Room, verb: str) -> None:
    """Redis does not roll a script back, so it must find every wrong key before its first write."""
    room.put(FULL)
    texts = (room.keys.fence, room.keys.halt, room.keys.lane("l"), room.keys.uniq("k"))
    for key in calls(room)[verb].keys:
        kept = room.redis.dump(key)
        room.redis.delete(key)
        (room.redis.lpush if key in texts else room.redis.set)(key, "x")
        before = room.dump()
        with pytest.raises(StoreError, match="WRONGTYPE") as caught:
            room.store.perform(calls(room)[verb])
        assert caught.value.remedy is Remedy.FATAL
        assert room.dump() == before, f"{verb} wrote although {key} was wrong"
        room.redis.delete(key)
        if kept:
            room.redis.restore(key, 0, kept)


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_call_runs_when_all_is_right(room: Room, verb: str) -> None:
    """Otherwise the test above would prove nothing."""
    room.put(FULL)
    before = room.dump()
    room.store.perform(calls(room)[verb])
    assert room.dump() != before


SCRIPTS = [load("queue", verb) for verb in VERBS]


def test_every_move_of_the_table_is_made_by_a_script_and_no_other() -> None:
    made = {move for script in SCRIPTS for move in script.moves}
    assert made == {move.name for move in MOVES}
    assert set(MOVES) == set(Move)
