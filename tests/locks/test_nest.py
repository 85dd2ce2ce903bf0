"""May a holder enter again when it asked for that, and nobody else?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from onebeat.errors import LeaseLost
from onebeat.locks import AsyncLock, Lease, Lock, Released, RWLock
from onebeat.wire import AsyncStore, Store


def test_a_holder_enters_again_and_the_outermost_block_ends_the_hold(store: Store) -> None:
    lock = Lock(store, "l", reentrant=True)
    with lock.hold() as outer:
        with lock.hold() as inner:
            assert inner is outer
        outer.assert_held()
        assert Lock(store, "l").acquire() is None
        assert lock.acquire() is outer
        assert lock.release() is Released.NESTED
        outer.assert_held()
    assert not outer.valid
    assert lock.peek() is None


def test_without_asking_for_it_nobody_enters_twice(store: Store) -> None:
    lock = Lock(store, "l")
    with lock.hold():
        assert lock.acquire() is None


def test_another_thread_does_not_enter(store: Store) -> None:
    lock = Lock(store, "l", reentrant=True)
    with lock.hold(), ThreadPoolExecutor(1) as threads:
        assert threads.submit(lock.acquire).result() is None


def test_a_thread_that_ended_while_it_held_leaves_its_number_to_nobody(store: Store) -> None:
    """Thread numbers are used again at once; a lease is not inherited with them."""
    lock = Lock(store, "l", reentrant=True)
    found: list[Lease | None] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(lock.acquire()))
        thread.start()
        thread.join()
    assert [lease is not None for lease in found] == [True, False, False]


def test_a_lease_that_is_over_is_not_entered_again(store: Store) -> None:
    lock = Lock(store, "l", reentrant=True)
    lease = lock.acquire()
    assert lease is not None
    lease.lose("a test")
    with pytest.raises(LeaseLost, match="a test"):
        lock.acquire()
    lock.release()
    with lock.hold():
        pass


def test_a_reader_may_enter_again_although_a_writer_waits(store: Store) -> None:
    rw = RWLock(store, "s", reentrant=True)
    with ThreadPoolExecutor(1) as threads, rw.read.hold():
        writer = threads.submit(rw.write.acquire, 0.3)
        with rw.read.hold():
            pass
        assert writer.result(timeout=60) is None


def test_tasks_of_one_thread_are_told_apart(astore_factory: Callable[[], AsyncStore]) -> None:
    async def scenario() -> None:
        async with astore_factory() as store:
            lock = AsyncLock(store, "l", reentrant=True)
            async with lock.hold() as outer, lock.hold() as inner:
                assert inner is outer
                assert await asyncio.create_task(lock.acquire()) is None
            assert await lock.peek() is None

    asyncio.run(scenario())


def test_a_lost_nested_hold_is_reported_once_at_the_outermost_block(
    astore_factory: Callable[[], AsyncStore],
) -> None:
    async def scenario() -> None:
        async with astore_factory() as store:
            lock = AsyncLock(store, "l", reentrant=True)

            async def work() -> None:
                async with lock.hold() as lease, lock.hold():
                    lease.lose("a test")
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            with pytest.raises(LeaseLost):
                await task
            assert task.cancelling() == 0

    asyncio.run(scenario())
