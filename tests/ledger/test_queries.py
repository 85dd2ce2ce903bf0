"""What does the history answer to the questions of a command line or a beat?"""

from __future__ import annotations

from sqlalchemy import Engine

from onebeat.ledger import Historian, counts, cursors, forget_runs, run, runs
from tests.ledger.log_writer import Log, fire, life

QUEUES = ("default", "slow")


def test_cursors_are_the_last_decided_nominal_times(log: Log, historian: Historian, engine: Engine) -> None:
    log.add(*life(1_000), fire("skipped", 3_000, reason="overlap"), *life(2_000))
    log.add(fire("ended", 9_000, state="done"), {"event": "emitted", "id": "call"})
    historian.catch_up(QUEUES)
    assert cursors(engine, log.store.namespace, "default") == {"nightly": 3_000}
    log.add(*life(2_500), fire("emitted", 2_700, by="backfill"))
    historian.catch_up(QUEUES)
    assert cursors(engine, log.store.namespace, "default") == {"nightly": 3_000}
    assert cursors(engine, log.store.namespace, "slow") == {}


def test_a_beat_goes_on_before_the_first_fire_that_has_not_ended(
    log: Log, historian: Historian, engine: Engine
) -> None:
    day_ms = 86_400_000
    log.add(
        fire("emitted", 1_000), *life(day_ms + 2_000), fire("emitted", day_ms + 3_000), *life(day_ms + 4_000)
    )
    log.add({"event": "emitted", "id": f"nightly@{day_ms}-abc", "schedule": "nightly", "nominal_ms": day_ms})
    historian.catch_up(QUEUES)
    assert cursors(engine, log.store.namespace, "default") == {"nightly": day_ms + 2_999}


def test_questions(log: Log, historian: Historian, engine: Engine) -> None:
    log.add(*life(3_000), *life(1_000), fire("emitted", 2_000))
    log.add(fire("skipped", 4_000, reason="window", count=5, first_ms=3_500))
    log.add({"event": "ended", "id": "other@2500", "schedule": "other", "nominal_ms": 2_500, "state": "dead"})
    historian.catch_up(QUEUES)
    assert [one.nominal_ms for one in runs(engine, limit=9)] == [4_000, 3_000, 2_500, 2_000, 1_000]
    assert [one.nominal_ms for one in runs(engine, limit=2)] == [4_000, 3_000]
    assert [one.nominal_ms for one in runs(engine, limit=9, schedule="nightly", state="done")] == [
        3_000,
        1_000,
    ]
    assert [one.nominal_ms for one in runs(engine, limit=9, since_ms=2_500)] == [4_000, 3_000, 2_500]
    assert runs(engine, limit=9, namespace="nobody") == []
    assert run(engine, "nobody@1") is None
    assert counts(engine) == {"done": 2, "queued": 1, "skipped": 5, "dead": 1}
    assert counts(engine, since_ms=2_600) == {"done": 1, "skipped": 5}


def test_only_old_ended_runs_are_forgotten(log: Log, historian: Historian, engine: Engine) -> None:
    log.add(*life(1_000), *life(2_000), *life(3_000), fire("emitted", 1_500))
    historian.catch_up(QUEUES)
    assert forget_runs(engine, before_ms=3_000, limit=1) == 1
    assert forget_runs(engine, before_ms=3_000) == 1
    assert forget_runs(engine, before_ms=3_000) == 0
    assert sorted(one.nominal_ms or 0 for one in runs(engine, limit=9)) == [1_500, 3_000]
