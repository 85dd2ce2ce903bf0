"""Are very many schedules taken in and emitted in parts, each where it stands, whatever fails in between?"""

from __future__ import annotations

import time

import pytest

from onebeat.clock import SYSTEM
from onebeat.errors import StoreError
from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.emission import EMIT_MAX
from onebeat.queue.scripts import BATCH_MAX
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.section import PASS_S, Section
from onebeat.wire import Ahead, Protocol, Store

STEP_S = 0.05
MANY = [f"s{number}" for number in range(2 * BATCH_MAX + 3)]
TRIGGER = EveryTrigger(STEP_S)


@pytest.fixture
def keys(store: Store) -> QueueKeys:
    return queue_keys(store.namespace, "default")


def section_of(store: Store, time: RedisTime) -> Section:
    schedules = [Schedule(id_, "m:f", TRIGGER) for id_ in MANY]
    return Section(store, queue_keys(store.namespace, "default"), schedules, "one", time)


def test_all_that_are_new_start_at_the_same_time_however_many_calls_that_takes(
    store: Store, keys: QueueKeys
) -> None:
    section = section_of(store, RedisTime(SYSTEM))
    section.tend({})
    assert section.active
    assert len(set(section.cursors.values())) == 1
    assert store.client.hgetall(keys.sched) == {
        id_.encode(): str(section.cursors[id_]).encode() for id_ in MANY
    }


def test_each_of_many_starts_where_the_history_says(store: Store, keys: QueueKeys) -> None:
    starts = {id_: 1_000 + number for number, id_ in enumerate(MANY)}
    section = section_of(store, RedisTime(SYSTEM))
    section.tend(starts, {MANY[-1]: 7})
    assert section.cursors == starts
    assert store.client.hgetall(keys.runs) == {MANY[-1].encode(): b"7"}


def test_cursors_that_were_asked_for_before_an_error_are_not_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, dropped = list[str](), list[str]()

    class Faulty(Ahead[object]):
        """The second call fails; the third is under way then."""

        def end(self) -> object:
            if len(begun) == 3:
                raise StoreError("gone")
            return super().end()

        def drop(self) -> None:
            dropped.append("dropped")
            super().drop()

    def begin(protocol: Protocol[object]) -> Faulty:
        begun.append("begun")
        return Faulty(protocol, store._begin, store._read, store.perform)

    section = section_of(store, RedisTime(SYSTEM))
    with monkeypatch.context() as patched:
        patched.setattr(store, "begin", begin)
        with pytest.raises(StoreError):
            section.tend({})
    assert dropped == ["dropped"]
    assert not section.active
    section.tend({})
    assert section.active
    assert section.cursors.keys() == set(MANY)


def test_a_pass_that_takes_long_ends_before_all_is_queued(store: Store) -> None:
    class Slow(RedisTime):
        """Each look at the clock takes more than half of a pass."""

        looked = 0

        def mono_s(self) -> float:
            self.looked += 1
            return self.looked * 0.6 * PASS_S

    section = section_of(store, Slow(SYSTEM))
    section.tend({})
    time.sleep(2 * STEP_S)
    assert section.pass_once(0) == EMIT_MAX
