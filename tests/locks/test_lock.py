"""Does a lock keep its promises to threads and to people?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from onebeat.errors import ConfigError, InvalidName, LeaseLost, LockError, LockTimeout, NotFound
from onebeat.keys import LockKeys
from onebeat.locks import Holder, Lock, Released, holders
from onebeat.wire import AsyncStore, Command, Store
from tests.locks.waiting import until
from tests.servers import Server


def waiters(store: Store, name: str) -> int:
    return int(store.perform(Command(("ZCARD", LockKeys(store.namespace, name).queue))))


def test_one_holder_at_a_time(store: Store) -> None:
    lease = Lock(store, "l", 60).acquire()
    assert lease is not None
    assert Lock(store, "l").acquire() is None
    assert Lock(store, "another").acquire() is not None
    assert lease.valid
    assert 0 < lease.remaining_s <= 54


def test_release_and_again(store: Store) -> None:
    lock = Lock(store, "l")
    first = lock.acquire()
    assert first is not None
    assert [lock.release(), lock.release()] == [Released.DONE, Released.ALREADY]
    second = lock.acquire()
    assert second is not None
    assert second.fence > first.fence
    assert lock.release(first) is Released.ALREADY  # a zombie's second release ends nobody's hold
    assert lock.peek() is not None


def test_a_released_lease_is_not_believed(store: Store) -> None:
    with Lock(store, "l").hold() as lease:
        lease.assert_held()
    assert not lease.valid
    assert not lease.lost
    with pytest.raises(LeaseLost, match="it was released"):
        lease.assert_held()


def test_hold_says_who_holds_it(store: Store) -> None:
    Lock(store, "l").acquire()
    with pytest.raises(LockTimeout, match=r"process \d+ on .* fence \d+ holds it"), Lock(store, "l").hold():
        pytest.fail("two holders")


def test_exceptions_pass_through_and_the_lock_is_free(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), Lock(store, "l").hold():
        raise ZeroDivisionError
    assert Lock(store, "l").peek() is None


def test_an_interrupted_wait_leaves_nothing(store: Store) -> None:
    """KeyboardInterrupt is no StoreError: it passes the protocol by, and the shell cleans up."""

    class Interrupted(Store):
        def perform(self, effect: object) -> object:
            if isinstance(effect, Command) and effect.words[0] == "BLPOP":
                raise KeyboardInterrupt
            return super().perform(effect)

    with Lock(store, "l").hold():
        interrupted = Interrupted(store.client, store.namespace)
        with pytest.raises(KeyboardInterrupt):
            Lock(interrupted, "l").acquire(wait=60)
        assert waiters(store, "l") == 0


def test_waiters_are_served_in_order(store: Store) -> None:
    order: list[int] = []

    def wait(number: int) -> None:
        with Lock(store, "l").hold(wait=90):
            order.append(number)

    with ThreadPoolExecutor(8) as threads, Lock(store, "l").hold():
        for number in range(8):
            threads.submit(wait, number)
            until(lambda n=number: waiters(store, "l") == n + 1)
    assert order == list(range(8))


def test_a_hand_over_needs_no_poll(store: Store) -> None:
    """64 hand-overs between two threads: waiting for a beat even once in a while would take two minutes."""
    turns = 0

    def take_turns() -> None:
        nonlocal turns
        lock = Lock(store, "l")
        for _ in range(32):
            with lock.hold(wait=90):
                turns += 1

    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(take_turns) for _ in range(2)]
        for each in done:
            each.result(timeout=90)
    assert turns == 64


def test_a_waiter_gives_up_after_its_time(store: Store) -> None:
    with Lock(store, "l").hold():
        assert Lock(store, "l").acquire(wait=0.2) is None
        assert waiters(store, "l") == 0


def test_a_handle_may_cross_threads(store: Store) -> None:
    lock = Lock(store, "l")
    lease = lock.acquire()
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lock.release, lease).result() is Released.DONE


def test_a_lost_lock_is_reported_at_the_end(store: Store) -> None:
    with pytest.raises(LeaseLost, match="'l'"), Lock(store, "l").hold():
        store.perform(Command(("DEL", LockKeys(store.namespace, "l").owner)))


def test_force_release(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    lock = Lock(store, "l")
    lease = lock.acquire()
    assert lease is not None
    assert Lock.force_release(store, "l", reason="it hangs").fence == lease.fence
    assert lock.peek() is None
    newer = Lock(store, "l").acquire()
    assert newer is not None
    assert newer.fence > lease.fence + 1
    assert lock.release(lease) is Released.NOT_YOURS
    assert "it hangs" in caplog.text
    audit = store.perform(Command(("HGET", LockKeys(store.namespace, "l").state, "forced")))
    assert b"it hangs" in audit


def test_force_release_of_a_free_lock(store: Store) -> None:
    with pytest.raises(NotFound, match="nothing to release"):
        Lock.force_release(store, "l", reason="")


def test_at_least(store: Store) -> None:
    with Lock(store, "l", at_least=60).hold():
        pass
    assert Lock(store, "l").acquire() is None
    store.perform(Command(("PEXPIRE", LockKeys(store.namespace, "l").owner, 200)))  # it is nearly over
    assert Lock(store, "l").acquire(wait=90) is not None


def test_who_gave_a_lock_back_is_not_taken_for_its_holder(store: Store) -> None:
    lock = Lock(store, "a")
    with lock.hold():
        pass
    store.perform(Command(("SET", LockKeys(store.namespace, "a").owner, "another program", "PX", 60_000)))
    held = lock.peek()
    assert held is not None
    assert (held.host, held.pid) == ("", 0)


def test_peek_and_holders(store: Store) -> None:
    names = ["a", "reports:daily", "with {braces} and *?[x]", "ünï"]
    for name in names:
        Lock(store, name).acquire()
    found = holders(store)
    assert [holder.name for holder in found] == sorted(names)
    one = Lock(store, "a").peek()
    assert isinstance(one, Holder)
    assert (one.name, one.pid, one.waiters) == ("a", found[0].pid, 0)
    assert 0 < one.remaining_ms <= 10_000
    assert one.token not in repr(one)
    assert Lock(store, "free").peek() is None


class FakeClient:
    def __init__(self, store: object) -> None:
        self.store = store


@pytest.mark.parametrize("decode", [False, True])
def test_a_redis_client_will_do(server: Server, namespace: str, decode: bool) -> None:
    client = redis.Redis(unix_socket_path=str(server.socket), decode_responses=decode)
    with client, Lock(client, "l", namespace=namespace).hold():
        assert [holder.name for holder in holders(client, namespace=namespace)] == ["l"]
        assert Lock(client, "l", namespace=namespace).acquire(wait=0.1) is None


def test_an_onebeat_client_will_do(store: Store) -> None:
    with Lock(FakeClient(store), "l").hold():
        assert len(holders(FakeClient(store))) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda store: Lock(object(), "l"),
        lambda store: Lock(AsyncStore.open("unix:///nowhere"), "l"),
        lambda store: Lock(redis.asyncio.Redis(), "l"),
        lambda store: Lock(store, "l", lease=0),
        lambda store: Lock(store, "l", max_hold=0),
        lambda store: Lock(store, "l", max_hold=31 * 86_400),
        lambda store: Lock(store, "l", at_least=-1),
        lambda store: Lock(store, "l").acquire(wait=-1),
    ],
)
def test_what_cannot_be_is_refused(store: Store, make: Callable[[Store], object]) -> None:
    with pytest.raises(ConfigError):
        make(store)


def test_names_and_misuse(store: Store) -> None:
    with pytest.raises(InvalidName):
        Lock(store, "")
    with pytest.raises(LockError, match="nothing to release"):
        Lock(store, "l").release()


def test_no_thread_is_left(store: Store) -> None:
    """One keeper for all locks of a store, however many."""
    before = threading.active_count()
    for n in range(20):
        Lock(store, f"l{n}").acquire()
    assert threading.active_count() <= before + 1
