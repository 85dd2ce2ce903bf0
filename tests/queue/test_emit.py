"""Does each fire enter its queue once, whoever emits, and does a cursor move only from where it was read?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from onebeat.queue.emission import Answer, Emitted, Fate, Fire, Standing, adopt, emit, enrol
from tests.queue.room import FAR_MS, WITHIN_S, Room, State, record, then

NEWEST: State = {"gen": {"cfg": "1", "top": "cfg"}}
AT: State = {**NEWEST, "sched": {"s": 100}}
SKIPPED = b'{"event":"skipped","id":"s@150","reason":"window","count":4}'


def fire(words: str = "s@200 live", **changed: Any) -> Fire:
    """The fire of `s` from 100 to 200, next 300."""
    usual = Fire("s", 100, 200, 300, "skip", record=record(words))
    return replace(usual, **changed)


only_skip = fire(record=b"", skipped=SKIPPED, skips="window=4")
WAITED = {"skipped": 4, "skipped.window": 4}
OVERLAP = {"skipped": 1, "skipped.overlap": 1}
EMITTED = {
    "ready": ["s@200 live"],
    "sched": {"s": 200},
    "next": {"s": 300},
    "live": {"s": 1},
    "bell": True,
    "stats": {"emitted": 1},
    "log": ["emitted s@200"],
}

# name: before, fires, answers, what changed
ROWS: dict[str, tuple[State, list[Fire], list[Answer], dict[str, Any]]] = {
    "emits": (AT, [fire()], [Answer(Fate.EMITTED)], EMITTED),
    "into its priority": (
        AT,
        [fire("s@200 p2 live")],
        [Answer(Fate.EMITTED)],
        {**EMITTED, "ready": ["s@200 p2 live"]},
    ),
    "the last time: no next": (
        {**AT, "next": {"s": 200, "r": 5}},
        [fire(next_ms=None)],
        [Answer(Fate.EMITTED)],
        {**EMITTED, "next": {"r": 5}},
    ),
    "skips a stretch without a fire": (
        AT,
        [only_skip],
        [Answer(Fate.SKIPPED)],
        {"sched": {"s": 200}, "next": {"s": 300}, "stats": WAITED, "log": ["skipped s@150"]},
    ),
    "skips a stretch and fires": (
        AT,
        [fire(skipped=SKIPPED, skips="window=4")],
        [Answer(Fate.EMITTED)],
        {**EMITTED, "stats": {**WAITED, "emitted": 1}, "log": ["skipped s@150", "emitted s@200"]},
    ),
    "overlap": (
        {**AT, "live": {"s": 1}},
        [fire()],
        [Answer(Fate.SKIPPED)],
        {"sched": {"s": 200}, "next": {"s": 300}, "stats": OVERLAP, "log": ["skipped s@200"]},
    ),
    "overlap is allowed": (
        {**AT, "live": {"s": 1}},
        [fire(overlap="allow")],
        [Answer(Fate.EMITTED)],
        {**EMITTED, "live": {"s": 2}},
    ),
    "another schedule's run is no overlap": (
        {**AT, "live": {"r": 1}},
        [fire()],
        [Answer(Fate.EMITTED)],
        {**EMITTED, "live": {"r": 1, "s": 1}},
    ),
    "two times of one schedule in one call": (
        AT,
        [
            fire(overlap="allow"),
            fire("s@300 live", cursor_ms=200, to_ms=300, next_ms=400, overlap="allow"),
        ],
        [Answer(Fate.EMITTED), Answer(Fate.EMITTED)],
        {
            **EMITTED,
            "ready": ["s@200 live", "s@300 live"],
            "sched": {"s": 300},
            "next": {"s": 400},
            "live": {"s": 2},
            "stats": {"emitted": 2},
            "log": ["emitted s@200", "emitted s@300"],
        },
    ),
    "the cursor is further": ({**NEWEST, "sched": {"s": 200}}, [fire()], [Answer(Fate.MOVED, 200)], {}),
    "the cursor went back (the store lost data)": (
        {**NEWEST, "sched": {"s": 50}},
        [fire()],
        [Answer(Fate.MOVED, 50)],
        {},
    ),
    "the cursor is gone": (NEWEST, [fire()], [Answer(Fate.MOVED, None)], {}),
    "a newer configuration emits": (
        {**AT, "gen": {"cfg": "1", "new": "2", "top": "new"}},
        [fire(), only_skip],
        [Answer(Fate.STALE), Answer(Fate.STALE)],
        {},
    ),
    "no configuration yet": ({"sched": {"s": 100}}, [fire()], [Answer(Fate.STALE)], {}),
    "one of two had moved": (
        {**NEWEST, "sched": {"s": 100, "r": 7}},
        [fire("r@9 live", schedule="r", cursor_ms=5, to_ms=9), fire()],
        [Answer(Fate.MOVED, 7), Answer(Fate.EMITTED)],
        {**EMITTED, "sched": {"s": 200, "r": 7}},
    ),
}


def send(room: Room, *fires: Fire, config: str = "cfg") -> Emitted:
    answer: Emitted = room.run(emit(room.keys, config, fires, within_s=WITHIN_S))
    return answer


@pytest.mark.parametrize("name", ROWS)
def test_rows(room: Room, name: str) -> None:
    before, fires, answers, changed = ROWS[name]
    room.put(before)
    assert list(send(room, *fires).answers) == answers
    assert room.look() == then(before, **changed)


def test_the_same_call_again_changes_nothing(room: Room) -> None:
    """P1: its reply was lost, it is sent again."""
    room.put(AT)
    send(room, fire())
    before = room.dump()
    assert list(send(room, fire()).answers) == [Answer(Fate.MOVED, 200)]
    assert room.dump() == before


def test_the_events_say_whose_fire_it_was(room: Room) -> None:
    """They are made in the store, of what the step says; the text of a task is any."""
    room.put({**NEWEST, "sched": {"s": 100, "r": 100}, "live": {"r": 1}})
    send(room, fire(task='shop: "ä" \\ b'), fire("r@200 live", schedule="r", next_ms=None, task=""))
    about = {"nominal_ms": 200}
    assert room.log() == [
        {"event": "emitted", "id": "s@200", "schedule": "s", "task": 'shop: "ä" \\ b', **about},
        {
            "event": "skipped",
            "id": "r@200",
            "schedule": "r",
            "task": "",
            **about,
            "reason": "overlap",
            "count": 1,
        },
    ]


def test_never_early(room: Room) -> None:
    """E5: the clock of the store decides, whatever a beat's clock says."""
    now = room.now_ms()
    room.put({**NEWEST, "sched": {"s": 100, "r": 100}})
    early = fire(to_ms=now + FAR_MS)
    before = room.dump()
    assert list(send(room, early).answers) == [Answer(Fate.EARLY)]
    assert list(send(room, replace(only_skip, to_ms=now + FAR_MS)).answers) == [Answer(Fate.EARLY)]
    assert room.dump() == before
    emitted = send(room, fire(to_ms=now))
    assert list(emitted.answers) == [Answer(Fate.EMITTED)]
    assert now <= emitted.now_ms <= room.now_ms()


def test_big_times_are_exact(room: Room) -> None:
    room.put({**NEWEST, "sched": {"s": 1_795_249_411_001}})
    exact = fire(cursor_ms=1_795_249_411_001, to_ms=1_795_249_411_003, next_ms=99_795_249_411_007)
    room.redis.hset(room.keys.sched, "s", 1_795_249_411_001)
    if send(room, exact).answers[0].fate is Fate.EARLY:
        pytest.fail("the clock of this machine is before 2026")
    assert room.look()["sched"] == {"s": 1_795_249_411_003}
    assert room.look()["next"] == {"s": 99_795_249_411_007}


# -- adopt -------------------------------------------------------------------------------------------


def stand(room: Room, config: str, stale_ms: int = 5_000) -> tuple[bool, int]:
    standing: Standing = room.run(adopt(room.keys, config, within_s=WITHIN_S, stale_ms=stale_ms))
    assert abs(standing.now_ms - room.now_ms()) < 60_000
    return standing.newest, standing.generation


def generations(room: Room) -> State:
    found = dict(room.look()["gen"])
    assert abs(int(found.pop("born")) // 1000 - room.now_ms()) < 60_000
    return found


def test_the_first_configuration_is_the_newest(room: Room) -> None:
    assert stand(room, "a") == (True, 1)
    assert stand(room, "a") == (True, 1)
    assert generations(room) == {"a": "1", "top": "a"}


def test_a_new_configuration_takes_over_and_the_old_one_does_not_come_back(room: Room) -> None:
    assert stand(room, "a") == (True, 1)
    assert stand(room, "b") == (True, 2)
    assert stand(room, "a") == (False, 1)
    assert stand(room, "b") == (True, 2)
    assert generations(room) == {"a": "1", "b": "2", "top": "b"}


def test_an_old_configuration_comes_back_when_nobody_runs_the_newest(room: Room) -> None:
    for config in ("a", "b"):
        stand(room, config)
    room.redis.zincrby(room.keys.seen, -4_000, "b")
    assert stand(room, "a") == (False, 1)
    room.redis.zincrby(room.keys.seen, -2_000, "b")
    assert stand(room, "a") == (True, 3)
    assert stand(room, "b") == (False, 2)
    assert generations(room) == {"a": "3", "b": "2", "top": "a"}


def test_running_the_newest_keeps_it_from_going_stale(room: Room) -> None:
    for config in ("a", "b"):
        stand(room, config)
    room.redis.zincrby(room.keys.seen, -60_000, "b")
    assert stand(room, "b") == (True, 2)
    assert stand(room, "a") == (False, 1)


def test_configurations_of_last_month_are_forgotten_but_never_the_newest(room: Room) -> None:
    month_ms = 31 * 86_400_000
    for config in ("a", "b", "c", "d"):
        stand(room, config)
    for config in ("a", "b", "d"):
        room.redis.zincrby(room.keys.seen, -month_ms, config)
    assert stand(room, "c", stale_ms=2 * month_ms) == (False, 3)
    assert generations(room) == {"c": "3", "d": "4", "top": "d"}
    assert room.redis.zrange(room.keys.seen, 0, -1) == [b"d", b"c"]


# -- enrol -------------------------------------------------------------------------------------------


def cursors(room: Room, *starts: tuple[str, int | None], config: str = "cfg") -> tuple[int, list[int | None]]:
    found: tuple[int, list[int | None]] = room.run(enrol(room.keys, config, starts, within_s=WITHIN_S))
    return found


def test_enrol_starts_new_schedules_and_keeps_the_others(room: Room) -> None:
    room.put(AT)
    before = room.now_ms()
    now, found = cursors(room, ("s", 7), ("new", None), ("given", 1_795_249_411_003))
    assert before <= now <= room.now_ms()
    assert found == [100, now, 1_795_249_411_003]
    assert room.look() == then(AT, sched={"s": 100, "new": now, "given": 1_795_249_411_003})
    assert cursors(room, ("new", None), ("given", 1))[1] == [now, 1_795_249_411_003]


def test_what_was_asked_before_the_store_forgot_begins_nothing(room: Room) -> None:
    def asked(born: int) -> list[int | None]:
        _, found = room.run(enrol(room.keys, "cfg", [("s", None)], within_s=WITHIN_S, born=born))
        return found

    before: Standing = room.run(adopt(room.keys, "cfg", within_s=WITHIN_S))
    room.redis.delete(room.keys.gen)
    after: Standing = room.run(adopt(room.keys, "cfg", within_s=WITHIN_S))
    assert after.newest
    assert room.run(adopt(room.keys, "cfg", within_s=WITHIN_S)).born == after.born > before.born
    assert asked(before.born) == [None]
    assert room.look().get("sched") is None
    (cursor,) = asked(after.born)
    assert asked(before.born) == [cursor] != [None]


def test_enrol_of_an_older_configuration_only_reads(room: Room) -> None:
    room.put(AT)
    assert cursors(room, ("s", 7), ("new", None), ("given", 5), config="old")[1] == [100, None, None]
    assert room.look() == AT
