"""Are leases renewed while their holders work, and given up when they should be?"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from onebeat.keys import LockKeys
from onebeat.locks import AsyncLock, Lock, keeper
from onebeat.wire import AsyncStore, Command, Store
from tests.locks.waiting import until

LEASE_S = 0.6


def pttl(store: Store, name: str = "l") -> int:
    return int(store.perform(Command(("PTTL", LockKeys(store.namespace, name).owner))))


def outlive(lease_s: float) -> float:
    """The monotonic second at which a lease that nobody renews is surely over."""
    return time.monotonic() + 2 * lease_s


def test_a_lease_is_renewed_for_as_long_as_it_is_held(store: Store) -> None:
    with Lock(store, "l", LEASE_S).hold() as lease:
        end_s = outlive(LEASE_S)
        until(lambda: time.monotonic() > end_s)
        lease.assert_held()


def test_renewal_does_not_depend_on_threads_that_compute(store: Store) -> None:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1000))

    busy = [threading.Thread(target=compute) for _ in range(2)]
    for thread in busy:
        thread.start()
    try:
        with Lock(store, "l", 4.0).hold() as lease:
            end_s = time.monotonic() + 5.0
            while time.monotonic() < end_s:
                sum(range(1000))
            lease.assert_held()
    finally:
        stop.set()
        for thread in busy:
            thread.join()


def test_renewal_does_not_depend_on_the_event_loop(astore_factory: Callable[[], AsyncStore]) -> None:
    async def scenario() -> None:
        async with astore_factory() as store, AsyncLock(store, "l", LEASE_S).hold() as lease:
            end_s = outlive(LEASE_S)
            while time.monotonic() < end_s:
                time.sleep(0.01)
            lease.assert_held()

    asyncio.run(scenario())


def test_many_locks_are_renewed_together(store: Store) -> None:
    locks = [Lock(store, f"l{n}", LEASE_S) for n in range(300)]
    leases = [lock.acquire() for lock in locks]
    end_s = outlive(LEASE_S)
    until(lambda: time.monotonic() > end_s)
    assert all(lease is not None and lease.valid for lease in leases)
    for lock in locks:
        lock.release()


def test_it_stops_at_max_hold(store: Store) -> None:
    """Also when another lease wakes the keeper more often."""
    lost: list[str] = []
    lease = Lock(store, "l", LEASE_S, max_hold=LEASE_S).acquire()
    assert lease is not None
    lease.on_lost(lost.append)
    with Lock(store, "another", LEASE_S / 2).hold() as other:
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
    leases = [Lock(store, f"l{n}", LEASE_S).acquire() for n in range(3)]
    broken = LockKeys(store.namespace, "l1").owner
    store.perform(Command(("DEL", broken)))
    store.perform(Command(("RPUSH", broken, "x")))
    store.perform(Command(("PEXPIRE", broken, 5000)))
    try:
        until(lambda: leases[1] is not None and leases[1].lost)
        assert [lease is not None and lease.valid for lease in leases] == [True, False, True]
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


def test_a_released_lease_is_not_reported_as_lost(store: Store) -> None:
    lost: list[str] = []
    lock = Lock(store, "l", LEASE_S)
    lease = lock.acquire()
    assert lease is not None
    lease.on_lost(lost.append)
    lock.release()
    assert keeper._KEEPERS[id(store.client)].idle
    end_s = outlive(LEASE_S)
    until(lambda: time.monotonic() > end_s)
    assert lost == []


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
        end_s = outlive(LEASE_S)
        until(lambda: time.monotonic() > end_s)
        lease.assert_held()
