"""What does the history show when no beat ran for an hour, and what when the store lost its data besides?

Nobody waits: the cursors are moved back an hour, as if the beat had stopped then. The history is the real
one, in a database, and says of every time what its policy says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from onebeat.clock import SYSTEM
from onebeat.events import SkipReason
from onebeat.keys import queue_keys
from onebeat.ledger import Historian, Run, create_tables, cursors, fired, open_engine, runs
from onebeat.queue.control import pause
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.liveness import beat
from onebeat.queue.record import unpack
from onebeat.queue.states import Move
from onebeat.scheduler import CatchUp, CatchUpPolicy, EveryTrigger, Overlap, Schedule
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.section import Section
from onebeat.wire import Command, Store

WITHIN_S = 10.0
STEP_MS = 300_000  # the last time is half of it ago, the next one as far away: however slow the test is
HOUR_MS = 3_600_000
MISSED = HOUR_MS // STEP_MS


class Site:
    """A queue with the schedule `s`, its history, and a beat that can be away."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.keys = store, queue_keys(store.namespace, "default")
        self.engine = open_engine(f"sqlite:///{folder / 'history.db'}")
        create_tables(self.engine)
        self.seq = 0
        self.offset_ms = (self.now_ms() + STEP_MS // 2) % STEP_MS

    def now_ms(self) -> int:
        seconds, _ = self.store.perform(Command(("TIME",)))
        return int(seconds) * 1000

    def schedule(self, policy: CatchUpPolicy, **rules: object) -> Schedule:
        chosen: dict[str, object] = {
            "overlap": Overlap.ALLOW,
            "catch_up": CatchUp(policy, window_ms=HOUR_MS // 2, max=4),
            **rules,
        }
        return Schedule("s", "m:f", EveryTrigger(STEP_MS / 1000, self.offset_ms / 1000), **chosen)

    def section(self, schedule: Schedule, *, from_history: bool = False) -> Section:
        """A beat that starts now, after it asked the history."""
        made = Section(self.store, self.keys, [schedule], "cfg", RedisTime(SYSTEM))
        known = cursors(self.engine, self.store.namespace, "default") if from_history else {}
        made.tend(known, fired(self.engine, self.store.namespace, known))
        return made

    def away_for_an_hour(self) -> int:
        """The last decided time is an hour ago; what it is."""
        steps = (self.now_ms() - HOUR_MS - self.offset_ms) // STEP_MS
        cursor_ms = self.offset_ms + steps * STEP_MS
        self.store.perform(Command(("HSET", self.keys.sched, "s", cursor_ms)))
        return cursor_ms

    def work(self) -> list[int]:
        """A worker runs what is queued; their nominal times."""
        self.store.run(beat(self.keys, ["w"], lease_ms=HOUR_MS, join=True, within_s=WITHIN_S))
        ran: list[int] = []
        settled: list[Settled] = []
        while True:
            self.seq += 1
            call = cycle_call(self.keys, wid="w", seq=self.seq, lease_ms=HOUR_MS, want=64, settled=settled)
            records = read_claims(self.store.perform(call)).records
            if not records and not settled:
                return ran
            settled = [_done(record) for record in records]
            ran += [unpack(record).header.nominal_ms or 0 for record in records]

    def history(self) -> list[Run]:
        Historian(self.store, self.engine, self.store.namespace).catch_up(["default"])
        found = runs(self.engine, limit=1000, schedule="s", namespace=self.store.namespace)
        return sorted(found, key=lambda run: run.at_ms)

    def flush(self) -> None:
        for key in list(self.store.client.scan_iter(match=f"{self.keys.prefix}*")):
            self.store.client.delete(key)
        self.seq = 0

    def snapshot(self) -> dict[bytes, bytes]:
        redis = self.store.client
        return {key: redis.dump(key) for key in redis.scan_iter(match=f"{self.keys.prefix}*")}

    def restore(self, snapshot: dict[bytes, bytes]) -> None:
        self.flush()
        for key, content in snapshot.items():
            self.store.client.restore(key, 0, content)


def _done(record: bytes) -> Settled:
    message = unpack(record)
    event = f'{{"event":"ended","id":"{message.id}","state":"done"}}'.encode()
    return Settled(message.id, Move.FINISH, counted=message.header.schedule, event=event)


@pytest.fixture
def site(store: Store, tmp_path: Path) -> Iterator[Site]:
    made = Site(store, tmp_path)
    yield made
    made.engine.dispose()


def told(history: list[Run], after_ms: int) -> dict[str, int]:
    """State and reason → how many of the times after `after_ms`, each once."""
    counts: dict[str, int] = {}
    covered: list[int] = []
    for run in history:
        if run.at_ms <= after_ms:
            continue
        word = f"{run.state} {run.reason}" if run.reason else str(run.state)
        counts[word] = counts.get(word, 0) + run.count
        first_ms = run.first_ms if run.count > 1 and run.first_ms is not None else run.at_ms
        covered += range(first_ms, run.at_ms + 1, STEP_MS)
    assert covered == sorted(set(covered)), "a time is told twice"
    assert covered == list(range(covered[0], covered[-1] + 1, STEP_MS)), "a time is missing"
    return counts


# what the history tells of the twelve times of the hour
POLICIES = {
    CatchUpPolicy.LATEST: {"done": 1, "skipped window": MISSED - 1},
    CatchUpPolicy.ALL: {"done": 4, "skipped window": MISSED - 4},
    CatchUpPolicy.NONE: {"skipped window": MISSED},
}


@pytest.mark.parametrize("policy", POLICIES)
def test_an_hour_without_a_beat(site: Site, policy: CatchUpPolicy) -> None:
    schedule = site.schedule(policy)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    ran = site.work()
    assert told(site.history(), cursor_ms) == POLICIES[policy]
    assert ran == sorted(set(ran))
    counted = site.store.client.hmget(site.keys.stats, "skipped.window", "emitted")
    assert sum(int(count or 0) for count in counted) == MISSED


def test_what_was_missed_while_it_is_paused_says_so(site: Site) -> None:
    schedule = site.schedule(CatchUpPolicy.ALL)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.store.run(pause(site.keys, "s", reason="x", within_s=WITHIN_S))
    site.section(schedule).pass_once(0)
    assert site.work() == []
    assert told(site.history(), cursor_ms).keys() == {f"skipped {SkipReason.PAUSED}"}


def test_a_limit_ends_it(site: Site) -> None:
    schedule = site.schedule(CatchUpPolicy.ALL, limit=2)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    assert len(site.work()) == 2
    counts = told(site.history(), cursor_ms)
    assert counts["done"] == 2
    assert counts[f"skipped {SkipReason.LIMIT}"] >= 1


def test_a_limit_that_was_reached_holds_in_a_store_that_forgot(site: Site) -> None:
    schedule = site.schedule(CatchUpPolicy.ALL, limit=3)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    assert len(site.work()) == 3
    assert told(site.history(), cursor_ms)["done"] == 3
    site.flush()
    site.section(schedule, from_history=True)
    site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    assert site.work() == []
    assert told(site.history(), cursor_ms)["done"] == 3


def test_what_was_left_of_a_limit_is_left_in_a_store_that_forgot(site: Site) -> None:
    schedule = site.schedule(CatchUpPolicy.LATEST, limit=2)
    site.section(schedule)
    site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    assert len(site.work()) == 1
    site.history()
    site.flush()
    for _ in range(3):  # the same time again, which is as good as another one
        site.section(schedule, from_history=True)
        site.away_for_an_hour()
        site.section(schedule).pass_once(0)
    assert len(site.work()) == 1


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.QUEUE_ALL])
def test_overlap_decides_what_is_caught_up(site: Site, overlap: Overlap) -> None:
    schedule = site.schedule(CatchUpPolicy.ALL, overlap=overlap)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    ran = len(site.work())
    counts = told(site.history(), cursor_ms)
    assert counts["done"] == ran == {Overlap.SKIP: 1, Overlap.QUEUE_ONE: 2, Overlap.QUEUE_ALL: 4}[overlap]
    assert counts.get(f"skipped {SkipReason.OVERLAP}", 0) == 4 - ran


@pytest.mark.parametrize("policy", POLICIES)
def test_a_store_that_forgot_everything_during_the_hour(site: Site, policy: CatchUpPolicy) -> None:
    """The history knows where the beat was."""
    schedule = site.schedule(policy)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    _decided(site, cursor_ms)
    site.flush()
    site.section(schedule, from_history=True).pass_once(0)
    site.work()
    assert told(site.history(), cursor_ms) == POLICIES[policy]


def _decided(site: Site, nominal_ms: int) -> None:
    """The history has seen this time run, before the beat went away."""
    id_ = f"s@{nominal_ms}"
    for event in ("emitted", "ended"):
        line = f'{{"event":"{event}","id":"{id_}","schedule":"s","nominal_ms":{nominal_ms},"state":"done"}}'
        site.store.perform(Command(("XADD", site.keys.log, "*", "e", line)))
    assert [run.state for run in site.history()] == ["done"]


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_runs_again_that_the_history_knows(site: Site, policy: CatchUpPolicy) -> None:
    schedule = site.schedule(policy)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    site.section(schedule).pass_once(0)
    site.work()
    before = site.history()
    site.flush()
    site.section(schedule, from_history=True).pass_once(0)
    assert site.work() == []
    assert [(run.id, run.state) for run in site.history()] == [(run.id, run.state) for run in before]
    assert told(site.history(), cursor_ms) == POLICIES[policy]


@pytest.mark.parametrize("same_beat", [True, False])
@pytest.mark.parametrize("policy", [CatchUpPolicy.LATEST, CatchUpPolicy.ALL])
def test_what_was_queued_when_the_store_forgot_it_runs_after_all(
    site: Site, policy: CatchUpPolicy, same_beat: bool
) -> None:
    """P1: what a beat has decided is not done; the history knows that it has not ended."""
    schedule = site.schedule(policy)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    section = site.section(schedule)
    section.pass_once(0)
    site.history()
    site.flush()
    if same_beat:
        section._enrolled = False  # as soon as its next fire finds that the cursor is gone
        section.tend(cursors(site.engine, site.store.namespace, "default"))
    else:
        section = site.section(schedule, from_history=True)
    section.pass_once(0)
    assert len(site.work()) == POLICIES[policy]["done"]
    assert told(site.history(), cursor_ms) == POLICIES[policy]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_store_that_went_back_decides_the_same_again(site: Site, policy: CatchUpPolicy) -> None:
    """What it forgot is queued again under the same ids, which the ledger knows."""
    schedule = site.schedule(policy)
    site.section(schedule)
    cursor_ms = site.away_for_an_hour()
    earlier = site.snapshot()
    site.section(schedule).pass_once(0)
    before = site.work()
    assert told(site.history(), cursor_ms) == POLICIES[policy]
    site.restore(earlier)
    site.section(schedule, from_history=True).pass_once(0)
    assert site.work() == before
    assert told(site.history(), cursor_ms) == POLICIES[policy]
