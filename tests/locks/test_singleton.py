"""Does a singleton run once at a time, and is it otherwise the function that it was?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onebeat.errors import ConfigError, LeaseLost, LockHeld, LockTimeout
from onebeat.locks import Holder, Lock, current_lease, singleton
from onebeat.wire import AsyncStore, Store
from onebeat.wire.default import default_async_store, default_store
from tests.servers import Server

KEY = "only"


def test_result_exceptions_and_name_pass_through(store: Store) -> None:
    @singleton(client=store)
    def divide(a: float, b: float) -> float:
        """A docstring."""
        return a / b

    assert divide(6, 3) == 2
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)
    assert divide(1, b=1) == 1  # the failure left no lock
    assert (divide.__name__, divide.__doc__) == ("divide", "A docstring.")


def test_its_lease_is_at_hand_while_it_runs(store: Store) -> None:
    @singleton(key=KEY, client=store)
    def fence() -> int:
        lease = current_lease()
        assert lease is not None
        lease.assert_held()
        assert Lock(store, KEY).peek() is not None
        return lease.fence

    assert fence() < fence()
    assert current_lease() is None
    assert Lock(store, KEY).peek() is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, None),
        ({"on_conflict": "skip", "wait": 0.05}, None),
        ({"on_conflict": "fail"}, LockHeld),
        ({"on_conflict": "wait", "wait": 0.05}, LockTimeout),
    ],
    ids=["skip", "skip after a while", "fail", "wait"],
)
def test_conflicts(
    store: Store, options: dict[str, Any], error: type[Exception] | None, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []
    once = singleton(key=KEY, client=store, **options)(lambda: ran.append(1))
    caplog.set_level(logging.INFO, "onebeat.locks")
    with Lock(store, KEY).hold() as lease:
        if error is None:
            assert once() is None
            assert f"fence {lease.fence}" in caplog.text
        else:
            with pytest.raises(error, match=f"held by process .* fence {lease.fence}") as raised:
                once()
            if isinstance(raised.value, LockHeld):
                assert isinstance(raised.value.holder, Holder)
                assert raised.value.holder.fence == lease.fence
        assert ran == []
    once()
    assert ran == [1]


def test_other_keys_run_beside_each_other(store: Store) -> None:
    @singleton(key="nested:{depth}", on_conflict="fail", client=store)
    def nest(depth: int) -> int:
        return nest(depth - 1) + 1 if depth else 0

    assert nest(3) == 3


def test_at_least(store: Store) -> None:
    ran: list[int] = []
    once = singleton(key=KEY, at_least=30, client=store)(lambda: ran.append(1))
    once()
    once()
    assert ran == [1]


def test_a_lock_lost_while_it_ran_is_reported(store: Store) -> None:
    @singleton(key=KEY, client=store)
    def work() -> None:
        Lock.force_release(store, KEY, reason="test")

    with pytest.raises(LeaseLost):
        work()


def test_coroutines(astore_factory: Callable[[], AsyncStore]) -> None:
    async def scenario() -> None:
        async with astore_factory() as store:
            running, inside = 0, asyncio.Event()

            @singleton(key="c:{n}", on_conflict="wait", wait=90, client=store)
            async def work(n: int) -> int:
                nonlocal running
                running += 1
                assert running == 1
                assert current_lease() is not None
                inside.set()
                await asyncio.sleep(0.001)
                running -= 1
                return n

            assert asyncio.iscoroutinefunction(work)
            assert await asyncio.gather(*(work(1) for _ in range(8))) == [1] * 8

    asyncio.run(scenario())


@pytest.mark.parametrize(("on_conflict", "error"), [("skip", None), ("fail", LockHeld)])
def test_conflicts_of_coroutines(
    store: Store, astore_factory: Callable[[], AsyncStore], on_conflict: str, error: type[Exception] | None
) -> None:
    async def scenario() -> None:
        async with astore_factory() as astore:

            @singleton(key=KEY, on_conflict=on_conflict, client=astore)
            async def work() -> int:
                pytest.fail("two at a time")

            if error is None:
                assert await work() is None
            else:
                with pytest.raises(error):
                    await work()

    with Lock(store, KEY).hold():
        asyncio.run(scenario())


# -- the store of a function that was given none ----------------------------------------------------


@pytest.fixture
def found(server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared store is the one that `find_store` finds."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", server.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", namespace)


@pytest.mark.usefixtures("found")
def test_a_function_finds_its_store(store: Store) -> None:
    @singleton(key=KEY)
    def work() -> bool:
        return Lock(store, KEY).peek() is not None

    assert work() is True
    assert default_store() is default_store()
    assert default_store().namespace == store.namespace


@pytest.mark.usefixtures("found")
def test_a_coroutine_finds_its_store_on_each_loop(store: Store) -> None:
    """Open connections at the end of a loop would be ResourceWarnings, and those are errors here."""

    @singleton(key=KEY)
    async def work() -> bool:
        return Lock(store, KEY).peek() is not None

    async def scenario() -> AsyncStore:
        assert await work() is True
        assert await default_async_store() is await default_async_store()
        return await default_async_store()

    assert asyncio.run(scenario()) is not asyncio.run(scenario())


def test_without_a_store_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ONEBEAT_REDIS_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="onebeat up"):
        singleton(lambda: None)()
