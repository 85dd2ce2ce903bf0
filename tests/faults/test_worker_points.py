"""A worker dies or fails at each step of a run: is the effect there once, and nothing left behind?"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from onebeat.keys import LockKeys
from onebeat.ledger import runs
from onebeat.queue.liveness import beat
from tests.chaos.tasks import COUNTER, EFFECTS
from tests.end_to_end.site import Site
from tests.faults.conftest import CONFIG, MakeSite
from tests.worker.running import until

FIRES = (
    "defaults: {overlap: allow, catch_up: {policy: all}}\n"
    "schedules: {one: {task: 'tests.chaos.tasks:scheduled', every: 1s}}\n"
)
# Four at most: the fifth death of its worker buries a message.
POINTS = {
    "before the transaction": ("cycle.answered", "run.claimed", "run.prepared", "run.held"),
    "inside the transaction": ("ledger.begun", "ledger.registered", "ledger.claimed", "ledger.handled"),
    "around the commit": ("ledger.confirmed", "ledger.committed", "run.ended", "cycle.ready"),
    "around the lock": ("lock.granted", "lock.releasing"),
    "around a process": ("child.started", "supervisor.bereft", "supervisor.joined"),
}


def effects(site: Site) -> list[str]:
    with site.engine.connect() as connection:
        return sorted(connection.scalars(select(EFFECTS.c.run)))


def assert_each_counted_once(site: Site, ids: list[str]) -> None:
    """Exactly one effect each, no lost update, nothing in the queue and no lock held."""
    redis = site.client.store.client
    until(lambda: len(effects(site)) >= len(ids), "the effects")
    until(lambda: not any(redis.llen(key) for key in site.keys.ready), "nothing waits")
    until(lambda: not redis.exists(site.keys.due), "nothing is delayed")
    until(lambda: int(redis.hget(site.keys.stats, "finish") or 0) == len(ids), "each is settled once")
    assert effects(site) == sorted(ids)
    with site.engine.connect() as connection:
        assert connection.scalar(select(COUNTER.c.value)) == len(ids)
    lock = LockKeys(site.namespace, "counter")
    until(lambda: not redis.exists(lock.owner), "the lock is free")
    assert not redis.exists(site.keys.dead)


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
def test_killed(points: tuple[str, ...], make_site: MakeSite, notes: Path) -> None:
    """Another worker, or the same one's next process, goes on."""
    site = make_site(*(f"{point}:kill" for point in points))
    ids = [site.client.enqueue("tests.chaos.tasks:count").id for _ in range(4)]
    workers = [site.start("worker", "--concurrency", "1") for _ in range(2)]

    def all_fired() -> bool:
        for number, worker in enumerate(workers):
            if worker.poll() is not None:  # a supervisor's own point; somebody starts it again
                workers[number] = site.start("worker", "--concurrency", "1")
        return all((notes / f"{point}.fired").exists() for point in points)

    until(all_fired, "every point was reached")
    if not any(worker.poll() is None for worker in workers):
        site.start("worker", "--concurrency", "1")
    assert_each_counted_once(site, ids)


RAISED = ("run.prepared", "run.held", "ledger.begun", "ledger.registered", "ledger.claimed", "ledger.handled")


@pytest.mark.parametrize("point", [*RAISED, "ledger.confirmed"])
def test_an_error_that_nobody_foresaw_leaves_nothing_and_is_told(
    point: str, make_site: MakeSite, notes: Path
) -> None:
    site = make_site(f"{point}:raise")
    redis = site.client.store.client
    failing = site.client.enqueue("tests.chaos.tasks:count").id
    site.start("worker", "--concurrency", "1")
    until(lambda: redis.zcard(site.keys.dead) == 1, "it is dead")
    assert redis.zrange(site.keys.dead, 0, -1) == [failing.encode()]
    assert f"Reached: failpoint {point}".encode() in (redis.hget(site.keys.deadwhy, failing) or b"")
    assert effects(site) == []
    following = site.client.enqueue("tests.chaos.tasks:count").id
    until(lambda: effects(site) == [following], "work goes on, the lock and the database are free")


@pytest.mark.parametrize("point", ["liveness.renewed", "liveness.recovering"])
def test_a_worker_whose_leases_nobody_renews_any_more_stops_and_says_so(
    point: str, make_site: MakeSite
) -> None:
    """Otherwise it would go on, taken for dead by the others, and look after no dead one."""
    site = make_site(f"{point}:raise")
    site.client.store.run(beat(site.keys, ["ghost:1.0:x"], lease_ms=1, join=True, within_s=5))
    worker = site.start("worker")
    assert worker.wait(90) == 1
    assert f"failpoint {point}" in site.log("worker")
    assert site.client.store.client.zrange(site.keys.lease, 0, -1) in ([], [b"ghost:1.0:x"]), (
        "it left in order"
    )


@pytest.mark.parametrize("point", ["history.read", "history.written", "history.committed"])
def test_a_history_that_failed_once_goes_on(point: str, make_site: MakeSite, notes: Path) -> None:
    site = make_site(f"{point}:raise", config=CONFIG + FIRES)
    site.start("beat")
    worker = site.start("worker")
    until(lambda: (notes / f"{point}.fired").exists(), "it failed")
    before = len(runs(site.engine, limit=1000))
    until(lambda: len(runs(site.engine, limit=1000)) > before + 2, "it goes on")
    assert worker.poll() is None
    found = [run.nominal_ms or 0 for run in runs(site.engine, limit=1000)]
    assert sorted(found) == list(range(min(found), max(found) + 1000, 1000)), "nothing was left out"


@pytest.mark.parametrize("point", ["run.claimed", "run.ended"])
def test_a_run_that_cannot_be_brought_to_its_end_ends_its_process(point: str, make_site: MakeSite) -> None:
    """Otherwise its message and its slot would be held for as long as the worker lives."""
    site = make_site(f"{point}:raise")
    ids = [site.client.enqueue("tests.chaos.tasks:count").id for _ in range(2)]
    worker = site.start("worker", "--concurrency", "1")
    assert_each_counted_once(site, ids)
    assert f"failpoint {point}" in site.log("worker")
    assert worker.poll() is None
