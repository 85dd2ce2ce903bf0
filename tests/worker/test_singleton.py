"""What does a singleton task do when a call of its key is queued or runs, and when its holder is killed?"""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from onebeat import singleton
from onebeat.errors import AlreadyQueued, ConfigError
from onebeat.locks import Lock
from onebeat.queue import Handle
from tests.worker import acts
from tests.worker.running import Workshop, children_of, until


@pytest.fixture
def at_hand(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """The shop is where `delay` sends to."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", shop.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", shop.namespace)
    return shop


def test_a_call_that_is_queued_is_refused_until_it_is_over_whoever_is_killed(at_hand: Workshop) -> None:
    shop = at_hand
    first = acts.once.delay("a")
    assert acts.once.delay("a") == Handle(first.id, refused=True)
    assert not acts.once.delay("b").refused
    worker = shop.worker(lease_ms=60_000)  # only the supervisor can see the death of its process
    until(lambda: f"begin a {first.id}" in shop.notes(), "it runs")
    assert acts.once.delay("a") == Handle(first.id, refused=True)
    (child,) = children_of(worker.pid)
    os.kill(child, signal.SIGKILL)
    until(lambda: shop.notes().count(f"begin a {first.id}") == 2, "it runs again")
    assert acts.once.delay("a") == Handle(first.id, refused=True)
    for room in "ab":
        shop.tell(room)
    until(lambda: shop.stats().get("finish") == 2, "both are over")
    again = acts.once.delay("a")
    assert not again.refused
    until(lambda: shop.stats().get("finish") == 3, "it runs as well")


def test_several_at_once(at_hand: Workshop) -> None:
    handles = acts.once.enqueue_many([(("a",), None), ((), {"room": "b"}), (("a",), None)])
    assert [one.refused for one in handles] == [False, False, True]
    assert handles[2].id == handles[0].id
    assert acts.once.enqueue(["b"], delay=5).id == handles[1].id
    assert not acts.once.enqueue(["b"], queue="other").refused  # each queue for itself


def test_on_conflict_fail_raises_where_it_is_queued(at_hand: Workshop) -> None:
    first = acts.only_one.delay()
    with pytest.raises(AlreadyQueued, match=f"as message {first.id}") as caught:
        acts.only_one.delay()
    assert caught.value.id == first.id

    async def awaited() -> None:
        with pytest.raises(AlreadyQueued):
            await acts.only_one.adelay()
        with pytest.raises(AlreadyQueued):
            await acts.only_one.aenqueue_many([((), None)])

    asyncio.run(awaited())


def test_its_name_is_the_schedules_too(shop: Workshop) -> None:
    """A beat has no code: without a key both call it by the task's name."""
    assert acts.only_one.unique({}) == acts.only_one.name == "tests.worker.acts:only_one"
    assert acts.once.unique({"room": "a"}) == "one:a"
    assert acts.alone.unique({"room": "a", "word": "w"}) is None


def test_a_plain_call_says_that_it_is_never_queued() -> None:
    @singleton(scope="queued")
    def plain() -> None:
        raise AssertionError("it ran")

    @singleton(scope="queued")
    async def awaited() -> None:
        raise AssertionError("it ran")

    with pytest.raises(ConfigError, match="a plain call is never queued; make it a task"):
        plain()
    with pytest.raises(ConfigError, match="a plain call is never queued; make it a task"):
        asyncio.run(awaited())


def runs(shop: Workshop) -> list[str]:
    return [note.split()[1] for note in shop.notes() if note.startswith("begin")]


def test_what_is_parked_waits_without_a_worker_and_is_woken(shop: Workshop) -> None:
    """The lease is a minute, so whoever runs soon after the end of the one before was woken by it."""
    for word in ("one", "two", "three"):
        shop.enqueue("in_turn", "a", word)
    shop.worker(concurrency=2)
    until(lambda: shop.stats().get("park", 0) >= 2, "two are parked")
    (first,) = runs(shop)
    shop.enqueue("write", "beside")
    until(lambda: shop.words() == ["beside"], "the other slot is free for others")
    shop.tell("a")
    until(lambda: shop.stats().get("finish") == 4, "all have run", within_s=45.0)
    assert runs(shop)[0] == first
    assert sorted(runs(shop)) == ["one", "three", "two"]  # of one millisecond, so any may be the next
    assert all(note.endswith("attempt 1") for note in shop.notes() if note.startswith("begin"))
    assert not shop.client.store.client.exists(shop.keys.parked, shop.keys.parkedof, shop.keys.due)


def test_the_death_of_the_holder_strands_nobody(shop: Workshop) -> None:
    """Nobody releases the lock, so nobody wakes them: they look again when the lease is over."""
    ids = {word: shop.enqueue("ain_turn", "a", word) for word in ("one", "two")}
    first = shop.worker(lease_ms=2000)
    until(lambda: shop.stats().get("park"), "one is parked")
    second = shop.worker(lease_ms=2000)
    until(lambda: children_of(second.pid), "another worker")
    for pid in (first.pid, *children_of(first.pid)):
        os.kill(pid, signal.SIGKILL)
    shop.tell("a")
    until(lambda: shop.stats().get("finish") == 2, "both have run")
    assert {note.split()[1] for note in shop.notes() if note.startswith("end")} == set(ids)


def test_plain_calls_cannot_be_parked() -> None:
    @singleton(on_conflict="park")
    def plain() -> None:
        raise AssertionError("it ran")

    with pytest.raises(ConfigError, match="a plain call has no place in a queue; make it a task"):
        plain()


@pytest.mark.parametrize(("first", "second"), [("latest", "alatest"), ("alatest", "latest")])
def test_the_run_that_holds_it_is_replaced(first: str, second: str, shop: Workshop) -> None:
    """A thread by a coroutine and the other way round; the holder is ended before the other begins."""
    old = shop.enqueue(first, "a", "old")
    shop.worker()
    until(lambda: "old" in runs(shop), "the first to run")
    shop.enqueue(second, "b", "beside")
    shop.enqueue(second, "a", "new")
    until(lambda: "new" in runs(shop), "it is replaced")
    until(lambda: shop.stats().get("cancel") == 1, "and cancelled")
    for word in ("new", "beside"):
        shop.tell(word)
    until(lambda: shop.stats().get("finish") == 2, "the others end")
    assert "end old" not in shop.notes()
    assert not shop.client.store.client.exists(shop.keys.cancel), f"the wish for the end of {old} is gone"


def test_a_holder_that_cannot_be_ended_is_waited_for_only_so_long(shop: Workshop) -> None:
    with Lock(shop.client.store, "latest:a").hold():  # of no message
        shop.enqueue("impatient", "a")
        shop.worker()
        until(lambda: shop.dead(), "the attempt has failed")
    (why,) = shop.dead().values()
    assert "LockTimeout: singleton 'latest:a' is held by process" in why
    assert "this call waited 0.2 s and did not run" in why
    assert shop.notes() == []


def test_plain_calls_replace_nothing() -> None:
    @singleton(on_conflict="replace")
    def plain() -> None:
        raise AssertionError("it ran")

    with pytest.raises(ConfigError, match="only a worker can end the run"):
        plain()


def test_of_several_that_replace_each_other_one_stays(shop: Workshop) -> None:
    """The one that was claimed last, so nobody waits in a circle."""

    def gave_way() -> int:
        return shop.stats().get("cancel", 0) + shop.stats().get("skip", 0)

    for word in ("one", "two", "three"):
        shop.enqueue("alatest", "a", word)
    shop.worker()
    until(lambda: gave_way() == 2, "two give way")
    for word in ("one", "two", "three"):
        shop.tell(word)
    until(lambda: shop.stats().get("finish") == 1, "one has run to its end")
    assert len([note for note in shop.notes() if note.startswith("end")]) == 1
