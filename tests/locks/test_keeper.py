"""Are leases renewed while their holders work, and given up when they should be?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from onebeat.errors import LeaseLost
from onebeat.keys import LockKeys
from onebeat.locks import AsyncLock, Lock, keeper, validity
from onebeat.wire import AsyncStore, Command, Store
from tests.clocks import SteppedClock, ToldClock
from tests.locks.waiting import renewed, until
from tests.servers import Server

LEASE_S = 20.0
pytestmark = pytest.mark.usefixtures("eager")


def pttl(store: Store, name: str = "l") -> int:
    return int(store.perform(Command(("PTTL", LockKeys(store.namespace, name).owner))))


def test_a_lease_is_renewed_for_as_long_as_it_is_held(store: Store) -> None:
    with Lock(store, "l", LEASE_S).hold() as lease:
        for _ in range(3):
            store.perform(Command(("PEXPIRE", LockKeys(store.namespace, "l").owner, 15_000)))
            renewed(lease)
            until(lambda: pttl(store) > 15_000)


def test_renewal_does_not_depend_on_threads_that_compute(store: Store) -> None:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1000))

    busy = [threading.Thread(target=compute) for _ in range(2)]
    for thread in busy:
        thread.start()
    try:
        with Lock(store, "l", LEASE_S).hold() as lease:
            before_s = lease.until_s
            while lease.valid and lease.until_s == before_s:
                sum(range(1000))
            lease.assert_held()
    finally:
        stop.set()
        for thread in busy:
            thread.join()


def test_renewal_does_not_depend_on_the_event_loop(astore_factory: Callable[[], AsyncStore]) -> None:
    async def scenario() -> None:
        async with astore_factory() as store, AsyncLock(store, "l", LEASE_S).hold() as lease:
            renewed(lease)  # blocks the loop

    asyncio.run(scenario())


def test_many_locks_are_renewed_together(store: Store) -> None:
    locks = [Lock(store, f"l{n}", LEASE_S) for n in range(300)]
    leases = [lease for lock in locks if (lease := lock.acquire())]
    assert len(leases) == len(locks)
    before_s = {lease.name: lease.until_s for lease in leases}
    until(lambda: all(lease.until_s > before_s[lease.name] for lease in leases))
    for lock in locks:
        lock.release()


def test_it_stops_at_max_hold(store: Store) -> None:
    """Also when another lease wakes the keeper more often."""
    lost: list[str] = []
    lease = Lock(store, "l", 0.6, max_hold=0.6).acquire()
    assert lease is not None
    lease.on_lost(lost.append)
    with Lock(store, "another", LEASE_S).hold() as other:
        until(lambda: lost)
        other.assert_held()
    assert "max_hold" in lost[0]
    assert not lease.valid
    until(lambda: pttl(store) < 0)


def test_a_lock_that_was_taken_is_lost_at_the_next_renewal(store: Store) -> None:
    lost: list[str] = []
    lease = Lock(store, "l", LEASE_S).acquire()
    assert lease is not None
    lease.on_lost(lost.append)
    Lock.force_release(store, "l", reason="test")
    until(lambda: lost)
    assert lease.lost
    assert lost == ["the store says that it ended, or that an operator took it"]


def test_one_broken_lock_takes_no_other_with_it(store: Store) -> None:
    leases = [Lock(store, f"l{n}", lease_s).acquire() for n, lease_s in enumerate((LEASE_S, 1.0, LEASE_S))]
    broken = LockKeys(store.namespace, "l1").owner
    store.perform(Command(("DEL", broken)))
    store.perform(Command(("RPUSH", broken, "x")))
    store.perform(Command(("PEXPIRE", broken, 60_000)))
    try:
        until(lambda: leases[1] is not None and leases[1].lost)
        for lease in (leases[0], leases[2]):
            assert lease is not None
            renewed(lease)
    finally:
        store.perform(Command(("DEL", broken)))


def test_a_listener_is_told_late_or_early_and_its_failure_harms_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[str] = []

    def fails(_reason: str) -> None:
        raise ZeroDivisionError

    lease = Lock(store, "l", LEASE_S).acquire()
    other = Lock(store, "other", LEASE_S).acquire()
    assert lease is not None
    assert other is not None
    lease.on_lost(fails)
    lease.on_lost(lost.append)
    Lock.force_release(store, "l", reason="test")
    until(lambda: lost)
    lease.on_lost(lost.append)
    assert len(lost) == 2
    assert "ZeroDivisionError" in caplog.text
    other.assert_held()


def test_a_released_lease_is_not_reported_as_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "LINGER_S", 0.1)
    lost: list[str] = []
    clock = SteppedClock()
    lock = Lock(store, "l", LEASE_S, clock=clock)
    lease = lock.acquire()
    assert lease is not None
    lease.on_lost(lost.append)
    lock.release()
    assert keeper._KEEPERS[id(store.client)].idle
    clock.step(10 * LEASE_S)
    with Lock(store, "another", LEASE_S, clock=clock).hold() as other:
        renewed(other)  # so the keeper has looked
    assert lost == []


def test_a_short_hold_does_not_wake_the_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread switch for each would be most of the cost of an uncontended pair."""
    lock = Lock(store, "l", 10.0, clock=ToldClock())
    with lock.hold():
        pass
    thread = keeper._KEEPERS[id(store.client)]
    until(lambda: thread._wakes_at_s)  # it waits, with nothing to do
    woken: list[int] = []
    monkeypatch.setattr(thread._changed, "notify", lambda: woken.append(1))
    monkeypatch.setattr(validity, "RENEWALS", 3)  # as in life
    for _ in range(20):
        with lock.hold():
            pass
    assert woken == []


def test_a_keeper_with_nothing_to_do_goes_away_and_comes_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LINGER_S", 0.05)
    lock = Lock(store, "l", LEASE_S)
    for _ in range(3):
        with lock.hold():
            assert id(store.client) in keeper._KEEPERS
        until(lambda: id(store.client) not in keeper._KEEPERS)


def test_a_lock_that_nobody_could_renew_is_not_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            Lock(store, "l").acquire()
    assert Lock(store, "l").peek() is None
    with Lock(store, "l", LEASE_S).hold() as lease:
        renewed(lease)


def test_after_a_change_of_master_a_lock_is_verified_before_it_is_believed(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store says that it is a replica now; the lease has not ended, and is not believed."""
    monkeypatch.setattr(keeper, "renew_at_s", lambda sent_s, _lease_s: sent_s + 0.2)
    with Store.open(own_server.url, "t") as store:
        lock = Lock(store, "l", lease=60)
        lease = lock.acquire(wait=20)
        assert lease is not None
        store.perform(Command(("REPLICAOF", "127.0.0.1", "1")))
        until(lambda: not lease.valid)
        assert not lease.lost
        with pytest.raises(LeaseLost, match="no master any more"):
            lease.assert_held()
        store.perform(Command(("REPLICAOF", "NO", "ONE")))
        until(lambda: lease.valid)
        lock.release(lease)
