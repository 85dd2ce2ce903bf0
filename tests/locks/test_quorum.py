"""Is a lock over several servers safe and available while a minority of them fails?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from onebeat.errors import ConfigError, LeaseLost, LockTimeout, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import AsyncQuorumLock, QuorumLease, QuorumLock, Released, validity
from onebeat.wire import AsyncStore, Command, Store
from tests.locks import minorities
from tests.locks.servers import NAME, Members, members
from tests.locks.waiting import cut_short, until


@pytest.fixture
def three() -> Iterator[Members]:
    with members(3) as found:
        yield found


@pytest.fixture
def five() -> Iterator[Members]:
    with members(5) as found:
        yield found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for seconds is no failure of a server, for leases that are long enough."""
    monkeypatch.setattr(validity, "DEADLINE_MAX_S", 12.0)


def taken(lock: QuorumLock) -> QuorumLease:
    lease = lock.acquire(wait=60)
    assert lease is not None
    return lease


def used_for_a_day(found: Members, lock: QuorumLock) -> None:
    """Every server knows the lock, and its data is older than any lease."""
    lock.release(taken(lock))
    for one in found:
        one.grow_old()


def test_one_holder_at_a_time(three: Members, stack: ExitStack) -> None:
    lock, other = three.lock(stack), three.lock(stack)
    with lock.hold() as lease:
        lease.assert_held()
        assert 0 < lease.remaining_s <= 54
        assert len({one.owner for one in three}) == 1
        assert other.acquire() is None
        with pytest.raises(LockTimeout, match="split the servers"):
            other.hold().__enter__()
        assert len({one.owner for one in three}) == 1
    assert not lease.valid
    assert [one.owner for one in three] == [None] * 3
    assert taken(other).fence > lease.fence
    assert lock.release(lease) is Released.ALREADY


def test_many_threads_lose_no_update(three: Members, stack: ExitStack) -> None:
    total = [0]

    def work(lock: QuorumLock) -> None:
        for _ in range(5):
            with lock.hold(wait=100):
                seen = total[0]
                three[0].raw("PING")
                total[0] = seen + 1

    locks = [three.lock(stack) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, lock) for lock in locks]:
            done.result(timeout=110)
    assert total == [20]


@pytest.mark.parametrize("way", ["killed", "black hole", "refused"])
def test_a_minority_may_fail(five: Members, stack: ExitStack, way: str) -> None:
    lock = five.lock(stack, lease=60 if way != "black hole" else 6)
    used_for_a_day(five, five.lock(stack))
    for one in five[:2]:
        if way == "killed":
            one.server.kill()
        elif way == "refused":
            one.proxy.refuse()
            one.proxy.end()
        else:
            one.proxy.black_hole()
    lease = taken(lock)
    assert lease.places == (2, 3, 4)
    assert way == "black hole" or lock.release(lease) is Released.DONE


def test_without_a_majority_nobody_knows(three: Members, stack: ExitStack) -> None:
    lock = three.lock(stack, lease=2)
    for one in three[:2]:
        one.proxy.black_hole()
    with pytest.raises(StoreError, match=r"\d of the 3 servers"):
        lock.acquire()
    for one in three:
        one.proxy.heal()
    assert taken(lock)


def test_it_is_held_while_a_minority_of_its_parts_is_lost(three: Members, stack: ExitStack) -> None:
    lease, lost = taken(three.lock(stack)), list[str]()
    lease.on_lost(lost.append)
    lease.parts[0].lose("a test")
    lease.assert_held()
    assert not lost
    lease.parts[1].lose("another")
    assert not lease.valid
    lease.parts[2].lose("too late to tell")
    assert lost == ["another"]
    with pytest.raises(LeaseLost, match="not held by 2 servers"):
        raise lease.loss()


def test_it_is_lost_with_a_majority_of_servers(three: Members, stack: ExitStack) -> None:
    lease, lost = taken(three.lock(stack, lease=1.0)), list[str]()
    lease.on_lost(lost.append)
    three[0].server.kill()
    three[1].proxy.black_hole()
    until(lambda: lost)
    with pytest.raises(LeaseLost):
        lease.assert_held()


def test_a_lost_one_is_reported_at_the_end_of_the_block(three: Members, stack: ExitStack) -> None:
    lock = three.lock(stack)

    def work() -> None:
        with lock.hold():
            for one in three[:2]:
                one.raw("DEL", one.keys.owner)

    with pytest.raises(LeaseLost, match="not held by 2 servers"):
        work()


def test_a_restart_with_data_changes_nothing(three: Members, stack: ExitStack) -> None:
    lock, other = three.lock(stack), three.lock(stack)
    lease = taken(lock)
    for one in three:
        one.restart()
    assert other.acquire() is None
    assert lock.release(lease) is Released.DONE
    assert taken(other).fence > lease.fence


def test_a_server_that_lost_its_data_does_not_vote_for_a_lease(three: Members, stack: ExitStack) -> None:
    """Held by a and b while c was away; b forgets; b and c together must not let another in."""
    lock, other = three.lock(stack), three.lock(stack)
    used_for_a_day(three, lock)
    three[2].proxy.refuse()
    three[2].proxy.end()
    lease = taken(lock)
    assert lease.places == (0, 1)
    three[2].proxy.heal()
    three[1].forget()
    assert other.acquire() is None
    assert three[2].owner is None  # nothing of the vain attempt is left
    three[1].grow_old()  # a lease later it votes again; its holder noticed long ago
    assert taken(other).places == (1, 2)


def test_a_young_server_is_waited_for(three: Members, stack: ExitStack) -> None:
    lock = three.lock(stack, lease=2.0)
    used_for_a_day(three, lock)
    three[0].server.kill()
    three[1].forget()
    assert taken(lock).places == (1, 2)


def test_fences_grow_although_the_clock_of_one_server_is_ahead(three: Members, stack: ExitStack) -> None:
    """Only the write-back tells the others what it gave."""
    lock = three.lock(stack)
    used_for_a_day(three, lock)
    ahead = 2 * 10**15
    three[0].raw("HSET", three[0].keys.state, "fence", ahead)
    fences = []
    for away in (2, 0, 1, 0, 2, 1):
        three[away].proxy.refuse()
        three[away].proxy.end()
        lease = taken(lock)
        assert away not in lease.places
        fences.append(lease.fence)
        lock.release(lease)
        three[away].proxy.heal()
    assert fences == sorted(set(fences))
    assert fences[0] > ahead


@pytest.mark.parametrize("seed", range(3))
def test_lost_replies_leak_nothing_and_let_no_second_in(three: Members, stack: ExitStack, seed: int) -> None:
    luck = random.Random(seed)
    lock, other = three.lock(stack), three.lock(stack)
    used_for_a_day(three, lock)
    fences = []
    for _ in range(12):
        unlucky = luck.choice(three)
        nth = unlucky.proxy.calls + luck.randint(1, 3)
        unlucky.proxy.lose_replies(lambda call, nth=nth: call == nth)
        lease = taken(lock)
        assert other.acquire() is None
        fences.append(lease.fence)
        unlucky.proxy.heal()
        assert lock.release(lease) is Released.DONE
        assert [one.owner for one in three] == [None] * 3
    assert fences == sorted(set(fences))


@pytest.mark.parametrize(("servers", "sequences", "length"), [(3, 120, 5), (5, 60, 5)])
def test_fences_grow_through_random_sequences_of_failures_of_a_minority(
    servers: int, sequences: int, length: int
) -> None:
    """All of them by hand: python -m tests.locks.minorities."""
    luck = random.Random()
    with minorities.running(servers) as quorum:
        for _ in range(sequences):
            sequence = [minorities.random_step(servers, luck) for _ in range(length)]
            minorities.check(quorum, luck.randrange(servers), sequence)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_number_of_servers_that_cannot_be_is_refused(store: Store, count: int) -> None:
    with pytest.raises(ConfigError, match="give 3, 5 or 7"):
        QuorumLock([store] * count, "l") if count else QuorumLock([], "l")


def test_one_server_has_one_vote(store: Store) -> None:
    with pytest.raises(ConfigError, match="one vote"):
        QuorumLock([store] * 3, "l")


def test_the_asyncio_face_and_its_cancellation(three: Members) -> None:
    luck = random.Random(1)

    async def once(lock: AsyncQuorumLock) -> None:
        await cut_short(lock.acquire(wait=5), lock.release, luck.choice([0, 0.0005, 0.001, 0.002, 0.005]))

    async def scenario() -> None:
        stores = [AsyncStore.open(one.server.url, three.namespace) for one in three]
        lock = AsyncQuorumLock(stores, NAME)
        async with lock.hold() as lease:
            lease.assert_held()
            assert await AsyncQuorumLock(stores, NAME).acquire() is None
        for _ in range(15):
            await asyncio.gather(*(once(lock) for _ in range(2)))
        keys = LockKeys(three.namespace, NAME)
        async with asyncio.timeout(30):
            for store in stores:  # a cancelled call may still be on its way
                while await store.perform(Command(("EXISTS", keys.owner))):
                    await asyncio.sleep(0.01)
        async with lock.hold(wait=30) as again:
            assert again.fence > lease.fence
        for store in stores:
            await store.close()

    asyncio.run(scenario())
