"""Are hooks called where and when they say, and does what they raise change nothing?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onebeat import Context, Middleware, Outgoing, middleware
from onebeat.errors import BadPayload, ConfigError
from onebeat.queue import AsyncClient, Client
from onebeat.queue.record import unpack
from onebeat.wire import AsyncStore
from onebeat.worker.middleware import HOOKS, Hooks
from onebeat.worker.threads import Cancelled, TimeLimit
from tests.worker.running import Workshop, until

RUN = Context("id", "t")


class Trace(Middleware):
    """Writes a header of every call, and can refuse one."""

    def enqueue(self, call: Outgoing) -> None:
        if call.task == "t.refused":
            raise PermissionError("not this one")
        call.headers["trace"] = f"{call.queue}/{call.task}"
        if call.task == "t.odd":
            call.headers["number"] = 7


@pytest.fixture
def traced() -> Iterator[None]:
    one = Trace()
    assert middleware(one) is middleware(one) is one
    yield
    HOOKS.remove(one)


def stored(shop: Workshop) -> list[dict[str, str] | None]:
    records = shop.client.store.client.lrange(shop.keys.ready[0], 0, -1)
    return [unpack(record).header.headers for record in records]


# -- enqueue --------------------------------------------------------------------------------------------


def test_a_header_travels_with_every_call_that_a_program_queues(
    shop: Workshop, traced: None, astore_factory: Callable[[], AsyncStore]
) -> None:
    shop.client.enqueue("t.one")
    shop.client.enqueue_many([("t.two", (), None), ("t.two", (), None)])

    async def queue_one() -> None:
        async with astore_factory() as store:
            await AsyncClient(store).enqueue("t.async")

    assert stored(shop) == [{"trace": "default/t.one"}, *[{"trace": "default/t.two"}] * 2]
    asyncio.run(queue_one())


@pytest.mark.parametrize(("name", "error"), [("t.refused", PermissionError), ("t.odd", BadPayload)])
def test_what_a_hook_raises_refuses_the_call_and_those_beside_it(
    shop: Workshop, traced: None, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        shop.client.enqueue_many([("t.one", (), None), (name, (), None)])
    assert stored(shop) == []
    shop.client.enqueue("t.one")
    assert len(stored(shop)) == 1, "the client goes on"


def test_without_hooks_nothing_is_stored(shop: Workshop) -> None:
    Client.enqueue(shop.client, "t.one")
    assert stored(shop) == [None]


# -- runs -----------------------------------------------------------------------------------------------

NAMES = ("thread", "loop", "process", "single")


def test_around_every_kind_of_run_with_hooks_that_raise(shop: Workshop, traced: None) -> None:
    """Each begins once, ends once, and none is lost or run twice, whatever the second middleware raises."""
    for name in (*NAMES, "fails", "slow"):
        shop.client.enqueue(f"h.{name}", [name])
    shop.worker(concurrency=4, imports=("tests.worker.hooked",))
    until(lambda: shop.stats().get("finish", 0) == 4 and shop.stats().get("bury", 0) == 2, "all end")
    wanted = [
        *(f"start h.{name} 1 default/h.{name}" for name in (*NAMES, "fails", "slow")),
        *(f"success h.{name} {name} default/h.{name} default/h.{name}" for name in NAMES),
        "start h.fails 2 default/h.fails",
        *["failure h.fails ValueError default/h.fails"] * 2,
        "dead h.fails 2 default/h.fails ValueError: fails",
        "failure h.slow TimeLimit default/h.slow",
        "dead h.slow 1 default/h.slow TimeLimit: it ran longer than 0.2 s",
    ]
    assert sorted(shop.notes()) == sorted(wanted)
    assert shop.words() == ["single"]
    assert shop.stats().get("retry") == 1
    assert "Broken.start of h.thread" in shop.log()
    assert "late" not in shop.stats()


# -- the order, and what passes -------------------------------------------------------------------------


class Told(Middleware):
    def __init__(self, name: str, told: list[str], problem: BaseException | None = None) -> None:
        self.name, self.told, self.problem = name, told, problem

    def start(self, run: Context) -> None:
        self.told.append(f"{self.name} start")
        if self.problem is not None:
            raise self.problem

    def success(self, run: Context, result: Any) -> None:
        self.told.append(f"{self.name} success {result}")

    def failure(self, run: Context, error: BaseException) -> None:
        self.told.append(f"{self.name} failure {error}")


def test_the_end_goes_backwards() -> None:
    told: list[str] = []
    hooks = Hooks([])
    for name in ("a", "b"):
        hooks.add(Told(name, told))
    assert hooks.around(RUN, lambda: 7) == 7
    assert told == ["a start", "b start", "b success 7", "a success 7"]
    told.clear()
    with pytest.raises(KeyError):
        hooks.around(RUN, lambda: {}["x"])
    assert told == ["a start", "b start", "b failure 'x'", "a failure 'x'"]


def test_a_start_that_raises_is_counted_and_the_run_goes_on() -> None:
    told: list[str] = []
    hooks = Hooks([])
    hooks.add(Told("a", told, ValueError("x")))
    assert hooks.around(RUN, lambda: 7) == 7
    assert hooks.failures == {"Told.start": 1}


@pytest.mark.parametrize("problem", [Cancelled("end"), TimeLimit("over"), SystemExit(1)])
def test_what_is_meant_for_the_run_reaches_it_from_a_hook(problem: BaseException) -> None:
    hooks = Hooks([])
    hooks.add(Told("a", [], problem))
    ran: list[int] = []
    with pytest.raises(type(problem)):
        hooks.around(RUN, lambda: ran.append(1))
    assert ran == []


class Awaits(Middleware):
    async def start(self, run: Context) -> None:
        """Nobody would await it."""


@pytest.mark.parametrize("wrong", [Trace, "trace", Awaits()])
def test_what_is_no_middleware_is_told_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"Trace\(\)|derive its class|write 'def'"):
        middleware(wrong)
    assert not HOOKS.around_runs
