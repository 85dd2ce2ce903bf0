"""What becomes of a lock when its holder, a waiter or the store dies, stops or forgets?"""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from onebeat.errors import LeaseLost, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import Lock, keeper, protocol
from onebeat.wire import Command, Store
from tests.clocks import SteppedClock
from tests.locks.holder import Process
from tests.locks.waiting import until
from tests.servers import Server

LEASE_S = 1.0


def process(store: Store, server: Server, lease_s: float = LEASE_S, name: str = "l") -> Process:
    return Process(store, server.url, name, lease_s)


def fence_of(answer: str) -> int:
    verdict, fence = answer.split()
    assert verdict == "held"
    return int(fence)


def queued(store: Store) -> int:
    return int(store.perform(Command(("ZCARD", LockKeys(store.namespace, "l").queue))))


def test_p11_l5_a_killed_holder_frees_the_lock_within_its_lease(store: Store, server: Server) -> None:
    with process(store, server) as dying:
        before = fence_of(dying.ask("acquire 0"))
        dying.signal(signal.SIGKILL)
        # by the store's clock: what nobody renews any more ends with the lease
        assert store.perform(Command(("PTTL", LockKeys(store.namespace, "l").owner))) <= LEASE_S * 1000
        lease = Lock(store, "l").acquire(wait=90)
        assert lease is not None
        assert lease.fence > before


def test_l5_a_killed_waiter_delays_the_next_one_only_a_little(store: Store, server: Server) -> None:
    lease = Lock(store, "l", lease=3600).acquire()
    assert lease is not None
    with process(store, server, 3600) as dying, process(store, server, 3600) as alive:
        dying.tell("acquire 3600")
        until(lambda: queued(store) == 1)
        alive.tell("acquire 3600")
        until(lambda: queued(store) == 2)
        dying.signal(signal.SIGKILL)
        Lock(store, "l").release(lease)
        # after a short grant and a beat: with the lease of an hour this test would be over before
        assert fence_of(alive.hear()) > lease.fence


def test_p3_l4_a_stopped_holder_stops_believing_before_another_is_let_in(
    store: Store, server: Server
) -> None:
    with process(store, server) as stopped:
        old_fence = fence_of(stopped.ask("acquire 0"))
        stopped.signal(signal.SIGSTOP)
        newer = Lock(store, "l", lease=60).acquire(wait=90)
        assert newer is not None
        stopped.signal(signal.SIGCONT)
        assert stopped.ask("valid") == "False"
        assert stopped.ask("release") == "not-yours"
        assert newer.fence > old_fence
        newer.assert_held()


def test_l4_a_lease_without_renewals_ends_for_its_holder_first(store: Store) -> None:
    """Whenever the store no longer has the owner, `valid`, looked at after that, is false already."""
    lock = Lock(store, "l", lease=0.5, max_hold=0.01)
    lease = lock.acquire()
    assert lease is not None
    until(lambda: store.perform(Command(("GET", lock.keys.owner))) is None)
    assert not lease.valid


def test_f3_an_unguarded_counter_loses_nothing(store: Store, server: Server) -> None:
    counter = LockKeys(store.namespace, "counted").bell("x")
    with ExitStack() as stack:
        counting = [stack.enter_context(process(store, server, 10)) for _ in range(4)]
        for each in counting:
            each.tell(f"count 200 {counter}")
        assert [each.hear() for each in counting] == ["200"] * 4
    assert int(store.perform(Command(("GETDEL", counter)))) == 800


def test_a_fork_may_not_use_its_parents_handles_and_has_its_own_keeper(store: Store, server: Server) -> None:
    with process(store, server, 60) as parent:
        parent.ask("acquire 0")
        assert parent.ask("fork") == "valid=False,refused,refused,refused,own=True"
        assert parent.ask("valid") == "True"
        assert parent.ask("release") == "done"


def test_l3_fences_grow_over_the_loss_of_all_keys(own_server: Server) -> None:
    with Store.open(own_server.url, "t") as store:
        old = Lock(store, "l").acquire()
        store.perform(Command(("FLUSHALL",)))
        new = Lock(store, "l").acquire()
        assert old is not None
        assert new is not None
        assert new.fence > old.fence


@pytest.mark.usefixtures("eager")
def test_a_lost_store_ends_the_lease_for_its_holder(own_server: Server) -> None:
    with Store.open(own_server.url, "t") as store:
        lost: list[str] = []
        clock = SteppedClock()
        lease = Lock(store, "l", lease=20, clock=clock).acquire()
        assert lease is not None
        lease.on_lost(lost.append)
        own_server.kill()
        (hold,) = keeper._KEEPERS[id(store.client)]._holds.values()
        until(lambda: hold.trouble)
        clock.step(20)
        until(lambda: lost)
        assert "no renewal succeeded" in lost[0]
        with pytest.raises(LeaseLost):
            lease.assert_held()


def test_a_held_lock_survives_a_restart_of_the_store(own_server: Server) -> None:
    with Store.open(own_server.url, "t") as store:
        lease = Lock(store, "l", lease=300).acquire()
        assert lease is not None
        own_server.stop()
        own_server.start()
        assert lease.valid
        assert Lock(store, "l").release(lease) == "done"


def test_scripts_are_sent_again_after_the_store_forgot_them(store: Store) -> None:
    with Lock(store, "l").hold():
        store.perform(Command(("SCRIPT", "FLUSH")))


def test_a_work_that_failed_reports_its_own_error_when_the_store_is_gone(
    own_server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(protocol, "INSIST_S", 0.2)

    def work(store: Store) -> None:
        with Lock(store, "l", lease=20).hold():
            own_server.kill()
            raise ZeroDivisionError

    with Store.open(own_server.url, "t") as store:
        with pytest.raises(ZeroDivisionError):
            work(store)
        assert "could not be released, its lease will end" in caplog.text
        with pytest.raises(StoreError):
            Lock(store, "l").acquire()
