"""What if a beat fails while the store still works on what it sent before?"""

from __future__ import annotations

import pytest

from onebeat.clock import SYSTEM
from onebeat.errors import BadPayload, StoreError
from onebeat.keys import queue_keys
from onebeat.queue.emission import EMIT_MAX
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Overlap, Schedule
from onebeat.scheduler.section import PASS_MAX, Section
from onebeat.wire import Command, Store
from tests.worker.running import until

PASSES = 5
DAY_S = 86_400.0


def due_soon(store: Store, after_s: float) -> EveryTrigger:
    seconds, _ = store.perform(Command(("TIME",)))
    return EveryTrigger(DAY_S, offset=(int(seconds) + after_s) % DAY_S)


def test_more_than_one_call_in_a_pass_and_each_fire_once(store: Store) -> None:
    keys, count = queue_keys(store.namespace, "default"), 3 * EMIT_MAX + 1
    trigger = due_soon(store, 2)
    section = Section(
        store, keys, [Schedule(f"s{n}", "m:f", trigger) for n in range(count)], "one", RedisTime(SYSTEM)
    )
    section.tend({})
    looked = until(lambda: section.pass_once(0), "they are due")
    assert looked == count < PASS_MAX
    assert section.pass_once(0) == 0
    assert store.client.llen(keys.ready[0]) == count


def test_what_the_store_refuses_is_queued_once_when_it_does_not(store: Store) -> None:
    """The next call was sent before the refusal was read."""
    keys, count = queue_keys(store.namespace, "default"), 3 * EMIT_MAX
    trigger = due_soon(store, 2)
    schedules = [Schedule(f"s{n}", "m:f", trigger) for n in range(count)]
    section = Section(store, keys, schedules, "one", RedisTime(SYSTEM))
    section.tend({})
    store.client.set(keys.bell, "not a zset")
    until(lambda: (section.wake_at_ms or 0) < int(store.client.time()[0]) * 1000, "they are due")
    for _ in range(PASSES):
        with pytest.raises(StoreError, match="WRONGTYPE"):
            section.pass_once(0)
    assert len(store._usual._all) <= 2
    store.client.delete(keys.bell)
    assert section.pass_once(0) == count
    assert store.client.llen(keys.ready[0]) == count
    assert section.pass_once(0) == 0


def test_an_answer_that_is_under_way_when_planning_fails_keeps_no_connection(store: Store) -> None:
    """The first call is sent, to a store that does not know its script; the second one cannot be stored."""
    keys, well = queue_keys(store.namespace, "default"), due_soon(store, 2)
    schedules = [Schedule(f"s{n}", "m:f", well, overlap=Overlap.ALLOW) for n in range(EMIT_MAX)]
    bad = Schedule("bad", "m:f", due_soon(store, 2.5), kwargs={"a": object()})
    section = Section(store, keys, [*schedules, bad], "one", RedisTime(SYSTEM))
    section.tend({})
    store.client.script_flush()
    now = RedisTime(SYSTEM)
    now.heard(int(store.client.time()[0]) * 1000)
    until(lambda: now.now_ms() > (section.wake_at_ms or 0) + 2_000, "all are due")
    for _ in range(PASSES):
        with pytest.raises(BadPayload, match="argument 'a'"):
            section.pass_once(0)
    assert len(store._usual._all) <= 2
    assert store.perform(Command(("ECHO", "mine"))) == b"mine"
    until(lambda: store.client.llen(keys.ready[0]) == EMIT_MAX, "the first call was executed, once")
