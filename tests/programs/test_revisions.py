"""Which of two beats emits what a program made, when they know different revisions or different files?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from onebeat import Client
from onebeat.clock import SYSTEM
from onebeat.config.declare import restored
from onebeat.errors import StoreError
from onebeat.keys import queue_keys
from onebeat.queue.emission import Standing, adopt, emit, enrol
from onebeat.scheduler import Schedule
from onebeat.scheduler.annex import Annex
from onebeat.scheduler.declarations import Made, create, revision_of
from onebeat.scheduler.desk import Desk, Known
from onebeat.scheduler.pulse import RedisTime
from onebeat.wire import Call, Effect, Store, drive
from tests.beat.deploys import until
from tests.queue.test_emit import fire

WITHIN_S = 60.0
TEXT = '{"task": "t:f", "every": "5m"}'


def read(made: Mapping[str, Made]) -> Sequence[Schedule]:
    return [restored(id_, one.text) for id_, one in made.items()]


class Side:
    """As much of a beat as looks after schedules; `config` is the hash of its files."""

    def __init__(self, store: Store, config: str = "c") -> None:
        self.time = RedisTime(SYSTEM)
        self.desk = Desk(store, [], config, self.time)
        self.annex = Annex(store, read, self.time)

    def tend(self) -> None:
        self.time.heard(int(SYSTEM.wall_ms()))
        self.desk.tend(Known)
        self.annex.tend(self.desk)

    @property
    def emits(self) -> bool:
        return any(section.active for section in self.annex.sections)

    def passes(self) -> int:
        return sum(section.pass_once(0) for section in self.annex.sections if section.active)


@pytest.fixture
def client(store: Store) -> Client:
    return Client(store)


def test_who_has_not_heard_of_a_change_emits_nothing(store: Store, client: Client) -> None:
    keys = queue_keys(store.namespace, "default")
    client.schedules.create("x", "t:f", every="1ms", overlap="allow")
    late, quick = Side(store), Side(store)
    late.tend()
    quick.tend()
    assert late.emits
    assert quick.emits
    client.schedules.delete("x")
    until(lambda: late.passes(), "it tries")
    assert store.client.xlen(keys.log) == 0
    assert not store.client.hexists(keys.sched, "x")
    assert not late.emits
    late.tend()
    assert not late.annex.sections

    client.schedules.create("x", "t:f", every="1ms", overlap="allow")
    quick.tend()
    until(lambda: quick.passes() and store.client.xlen(keys.log), "the new one fires")


def test_only_the_newest_files_emit_what_programs_made(store: Store, client: Client) -> None:
    """In a rolling deploy; otherwise what a new file declares would fire beside what a program made of it."""
    client.schedules.create("x", "t:f", every="1ms", overlap="allow")
    old, new = Side(store, "old"), Side(store, "new")
    old.tend()
    assert old.emits
    new.tend()
    assert new.emits
    old.tend()
    assert not old.emits
    client.schedules.update("x", every="2ms")
    old.tend()
    assert not old.emits
    new.tend()
    assert new.emits


def test_a_store_that_lost_the_last_revision_counts_on(store: Store, client: Client) -> None:
    client.schedules.create("x", "t:f", every="5m")
    side, keys = Side(store), queue_keys(store.namespace, "default")
    far = int(store.client.hget(store.space.schedules, "#")) + 3_600_000
    store.client.hset(keys.gen, "made", far)
    side.tend()
    assert not side.emits
    side.tend()
    assert side.emits
    assert store.run(revision_of(store.space, within_s=WITHIN_S)) > far


def test_a_beat_that_was_stopped_brings_no_older_revision_back(store: Store) -> None:
    keys = queue_keys(store.namespace, "default")

    def ask(revision: int | None) -> Standing:
        return store.run(adopt(keys, "c", within_s=WITHIN_S, revision=revision))

    assert ask(None).newest
    assert ask(5).newest
    assert not ask(4).newest
    assert ask(4).made == 5
    assert ask(6).newest
    assert not ask(5).newest
    assert ask(None).newest


def test_an_older_revision_neither_enrols_nor_emits(store: Store) -> None:
    keys = queue_keys(store.namespace, "default")
    store.run(adopt(keys, "c", within_s=WITHIN_S, revision=5))
    for revision, cursor, fate in ((4, None, "stale"), (6, None, "stale"), (5, 100, "emitted")):
        _, (found,) = store.run(enrol(keys, "c", [("s", 100)], within_s=WITHIN_S, revision=revision))
        assert found == cursor
        told = store.run(emit(keys, "c", [fire("s@200")], within_s=WITHIN_S, revision=revision))
        assert told.answers[0].fate == fate


def test_a_call_that_arrives_late_does_not_make_again_what_was_deleted(store: Store, client: Client) -> None:
    """A copy of it that was given up, or one that is sent again because its reply was lost."""
    sent: list[Call] = []

    def perform(effect: Effect) -> Any:
        if isinstance(effect, Call) and effect.script.verb == "declare":
            sent.append(effect)
        return store.perform(effect)

    call = create(store.space, store.namespace, "x", TEXT, "default", within_s=WITHIN_S)
    assert drive(call, perform, StoreError)
    assert client.schedules.delete("x")
    assert store.perform(sent[0]) == [b"gone", b""]
    assert client.schedules.list() == []
    client.schedules.create("x", "t:f", every="5m")
    assert client.schedules.delete("x")
    assert client.schedules.create("x", "t:f", every="6m"), "who looks anew makes it"
