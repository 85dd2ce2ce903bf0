"""Does no update get lost when a holder is paused past its lease and wakes up?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, text

from onebeat.errors import Fenced
from onebeat.ledger import Done, transaction
from onebeat.ledger.steps import Begin, Commit, Steps, Undo, Work
from tests.ledger.conftest import DATABASES
from tests.ledger.shop import COUNTER, Shop, adds, at_once, entry, maybe, set_counter, sure

WITHIN_S = 90.0


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        ((1, "m@1"), (2, "m@2"), True),
        ((2, "m@2"), (1, "m@1"), False),
        ((2, "m@2"), (1, "m@2"), False),
        ((1, "m@1"), (1, "m@1"), True),  # the same lease tries again
        ((1, "m@1"), (1, "m@2"), False),  # a number handed out twice
        ((1_700_000_000_000_000, "m@1"), (1_700_000_000_000_001, "m@2"), True),
    ],
)
def test_who_may_register(
    shop: Shop, mode: str, first: tuple[int, str], second: tuple[int, str], passes: bool
) -> None:
    shop.perform(mode, entry("k1", fence=first[0], message=first[1], resource="r"), adds("a"))
    late = entry("k2", fence=second[0], message=second[1], resource="r")
    if passes:
        shop.perform(mode, late, adds("b"))
        assert shop.fence("r") == second[0]
    else:
        with pytest.raises(Fenced, match=rf"holds fence {second[0]} .* {first[1]} registered {first[0]}:"):
            shop.perform(mode, late, adds("b"))
        assert shop.effects() == ["a"]
        assert shop.fence("r") == first[0]


def test_resources_and_namespaces_do_not_fence_each_other(shop: Shop) -> None:
    shop.perform("sync", entry("k1", fence=9, resource="r"), adds("a"))
    shop.perform("sync", entry("k2", fence=1, resource="s"), adds("b"))
    other = entry("k3", fence=1, resource="r")
    shop.perform("sync", type(other)(**{**vars(other), "namespace": "other"}), adds("c"))
    assert shop.effects() == ["a", "b", "c"]


def test_without_a_resource_there_is_no_fence(shop: Shop) -> None:
    shop.perform("sync", entry("k1", fence=9), adds("a"))
    shop.perform("sync", entry("k2", fence=1), adds("b"))
    assert shop.fence("r") is None


def test_a_fenced_holder_of_a_finished_message_is_fenced(shop: Shop) -> None:
    """It must not read the answer of its successor as its own success."""
    shop.perform("sync", entry(fence=2, resource="r"), adds("a"))
    with pytest.raises(Fenced):
        shop.perform("sync", entry(fence=1, resource="r"), adds("b"))


# -- the holder that was paused in the middle --------------------------------------------------------


@dataclass
class Pause:
    """The old holder reads, sleeps past its lease, and goes on once the new holder has got somewhere."""

    shop: Shop
    old_has_read: threading.Event = field(default_factory=threading.Event)
    old_may_write: threading.Event = field(default_factory=threading.Event)
    old_is_over: threading.Event = field(default_factory=threading.Event)
    new_started: threading.Event = field(default_factory=threading.Event)
    new_has_read: threading.Event = field(default_factory=threading.Event)

    def old(self) -> Done[Any]:
        async def work(session: Any) -> None:
            value = (await maybe(session.execute(select(COUNTER.c.value)))).scalar_one()
            self.old_has_read.set()
            assert self.old_may_write.wait(WITHIN_S)
            await maybe(set_counter(session, value + 1))

        try:
            what = entry("old", fence=1, message="m@1", resource="counter")
            return self.shop.ledger.perform(what, at_once(work), confirm=sure)
        finally:
            self.old_is_over.set()

    def new(self) -> Done[Any]:
        async def work(session: Any) -> None:
            value = (await maybe(session.execute(select(COUNTER.c.value)))).scalar_one()
            self.new_has_read.set()
            assert self.old_is_over.wait(WITHIN_S)
            await maybe(set_counter(session, value + 1))

        self.new_started.set()
        what = entry("new", fence=2, message="m@2", resource="counter")
        return self.shop.ledger.perform(what, at_once(work), confirm=sure)

    def new_waits(self) -> bool:
        """The database makes the new holder wait (SQLite shows no waiters: having started is all we see)."""
        if self.shop.engine.dialect.name == "sqlite":
            return self.new_started.is_set()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with self.shop.engine.connect() as connection:
            return bool(connection.execute(text(waiting)).scalar_one())

    def play(self) -> int:
        """Acknowledged increments."""
        with ThreadPoolExecutor(2) as threads:
            old = threads.submit(self.old)
            assert self.old_has_read.wait(WITHIN_S)
            new = threads.submit(self.new)
            await_that(lambda: self.new_has_read.is_set() or self.new_waits())
            self.old_may_write.set()
            outcomes = [one.exception(WITHIN_S) for one in (old, new)]
        assert all(outcome is None or isinstance(outcome, Fenced) for outcome in outcomes), outcomes
        return outcomes.count(None)


def await_that(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_holder_that_wakes_in_the_middle_loses_nothing(shop: Shop) -> None:
    acknowledged = Pause(shop).play()
    assert acknowledged >= 1
    assert shop.counter() == acknowledged


def fence_at_the_write(entry: Any, work: Any, dialect: str, now_ms: int, confirm: Any) -> Steps[Any]:
    """The mistake nearly everyone makes: the handler reads before the fence is registered."""
    yield Begin(entry.task)
    kept = yield from transaction._claim(entry, dialect, now_ms)
    if kept is not None:
        yield Undo()
        return kept
    result = yield Work(work)
    yield from transaction._register(entry, entry.resource, dialect)
    yield Commit()
    return Done(result, replayed=False)


# SQLite cannot show it: its transactions begin IMMEDIATE, so nobody reads while another one may write.
@pytest.mark.parametrize("url", sorted({*DATABASES} - {"sqlite"}), indirect=True)
def test_a_fence_at_the_write_would_lose_an_update(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "_attempt", fence_at_the_write)
    acknowledged = Pause(shop).play()
    assert acknowledged == 2
    assert shop.counter() == 1, "both were told that they succeeded, one update is gone"


def test_with_no_lock_at_all_the_fence_alone_keeps_every_acknowledged_increment(shop: Shop) -> None:
    """F1, F3: eight holders who all believe in their lease; an attempt may be refused, an update not lost."""
    fences = count(1)
    drawn = threading.Lock()
    registered: list[int] = []

    def increments(name: int) -> int:
        acknowledged = 0
        for n in range(8):
            with drawn:
                fence = next(fences)
            time.sleep(0.001 * (name % 3))  # some come late with an old fence
            acknowledged += attempt(fence, f"{name}.{n}")
        return acknowledged

    def attempt(fence: int, key: str) -> bool:
        async def work(session: Any) -> None:
            value = (await maybe(session.execute(select(COUNTER.c.value)))).scalar_one()
            time.sleep(0.0005)
            await maybe(set_counter(session, value + 1))
            registered.append(fence)

        try:
            what = entry(key, fence=fence, message=key, resource="counter")
            return not shop.ledger.perform(what, at_once(work), confirm=sure).replayed
        except Fenced:
            return False

    with ThreadPoolExecutor(8) as threads:
        acknowledged = sum(threads.map(increments, range(8)))
    assert 1 <= acknowledged <= 64
    assert shop.counter() == acknowledged
    assert shop.fence("counter") == max(registered)
    assert registered == sorted(registered)
