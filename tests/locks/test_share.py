"""Do semaphores and locks for readers and writers let in whom they should, in order, and no other?"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from onebeat.errors import ConfigError, LeaseLost, LockTimeout
from onebeat.keys import ShareKeys
from onebeat.locks import AsyncRWLock, AsyncSemaphore, Lease, Lock, Released, RWLock, Semaphore, protocol
from onebeat.locks.calls import ALONE, Attempt, ask
from onebeat.locks.lock import Blocking
from onebeat.wire import AsyncStore, Command, Store
from tests.locks.waiting import cut_short, renewed, until

Opens = Callable[[], AsyncStore]


def taken(lock: Blocking, wait: float | None = 0.0) -> Lease:
    lease = lock.acquire(wait)
    assert lease is not None
    return lease


def waiting(store: Store, name: str = "s") -> int:
    return int(store.perform(Command(("ZCARD", ShareKeys(store.namespace, name).queue))))


# -- semaphores -------------------------------------------------------------------------------------


def test_at_most_limit_are_in(store: Store) -> None:
    leases = [taken(Semaphore(store, "s", 3)) for _ in range(3)]
    assert Semaphore(store, "s", 3).acquire() is None
    assert all(lease.valid for lease in leases)
    assert len({lease.fence for lease in leases}) == 3
    semaphore = Semaphore(store, "s", 3)
    assert [semaphore.release(leases[0]), semaphore.release(leases[0])] == [Released.DONE, Released.ALREADY]
    assert taken(Semaphore(store, "s", 3)).fence > max(lease.fence for lease in leases)
    assert Semaphore(store, "s", 3).acquire() is None


def test_many_threads_are_never_more_than_the_limit_and_leave_nothing(store: Store) -> None:
    inside, most, turns = [0], [0], [0]
    guard = threading.Lock()

    def work() -> None:
        semaphore = Semaphore(store, "s", 3)
        for _ in range(15):
            with semaphore.hold(wait=60):
                with guard:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    turns[0] += 1
                with guard:
                    inside[0] -= 1

    with ThreadPoolExecutor(10) as threads:
        for done in [threads.submit(work) for _ in range(10)]:
            done.result(timeout=60)
    assert turns == [150]
    assert most[0] <= 3
    keys = ShareKeys(store.namespace, "s")
    assert not store.perform(Command(("EXISTS", keys.permits, keys.holders, keys.queue, keys.waiters)))


def test_a_dead_permit_frees_itself(store: Store) -> None:
    """Its holder renews no more, as if it had been killed."""
    dead = taken(Semaphore(store, "s", 1, lease=0.4, max_hold=0.01))
    alive = taken(Semaphore(store, "s", 1), wait=20)
    assert alive.fence > dead.fence
    assert not dead.valid


@pytest.mark.usefixtures("eager")
def test_permits_are_renewed_with_locks_by_one_keeper(store: Store) -> None:
    leases = [taken(Semaphore(store, "s", 2, lease=20)), taken(RWLock(store, "rw", lease=20).read)]
    for lease in (*leases, taken(Lock(store, "l", lease=20))):
        renewed(lease)


def test_waiters_are_served_in_order(store: Store) -> None:
    order: list[int] = []

    def wait(number: int) -> None:
        with Semaphore(store, "s", 2).hold(wait=60):
            order.append(number)

    with ThreadPoolExecutor(6) as threads:
        held = [taken(Semaphore(store, "s", 2)) for _ in range(2)]
        for number in range(6):
            threads.submit(wait, number)
            until(lambda n=number: waiting(store) == n + 1)
        Semaphore(store, "s", 2).release(held[0])
    assert order == list(range(6))


def test_each_asks_by_the_limit_that_it_knows(store: Store) -> None:
    for _ in range(2):
        taken(Semaphore(store, "s", 2))
    assert Semaphore(store, "s", 2).acquire() is None
    taken(Semaphore(store, "s", 3))


def test_a_permit_that_was_taken_away_is_reported(store: Store) -> None:
    semaphore = Semaphore(store, "s", 2)
    with pytest.raises(LeaseLost, match="'s'"), semaphore.hold() as lease:
        store.run(protocol.force(semaphore.keys, lease.token, "{}"))


def test_the_roster_says_who_is_in(store: Store) -> None:
    semaphore = Semaphore(store, "s", 5)
    leases = [taken(semaphore) for _ in range(5)]
    found = semaphore.roster()
    assert (found.count, found.waiters, len(found.permits)) == (5, 0, 5)
    assert {permit.fence for permit in found.permits} == {lease.fence for lease in leases}
    assert all(0 < permit.remaining_ms <= 10_000 for permit in found.permits)
    assert leases[0].token not in repr(found)
    with pytest.raises(LockTimeout, match=r"process \d+ on .* and 2 more holds it"), semaphore.hold():
        pytest.fail("six of five")


def test_at_least_keeps_a_permit_taken(store: Store) -> None:
    with Semaphore(store, "s", 1, at_least=60).hold():
        pass
    assert Semaphore(store, "s", 1).acquire() is None


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, 1_000_001, "3"])
def test_a_limit_that_cannot_be_is_refused(store: Store, limit: int) -> None:
    with pytest.raises(ConfigError, match="limit"):
        Semaphore(store, "s", limit)


# -- readers and writers ----------------------------------------------------------------------------


def test_readers_share_and_a_writer_is_alone(store: Store) -> None:
    rw = RWLock(store, "s")
    with rw.read.hold() as one, rw.read.hold() as two:
        assert one.fence < two.fence
        assert rw.write.acquire() is None
    with rw.write.hold() as writer:
        assert writer.fence > two.fence
        assert rw.read.acquire() is None
        assert rw.write.acquire() is None
        assert rw.roster().count == 1


def test_readers_that_come_later_do_not_pass_a_waiting_writer(store: Store) -> None:
    order: list[str] = []

    def enter(lock: Blocking, name: str) -> None:
        with lock.hold(wait=60):
            order.append(name)

    rw = RWLock(store, "s")
    with ThreadPoolExecutor(2) as threads:
        with rw.read.hold():
            threads.submit(enter, rw.write, "writer")
            until(lambda: waiting(store) == 1)
            assert rw.read.acquire() is None
            threads.submit(enter, rw.read, "reader")
            until(lambda: waiting(store) == 2)
        assert not order or order[0] == "writer"
    assert order == ["writer", "reader"]


def test_readers_that_wait_together_enter_together(store: Store) -> None:
    everybody = threading.Barrier(30, timeout=60)

    def read() -> None:
        with RWLock(store, "s").read.hold(wait=60):
            everybody.wait()  # nobody leaves before all are in

    with ThreadPoolExecutor(30) as threads, ExitStack() as stack:
        stack.enter_context(RWLock(store, "s").write.hold())
        done = [threads.submit(read) for _ in range(30)]
        until(lambda: waiting(store) == 30)
        stack.close()
        for one in done:
            one.result(timeout=60)


def test_a_writer_that_gives_up_lets_the_readers_behind_it_in(store: Store) -> None:
    keys = ShareKeys(store.namespace, "s")
    rw = RWLock(store, "s")
    with rw.read.hold(), ThreadPoolExecutor(1) as threads:
        assert store.perform(ask(Attempt(keys, "w", 10_000, "{}", ALONE), 60_000))[0] == b"queued"
        reader = threads.submit(RWLock(store, "s").read.acquire, 60)
        until(lambda: waiting(store) == 2)
        store.run(protocol.abandon(keys, "w"))
        assert reader.result(timeout=60) is not None


def test_writers_lose_no_update(store: Store) -> None:
    key = ShareKeys(store.namespace, "s").bell("value")

    def work(seed: int) -> None:
        luck, rw = random.Random(seed), RWLock(store, "s")
        for _ in range(20):
            if luck.random() < 0.5:
                with rw.read.hold(wait=60):
                    first = store.perform(Command(("LRANGE", key, 0, -1)))
                    assert store.perform(Command(("LRANGE", key, 0, -1))) == first
            with rw.write.hold(wait=60):
                size = int(store.perform(Command(("LLEN", key))))
                store.perform(Command(("RPUSH", key, size)))

    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(work, seed) for seed in range(6)]:
            done.result(timeout=100)
    rows = store.perform(Command(("LRANGE", key, 0, -1)))
    store.perform(Command(("DEL", key)))
    assert rows == [str(n).encode() for n in range(120)]


# -- asyncio ----------------------------------------------------------------------------------------


def test_the_asyncio_faces(astore_factory: Opens) -> None:
    async def scenario() -> None:
        async with astore_factory() as store:
            semaphore, rw = AsyncSemaphore(store, "s", 1), AsyncRWLock(store, "rw")
            async with semaphore.hold() as lease, rw.read.hold():
                lease.assert_held()
                assert await AsyncSemaphore(store, "s", 1).acquire() is None
                assert await rw.write.acquire() is None
                assert (await rw.roster()).count == (await semaphore.roster()).count == 1
            async with rw.write.hold(wait=10), semaphore.hold(wait=10):
                pass

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(2))
def test_cancelling_at_any_moment_leaks_nothing(astore_factory: Opens, seed: int) -> None:
    luck = random.Random(seed)

    async def once(store: AsyncStore) -> None:
        semaphore = AsyncSemaphore(store, "s", 2)
        acquiring, after_s = (
            semaphore.acquire(wait=luck.choice([0.0, 5.0])),
            luck.choice([0, 0, 0.0005, 0.002]),
        )
        await cut_short(acquiring, semaphore.release, after_s)

    async def scenario() -> None:
        async with astore_factory() as store:
            keys = ShareKeys(store.namespace, "s")
            for _ in range(20):
                await asyncio.gather(*(once(store) for _ in range(5)))
                assert not await store.perform(Command(("EXISTS", keys.permits, keys.queue, keys.waiters)))

    asyncio.run(scenario())
