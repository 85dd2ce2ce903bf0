"""Does the asyncio lock keep its promises, above all when tasks are cancelled?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
import redis.asyncio

from onebeat.errors import ConfigError, LeaseLost, LockTimeout
from onebeat.keys import LockKeys
from onebeat.locks import AsyncLock, Lease, Lock, Released
from onebeat.wire import AsyncStore, Command, Store
from tests.locks.waiting import cut_short, renewed
from tests.servers import Server

Opens = Callable[[], AsyncStore]
Scenario = Callable[[AsyncStore], Awaitable[None]]


def play(astore_factory: Opens, scenario: Scenario) -> None:
    async def run() -> None:
        async with astore_factory() as store:
            await scenario(store)

    asyncio.run(run())


async def until(true: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(90):
        while not await true():
            await asyncio.sleep(0.005)


async def queued(store: AsyncStore) -> int:
    return int(await store.perform(Command(("ZCARD", LockKeys(store.namespace, "l").queue))))


async def free_and_quiet(store: AsyncStore) -> bool:
    keys = LockKeys(store.namespace, "l")
    return not await store.perform(Command(("EXISTS", keys.owner, keys.queue, keys.waiters)))


def test_one_holder_at_a_time(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        lock = AsyncLock(store, "l")
        async with lock.hold() as lease:
            lease.assert_held()
            assert await AsyncLock(store, "l").acquire() is None
            with pytest.raises(LockTimeout, match="holds it"):
                await AsyncLock(store, "l").hold().__aenter__()
            found = await lock.peek()
            assert found is not None
            assert found.fence == lease.fence
        assert await lock.release() is Released.ALREADY

    play(astore_factory, scenario)


def test_waiters_are_served_in_order(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        order: list[int] = []

        async def wait(number: int) -> None:
            async with AsyncLock(store, "l").hold(wait=90):
                order.append(number)

        async with asyncio.TaskGroup() as tasks, AsyncLock(store, "l").hold():
            for number in range(8):
                tasks.create_task(wait(number))
                await until(lambda n=number: at_least(store, n + 1))
        assert order == list(range(8))

    async def at_least(store: AsyncStore, number: int) -> bool:
        return await queued(store) >= number

    play(astore_factory, scenario)


def test_a_cancelled_waiter_leaves_the_queue(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        async with AsyncLock(store, "l").hold():
            waiting = asyncio.create_task(AsyncLock(store, "l").acquire(wait=60))
            await until(lambda: queued(store))
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await queued(store) == 0

    play(astore_factory, scenario)


@pytest.mark.parametrize("seed", range(3))
def test_cancelling_at_any_moment_leaks_nothing(astore_factory: Opens, seed: int) -> None:
    """Cancelled before, while and after the request is under way, while queued, and while granted."""
    luck = random.Random(seed)

    async def once(store: AsyncStore, wait_s: float) -> None:
        lock, turns = AsyncLock(store, "l"), luck.randrange(12)
        await cut_short(lock.acquire(wait=wait_s), lock.release, luck.choice([0, 0, 0.0005, 0.002]), turns)

    async def scenario(store: AsyncStore) -> None:
        for _ in range(60):
            await once(store, luck.choice([0.0, 5.0]))
            assert await free_and_quiet(store)
        for _ in range(15):
            held = await AsyncLock(store, "l").acquire(wait=5)
            crowd = [asyncio.create_task(once(store, 5.0)) for _ in range(4)]
            await asyncio.sleep(luck.choice([0, 0.001]))
            await AsyncLock(store, "l").release(held)
            await asyncio.gather(*crowd)
            assert await free_and_quiet(store)

    play(astore_factory, scenario)


def test_a_timeout_around_the_wait_leaks_nothing(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        async with AsyncLock(store, "l").hold():
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(AsyncLock(store, "l").acquire(wait=60), 0.05)
            assert await queued(store) == 0

    play(astore_factory, scenario)


def test_a_cancelled_holder_gives_the_lock_back(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        inside = asyncio.Event()

        async def hold() -> None:
            async with AsyncLock(store, "l").hold():
                inside.set()
                await asyncio.Event().wait()

        holding = asyncio.create_task(hold())
        await inside.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        assert await free_and_quiet(store)

    play(astore_factory, scenario)


def test_a_release_goes_on_when_its_caller_is_cancelled(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        for turns in range(6):
            lock = AsyncLock(store, "l", lease=3600)
            assert await lock.acquire(wait=5) is not None
            releasing = asyncio.create_task(lock.release())
            for _ in range(turns):
                await asyncio.sleep(0)
            releasing.cancel()
            await asyncio.wait([releasing])
            if turns:  # with none it was cancelled before its first step
                await until(lambda: free_and_quiet(store))
            else:
                await lock.release()

    play(astore_factory, scenario)


@pytest.mark.usefixtures("eager")
def test_a_lost_lease_cancels_the_work_and_is_reported(astore_factory: Opens, store: Store) -> None:
    async def scenario(astore: AsyncStore) -> None:
        seen: list[str] = []

        async def work() -> None:
            async with AsyncLock(astore, "l", 20).hold():
                Lock.force_release(store, "l", reason="test")
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    seen.append("cancelled")
                    raise

        task = asyncio.create_task(work())
        with pytest.raises(LeaseLost, match="an operator took it"):
            await task
        assert seen == ["cancelled"]
        assert task.cancelling() == 0

    play(astore_factory, scenario)


def test_a_cancellation_by_somebody_else_stays_one(astore_factory: Opens, store: Store) -> None:
    """The lease is lost while the task is cancelled: the caller's cancellation must not be swallowed."""

    async def scenario(astore: AsyncStore) -> None:
        held: list[Lease] = []

        async def work() -> None:
            async with AsyncLock(astore, "l", 20).hold() as lease:
                held.append(lease)
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        while not held:
            await asyncio.sleep(0.001)
        task.cancel()
        held[0].lose("test")
        with pytest.raises(asyncio.CancelledError):
            await task

    play(astore_factory, scenario)


def test_a_loss_after_the_block_cancels_nobody(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        async with AsyncLock(store, "l").hold() as lease:
            pass
        lease.lose("late")
        await asyncio.sleep(0)

    play(astore_factory, scenario)


def test_a_work_that_is_over_is_not_cancelled_by_a_late_alarm(astore_factory: Opens) -> None:
    """The store says at the release that nobody else held it: believing too little was no harm."""

    async def scenario(store: AsyncStore) -> None:
        async with AsyncLock(store, "l").hold() as lease:
            lease.lose("at the last moment")
        assert await free_and_quiet(store)

    play(astore_factory, scenario)


def test_a_lock_that_was_taken_without_notice_is_reported_at_the_end(
    astore_factory: Opens, store: Store
) -> None:
    async def scenario(astore: AsyncStore) -> None:
        with pytest.raises(LeaseLost):
            async with AsyncLock(astore, "l").hold():
                Lock.force_release(store, "l", reason="test")

    play(astore_factory, scenario)


def test_exceptions_pass_through(astore_factory: Opens) -> None:
    async def scenario(store: AsyncStore) -> None:
        with pytest.raises(ZeroDivisionError):
            async with AsyncLock(store, "l").hold():
                raise ZeroDivisionError
        assert await free_and_quiet(store)

    play(astore_factory, scenario)


@pytest.mark.usefixtures("eager")
def test_a_redis_client_will_do(server: Server, namespace: str) -> None:
    async def scenario() -> None:
        client = redis.asyncio.Redis(unix_socket_path=str(server.socket), decode_responses=True)
        async with client, AsyncLock(client, "l", 20, namespace=namespace).hold() as lease:
            await asyncio.to_thread(renewed, lease)  # its keeper found the server too

    asyncio.run(scenario())


def test_blocking_clients_are_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match="for blocking code there is Lock"):
        AsyncLock(store, "l")
