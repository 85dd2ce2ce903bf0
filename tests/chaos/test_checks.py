"""Does each check of the chaos see what it is there for? Sound evidence with one thing wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from onebeat.ledger import Run
from tests.chaos.checks import CHECKS, MANY, Evidence, due_in, violations
from tests.chaos.history import Report, recoveries
from tests.chaos.nemesis import Hit
from tests.chaos.totals import Totals, spread

SCHEDULES = {"tick": (1000, 250)}
FIRE, CALL = "tick@5250", "call"


def run(id_: str, state: str = "done", reason: str | None = None) -> Run:
    """A run of the history; what no check looks at is left empty."""
    blank = dict.fromkeys(Run.__dataclass_fields__ if hasattr(Run, "__dataclass_fields__") else Run._fields)
    return Run(**{**blank, "id": id_, "state": state, "reason": reason})


SOUND = Evidence(
    due=frozenset({FIRE}),
    schedules=SCHEDULES,
    emissions=[(FIRE, 5251)],
    history=[run(FIRE), run(CALL)],
    effects=[(FIRE, "count"), (CALL, "called")],
    ledger=[FIRE, CALL],
    counter=1,
    acknowledged=[CALL],
    unknown=0,
    depths={"ready": 0},
    processes=[],
    statuses=[0],
    hits=2,
    aimed=1,
)

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("e1_at_most_one_emission", {"emissions": [(FIRE, 5251), (FIRE, 5300)]}),
    ("e2_every_time_has_an_end", {"due": frozenset({FIRE, "tick@6250"})}),
    ("e2_every_time_has_an_end", {"history": [run(FIRE, "claimed"), run(CALL)]}),
    ("e3_nothing_that_no_schedule_says", {"history": [run(FIRE), run(CALL), run("tick@5251", "skipped")]}),
    ("e3_nothing_that_no_schedule_says", {"history": [run(FIRE), run(CALL), run("tock@5250", "skipped")]}),
    ("e5_never_early", {"emissions": [(FIRE, 5249)]}),
    ("f3_every_committed_increment_counts", {"counter": 0}),
    ("q1_acknowledged_calls_have_an_end", {"acknowledged": [CALL, "other"]}),
    ("q2_nothing_is_held_or_waits", {"depths": {"ready": 1}}),
    (
        "q4_no_call_that_nobody_made",
        {"acknowledged": ["other"], "history": [run(FIRE), run(CALL), run("other", "dead")]},
    ),
    ("x1_an_effect_has_its_row", {"ledger": [FIRE]}),
    ("x1_an_effect_has_its_row", {"ledger": [FIRE, CALL, "more"]}),
    ("x2_at_most_one_effect", {"effects": [(FIRE, "count"), (CALL, "called"), (CALL, "called")]}),
    ("x3_done_is_one_effect", {"history": [run(FIRE), run(CALL), run("third")]}),
    ("x3_done_is_one_effect", {"history": [run(FIRE, "skipped", "overlap"), run(CALL)]}),
    ("v_nothing_is_left_running", {"processes": [1]}),
    ("v_nothing_is_left_running", {"statuses": [0, 1]}),
    ("v_the_faults_hit", {"hits": 0, "aimed": 0}),
    ("v_the_faults_hit", {"aimed": 0}),
]


def test_sound_evidence_is_sound() -> None:
    assert violations(SOUND) == []


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_a_check_sees_what_is_wrong(name: str, change: dict[str, Any]) -> None:
    found = violations(replace(SOUND, **change))
    assert found
    assert {one.partition(":")[0] for one in found} == {name}


def test_every_check_is_tried() -> None:
    assert {name for name, _ in WRONG} == {check.__name__ for check in CHECKS}


def test_a_run_that_killed_its_worker_after_each_commit_may_be_dead_with_its_effect() -> None:
    assert violations(replace(SOUND, history=[run(FIRE, "dead", "deliveries"), run(CALL)])) == []


def test_what_only_redis_knew_may_be_gone_with_it() -> None:
    lost = replace(SOUND, history=[], effects=[], ledger=[], counter=0, lost_data=True)
    assert violations(lost) == []


def test_many_violations_are_counted() -> None:
    found = violations(replace(SOUND, acknowledged=[CALL, *map(str, range(20))]))
    assert len(found) == MANY + 1
    assert found[-1].endswith("and 15 more")


def test_due() -> None:
    assert due_in(SCHEDULES, 1250, 3249) == {"tick@1250", "tick@2250"}
    assert due_in(SCHEDULES, 1251, 3250) == {"tick@2250", "tick@3250"}


Lines = list[tuple[int, dict[str, Any]]]
LOG: Lines = [
    (9_000, {"event": "emitted", "id": "tick@9000"}),
    (10_700, {"event": "emitted", "id": "tick@10250"}),
    (13_900, {"event": "recovered", "id": "a", "worker": "w1"}),
    (14_100, {"event": "recovered", "id": "b", "worker": "w1"}),
    (14_000, {"event": "recovered", "id": "c", "worker": "w2"}),
]


@pytest.mark.parametrize(
    ("hits", "who", "times_ms"),
    [
        ([Hit("beat killed", 10_000, 10_000)], "beat", [450]),
        ([Hit("beat killed", 10_000, 10_000), Hit("store slow", 11_000, 12_000)], "beat", []),
        ([Hit("beat killed", 10_000, 10_000), Hit("store slow", 16_000, 17_000)], "beat", [450]),
        ([Hit("worker killed", 10_000, 10_000, ("w1",))], "worker", [4_100]),
        ([Hit("worker killed", 10_000, 10_000, ("w1",)), Hit("store slow", 9_000, 9_500)], "worker", []),
        ([Hit("store killed", 10_000, 10_500)], "store", [200]),
    ],
)
def test_recoveries(hits: list[Hit], who: str, times_ms: list[int]) -> None:
    assert recoveries(LOG, hits)[who] == times_ms


def test_totals_add_up() -> None:
    totals = Totals()
    for seed in (1, 2):
        report = Report(seed, 10.0, runs=5, calls=7, recovery_ms={"beat": [seed * 100]})
        report.faults.update(["store killed", "beat killed"][:seed])
        totals.add(report)
    totals.add(Report(3, 10.0, violations=["x: y"]))
    assert (totals.histories, totals.runs, totals.calls, totals.seconds) == (3, 10, 14, 30.0)
    assert totals.faults == {"store killed": 2, "beat killed": 1}
    assert totals.violations == ["seed 3: x: y"]
    assert totals.summary() == {"recovery": {"beat": {"count": 2, "p50": 100, "p99": 200, "max": 200}}}
    assert "3 faults of 2 kinds" in totals.table()


@pytest.mark.parametrize(
    ("times_ms", "p50", "p99"), [([], 0, 0), ([3], 3, 3), ([1, 2, 3], 2, 3), (list(range(1, 201)), 100, 198)]
)
def test_spread(times_ms: list[int], p50: int, p99: int) -> None:
    found = spread(times_ms)
    assert (found["p50"], found["p99"], found["count"]) == (p50, p99, len(times_ms))
