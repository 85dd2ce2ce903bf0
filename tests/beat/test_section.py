"""One pass of a beat against the real scripts: every nominal time once, whatever the store forgets."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from onebeat.clock import SYSTEM
from onebeat.keys import queue_keys
from onebeat.queue.emission import adopt
from onebeat.queue.record import unpack
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Overlap, Schedule
from onebeat.scheduler.section import Section
from onebeat.wire import Store
from tests.worker.running import until

STEP_S = 0.05
STALE_MS = 60_000


def schedule(id_: str, **rules: object) -> Schedule:
    chosen = {"overlap": Overlap.ALLOW, "catch_up": CatchUp(CatchUpPolicy.ALL), **rules}
    return Schedule(id=id_, task="m:f", trigger=EveryTrigger(STEP_S), **chosen)


class Beats:
    """Sections of several beats over one queue."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = queue_keys(store.namespace, "default")

    def section(self, *schedules: Schedule, config: str = "one") -> Section:
        made = Section(self.store, self.keys, schedules, config, RedisTime(SYSTEM))
        made.tend({})
        return made

    def nominals(self, schedule_id: str) -> list[int]:
        """What is queued, in order."""
        records = self.store.client.lrange(self.keys.ready[0], 0, -1)
        found = [unpack(record).header for record in records]
        return [one.nominal_ms or 0 for one in found if one.schedule == schedule_id]

    def more(self, count: int, schedule_id: str = "a") -> Callable[[], bool]:
        """Whether `count` more are queued than now."""
        enough = len(self.nominals(schedule_id)) + count
        return lambda: len(self.nominals(schedule_id)) >= enough

    def now_ms(self) -> int:
        seconds, micros = self.store.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def cursor(self, schedule_id: str) -> int:
        return int(self.store.client.hget(self.keys.sched, schedule_id) or 0)


@pytest.fixture
def beats(store: Store, monkeypatch: pytest.MonkeyPatch) -> Beats:
    """No configuration is taken for abandoned because the machine stood still."""
    monkeypatch.setitem(adopt.__kwdefaults__, "stale_ms", STALE_MS)
    return Beats(store)


def pass_until(done: Callable[[], object], *passes: Callable[[], object]) -> None:
    def once() -> object:
        for one in passes:
            one()
        return done()

    until(once, "enough was queued")


def assert_whole(nominals: list[int]) -> None:
    """Each time on the grid between the first and the last, once, in order."""
    assert len(nominals) > 3
    step = round(STEP_S * 1000)
    assert nominals == list(range(nominals[0], nominals[-1] + step, step))


def test_two_beats_that_both_think_they_lead_queue_each_time_once(beats: Beats) -> None:
    one, two = beats.section(schedule("a"), schedule("b")), beats.section(schedule("a"), schedule("b"))
    pass_until(beats.more(9), lambda: one.pass_once(0), lambda: two.pass_once(0))
    for id_ in "ab":
        assert_whole(beats.nominals(id_))
        assert beats.cursor(id_) == beats.nominals(id_)[-1]


def test_nothing_is_early(beats: Beats) -> None:
    one = beats.section(schedule("a"))
    pass_until(beats.more(5), lambda: one.pass_once(0))
    entries = beats.store.client.xrange(beats.keys.log)
    for stream_id, fields in entries:
        emitted_ms = int(stream_id.split(b"-")[0])
        for line in fields[b"e"].splitlines():
            assert int(line.split(b'"nominal_ms":')[1].rstrip(b"}")) <= emitted_ms


def test_jitter_delays_what_is_queued_and_leaves_its_nominal_time(beats: Beats) -> None:
    jittered = schedule("a", jitter_ms=round(STEP_S * 1000) - 1)
    one, early = beats.section(jittered), []

    def once() -> None:
        one.pass_once(0)
        now_ms = beats.now_ms()
        early.extend(at for at in beats.nominals("a") if actual_ms(jittered, at) > now_ms)

    pass_until(beats.more(9), once)
    assert not early
    assert_whole(beats.nominals("a"))
    assert any(actual_ms(jittered, at) > at for at in beats.nominals("a"))


def test_a_deputy_leaves_the_fresh_and_takes_the_late(beats: Beats) -> None:
    deputy = beats.section(schedule("a"))
    end_s = time.monotonic() + 0.3
    until(lambda: deputy.pass_once(3_600_000) or time.monotonic() > end_s, "some passes")
    assert beats.nominals("a") == []
    pass_until(beats.more(5), lambda: deputy.pass_once(200))
    assert_whole(beats.nominals("a"))


def test_a_deputy_takes_nothing_that_the_leader_emitted(beats: Beats) -> None:
    leader, deputy = beats.section(schedule("a")), beats.section(schedule("a"))
    pass_until(beats.more(9), lambda: leader.pass_once(0), lambda: deputy.pass_once(100))
    assert_whole(beats.nominals("a"))
    assert beats.store.client.hget(beats.keys.stats, "emitted") == str(len(beats.nominals("a"))).encode()


def test_a_deputy_makes_no_cursor_for_what_the_store_lost(beats: Beats) -> None:
    """Where it goes on, and how much of a limit is left, the history knows."""
    deputy = beats.section(schedule("a"))
    for key in list(beats.store.client.scan_iter(match=f"{beats.keys.prefix}*")):
        beats.store.client.delete(key)
    until(lambda: deputy.pass_once(1), "something was due")
    assert not deputy.active
    assert beats.cursor("a") == 0


def test_after_the_store_lost_its_data_nothing_is_missing(beats: Beats) -> None:
    one = beats.section(schedule("a"))
    pass_until(beats.more(6), lambda: one.pass_once(0))
    before = beats.nominals("a")
    for key in list(beats.store.client.scan_iter(match=f"{beats.keys.prefix}*")):
        beats.store.client.delete(key)
    one.pass_once(0)
    assert not one.active or beats.nominals("a") == []
    pass_until(beats.more(5), lambda: one.active or one.tend({}), lambda: one.pass_once(0))
    assert_whole(before + beats.nominals("a"))


def test_after_a_rollback_what_is_gone_is_queued_again_under_the_same_ids(beats: Beats) -> None:
    one = beats.section(schedule("a"))
    pass_until(beats.more(6), lambda: one.pass_once(0))
    before = beats.nominals("a")
    beats.store.client.ltrim(beats.keys.ready[0], 0, 2)  # the store as it was after three fires
    beats.store.client.hset(beats.keys.sched, "a", str(before[2]))
    pass_until(lambda: beats.nominals("a")[-1] > before[-1], lambda: one.pass_once(0))
    assert_whole(beats.nominals("a"))


def test_a_store_that_forgot_begins_where_the_history_ended(beats: Beats) -> None:
    a = schedule("a")
    section = Section(beats.store, beats.keys, [a], "one", RedisTime(SYSTEM))
    start = int(time.time() * 1000) // 50 * 50 - 1000
    section.tend({"a": start})
    pass_until(beats.more(5), lambda: section.pass_once(0))
    assert_whole(beats.nominals("a"))
    assert beats.nominals("a")[0] == start + 50


def test_a_new_configuration_takes_over_and_an_old_one_waits(beats: Beats) -> None:
    old = beats.section(schedule("a"), schedule("only-old"), config="old")
    pass_until(beats.more(4), lambda: old.pass_once(0))
    new = beats.section(schedule("a"), config="new")
    assert new.active
    old.pass_once(0)
    old.tend({})
    assert not old.active
    only_old = beats.nominals("only-old")
    pass_until(beats.more(5), lambda: old.pass_once(0), lambda: new.pass_once(0))
    assert_whole(beats.nominals("a"))
    assert beats.nominals("only-old") == only_old


def test_an_old_configuration_comes_back_when_nobody_runs_the_new_one(beats: Beats) -> None:
    old = beats.section(schedule("a"), config="old")
    pass_until(beats.more(4), lambda: old.pass_once(0))
    new = beats.section(schedule("a"), config="new")
    pass_until(beats.more(4), lambda: new.pass_once(0))
    old.tend({})
    assert not old.active, "a restarted old container must not take over"
    beats.store.client.zincrby(beats.keys.seen, -STALE_MS - 1000, "new")  # nobody ran it for that long
    old.tend({})
    assert old.active
    new.tend({})
    assert not new.active
    pass_until(beats.more(5), lambda: old.pass_once(0), lambda: new.pass_once(0))
    assert_whole(beats.nominals("a"))


def test_overlap_is_skipped_and_counted(beats: Beats) -> None:
    one = beats.section(schedule("a", overlap=Overlap.SKIP))
    redis = beats.store.client
    pass_until(lambda: int(redis.hget(beats.keys.stats, "skipped") or 0) >= 3, lambda: one.pass_once(0))
    assert len(beats.nominals("a")) == 1
    skipped = int(redis.hget(beats.keys.stats, "skipped") or 0)
    lines = b"\n".join(fields[b"e"] for _, fields in redis.xrange(beats.keys.log)).splitlines()
    assert skipped == sum(b'"reason":"overlap"' in line for line in lines)
    assert redis.hget(beats.keys.live, "a") == b"1"


def test_missed_times_are_skipped_by_policy_and_counted(beats: Beats) -> None:
    section = Section(
        beats.store,
        beats.keys,
        [schedule("a", catch_up=CatchUp(CatchUpPolicy.NONE))],
        "one",
        RedisTime(SYSTEM),
    )
    start = int(time.time() * 1000) // 50 * 50 - 20_000
    section.tend({"a": start})
    pass_until(beats.more(5), lambda: section.pass_once(0))
    first = beats.nominals("a")[0]
    skipped = int(beats.store.client.hget(beats.keys.stats, "skipped") or 0)
    assert skipped == (first - start) // 50 - 1
    assert_whole(beats.nominals("a"))
