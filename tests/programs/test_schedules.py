"""What does a program get that makes, changes and describes schedules, by both clients?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from onebeat import Client, task
from onebeat.config import ConfigMistakes
from onebeat.errors import BadArguments, ConfigError, NotFound, Refused, Remedy, StoreError, UnknownTask
from onebeat.keys import queue_keys
from onebeat.queue.emission import revise
from onebeat.scheduler import EveryTrigger, Schedule
from onebeat.scheduler.declarations import MANY
from onebeat.scheduler.declared import publish
from onebeat.wire import Command, Effect, Store
from tests.programs.conftest import Face

WITHIN_S = 60.0


@task(name="tests.programs:report")
def report(day: int, word: str = "") -> None:
    """A task whose arguments are checked."""


def test_a_schedule_from_its_birth_to_its_end(face: Face) -> None:
    keys = {"cron": "0 9 * * *", "timezone": "Asia/Seoul", "kwargs": {"a": 1}}
    assert face.create("nightly", "shop.tasks:report", **keys)
    assert not face.create("nightly", "shop.tasks:report", **dict(reversed(keys.items())), queue=None)
    with pytest.raises(Refused, match="says something else"):
        face.create("nightly", "shop.tasks:report", cron="0 10 * * *", timezone="Asia/Seoul")

    told = face.describe("nightly")
    assert (told.source, told.paused, told.cursor, told.last) == ("api", False, None, [])
    assert told.keys["cron"] == "0 9 * * *"
    assert len(told.next) == 10
    assert {(at.hour, at.minute, str(at.tzinfo)) for at in told.next} == {(9, 0, "Asia/Seoul")}

    assert face.pause("nightly", reason="audit", for_="2h")
    revision = face.update("nightly", every=timedelta(minutes=90), kwargs=None, tags=["money"])
    after = face.describe("nightly")
    assert after.keys == {
        "task": "shop.tasks:report", "timezone": "Asia/Seoul", "every": "1h30m", "tags": ["money"],
    }  # fmt: skip
    assert revision == after.revision > told.revision
    assert after.paused
    assert after.paused_reason == "audit"
    assert after.paused_until - datetime.now(UTC) < timedelta(hours=3)
    assert face.resume("nightly")
    assert not face.resume("nightly")

    assert [one.id for one in face.list()] == ["nightly"]
    assert face.delete("nightly")
    assert not face.delete("nightly")
    assert face.list() == []


def test_what_is_wrong_is_told_by_its_name(face: Face) -> None:
    with pytest.raises(ConfigMistakes) as wrong:
        face.create("x", "shop:f", cron="61 * * * *", retries={"max": "3"}, qeue="slow")
    assert {(one.path, one.code) for one in wrong.value.mistakes} == {
        ("schedules.x.cron", "OB110"), ("schedules.x.retries.max", "OB152"), ("schedules.x.qeue", "OB150"),
    }  # fmt: skip
    assert "schedules.create('x')" in str(wrong.value)
    assert "did you mean queue?" in str(wrong.value)
    for keys in (
        {},
        {"cron": "@daily", "every": "5m"},
        {"every": 5},
        {"every": "5m", "args": [object()]},
        {"every": "5m", "kwargs": {1: 2}},
        {"every": "5m", "kwargs": {"x": float("nan")}},
        {"every": "5m", "matrix": {"a": ["b"]}},
        {"every": "5m", "timezone": "Mars"},
    ):
        with pytest.raises(ConfigError):
            face.create("x", "shop:f", **keys)
    with pytest.raises(ConfigError):
        face.create("No Id", "shop:f", every="5m")
    assert face.list() == []

    face.create("x", "shop:f", every="5m")
    with pytest.raises(ConfigMistakes, match="second trigger"):
        face.update("x", every="5m", cron="@daily")
    with pytest.raises(Refused, match="queue cannot change from default to slow"):
        face.update("x", queue="slow")
    assert face.describe("x").keys == {"task": "shop:f", "every": "5m"}


def test_a_dollar_is_a_dollar_and_a_letter_a_letter(face: Face) -> None:
    word = "${HOME} $$ \u202e \u0007 \U0001f600 '\"\\ {}"
    face.create("x", "shop:f", every="5m", kwargs={"word": word})
    assert face.describe("x").schedule.kwargs == {"word": word}


def test_a_task_that_is_known_here_is_looked_at(face: Face) -> None:
    with pytest.raises(UnknownTask):
        face.create("x", f"{__name__}:reprot", every="5m")
    with pytest.raises(BadArguments):
        face.create("x", report, every="5m", args=["monday"])
    assert face.create("x", report, every="5m", args=[1])
    with pytest.raises(BadArguments):
        face.update("x", args=None)
    assert face.describe("x").schedule.task == "tests.programs:report"


def test_nobody_is_called_like_this(face: Face) -> None:
    face.create("nightly", "shop:f", every="5m")
    for act in (face.update, face.pause, face.resume, face.trigger, face.describe):
        with pytest.raises(NotFound, match="did you mean 'nightly'"):
            act("nihtly")


def test_a_revision_is_changed_once(face: Face) -> None:
    face.create("x", "shop:f", every="5m")
    seen = face.describe("x").revision
    assert face.update("x", every="6m", revision=seen) > seen
    with pytest.raises(Refused, match="changed by somebody else"):
        face.update("x", every="7m", revision=seen)
    assert face.describe("x").keys["every"] == "6m"


def test_a_run_now(face: Face, store: Store) -> None:
    face.create("x", "shop:f", every="5m", kwargs={"a": 1})
    sent = face.trigger("x", kwargs={"b": 2}, overlap="queue-one")
    with pytest.raises(Refused, match="not over"):
        face.trigger("x", overlap="skip")
    with pytest.raises(ConfigError, match="overlap 'never'"):
        face.trigger("x", overlap="never")
    states = {
        run.id: str(run.state) for run in face.describe("x").last
    }  # of one millisecond any may be first
    assert sorted(states.values()) == ["queued", "skipped"]
    assert states[sent.id] == "queued"
    assert store.client.llen(queue_keys(store.namespace, "default").ready[0]) == 1
    with pytest.raises(ConfigError, match="knows no database"):
        face.backfill("x", datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))


def test_a_file_comes_first(face: Face, store: Store) -> None:
    """Its schedules, as the beats wrote them down: no program takes their place, but it can pause them."""
    slow = Schedule("of-file", "t:f", EveryTrigger(60), queue="slow")
    store.run(publish(store.space, [slow], "c", within_s=WITHIN_S))
    for act in (lambda: face.create("of-file", "t:f", every="5m"), lambda: face.delete("of-file")):
        with pytest.raises(Refused, match="the configuration of the beats declares 'of-file'"):
            act()
    for act in (lambda: face.describe("of-file"), lambda: face.update("of-file", every="5m")):
        with pytest.raises(NotFound, match="declared in a file"):
            act()
    assert face.pause("of-file", reason="audit")
    assert store.client.hget(queue_keys(store.namespace, "slow").paused, "of-file") == b"0 audit"
    assert face.resume("of-file")


def test_only_so_many(store: Store) -> None:
    client = Client(store)
    client.schedules.create("x", "t:f", every="5m")
    store.client.hset(store.space.schedules, mapping={f"y{n}": "1 1 {}" for n in range(MANY - 1)})
    with pytest.raises(Refused, match="all there may be"):
        client.schedules.create("z", "t:f", every="5m")
    assert client.schedules.update("x", every="6m")


# -- many at a time ----------------------------------------------------------------------------------


def together(acts: list[Callable[[], Any]]) -> list[Any]:
    """What each answered or raised, all of them at the same time."""
    answers: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(place: int) -> None:
        start.wait(WITHIN_S)
        try:
            answers[place] = acts[place]()
        except Refused as refusal:
            answers[place] = refusal

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WITHIN_S)
    return answers


def test_of_many_who_make_the_same_one_does(store: Store) -> None:
    schedules = Client(store).schedules
    for number in range(5):
        ways = [{"every": f"{n + 1}m"} for n in range(4)] * 2
        acts = [partial(schedules.create, f"x{number}", "t:f", **way) for way in ways]
        answers = together(acts)
        kept = schedules.describe(f"x{number}").keys["every"]
        same = [answer for answer, way in zip(answers, ways, strict=True) if way["every"] == kept]
        assert sorted(map(str, same)) == ["False", "True"]
        assert sum(isinstance(answer, Refused) for answer in answers) == 6


def test_of_many_changes_none_is_lost(store: Store) -> None:
    schedules = Client(store).schedules
    schedules.create("x", "t:f", every="5m")
    changes = [{"owner": "me"}, {"priority": 2}, {"limit": 9}, {"timeout": "1m"}, {"tags": ["a"]}]
    revisions = together([partial(schedules.update, "x", **one) for one in changes])
    expected: dict[str, Any] = {"task": "t:f", "every": "5m"}
    for one in changes:
        expected |= one
    assert schedules.describe("x").keys == expected
    assert len(set(revisions)) == len(changes)


# -- lost replies ------------------------------------------------------------------------------------


class Deaf(Store):
    """Does not hear the answer to its call number `lost`, which was carried out."""

    lost, count = 0, 0

    def perform(self, effect: Effect) -> Any:
        answer = super().perform(effect)
        self.count += 1
        if self.count == self.lost:
            raise StoreError("no answer", remedy=Remedy.RETRY)
        return answer


@pytest.mark.parametrize("lost", range(1, 9))
def test_a_lost_reply_changes_nothing(lost: int, store: Store) -> None:
    deaf = Deaf(store.client, store.namespace)
    schedules, keys = Client(deaf).schedules, queue_keys(store.namespace, "default")
    acts: list[Callable[[], Any]] = [
        lambda: schedules.create("x", "t:f", every="5m"),
        lambda: schedules.update("x", every="6m"),
        lambda: schedules.delete("x"),
    ]
    texts = []
    for act in acts:
        deaf.count, deaf.lost = 0, lost
        store.client.hset(keys.sched, "x", 5)
        act()
        made = store.client.hget(store.space.schedules, "x")
        texts.append(made and made.split(b" ", 2)[2])
    assert texts == [b'{"every":"5m","task":"t:f"}', b'{"every":"6m","task":"t:f"}', None]
    assert not store.client.hexists(keys.sched, "x")


# -- what is left behind -----------------------------------------------------------------------------


def test_state_that_another_of_this_name_left_is_gone(store: Store) -> None:
    """Who deleted the one before it died before the queue was told."""
    schedules, keys = Client(store).schedules, queue_keys(store.namespace, "default")
    schedules.create("x", "t:f", every="5m")
    store.client.hset(keys.sched, "x", 5)
    store.client.hset(keys.paused, "x", "0 why")
    store.client.hdel(store.space.schedules, "x")
    schedules.create("x", "t:f", every="5m")
    told = schedules.describe("x")
    assert told.cursor is None
    assert not told.paused


def test_a_late_delete_leaves_a_newer_one_its_state(store: Store) -> None:
    keys = queue_keys(store.namespace, "default")
    store.client.hset(keys.gen, "made", 9)
    store.client.hset(keys.sched, "x", 5)
    assert not store.run(revise(keys, 8, "x", within_s=WITHIN_S))
    assert store.client.hget(keys.sched, "x") == b"5"
    assert store.run(revise(keys, 9, "x", within_s=WITHIN_S))
    assert not store.client.hexists(keys.sched, "x")
    assert store.perform(Command(("HGET", keys.gen, "made"))) == b"9"
