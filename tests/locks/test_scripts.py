"""Does each script do what its invariant says, call by call (L1 to L6)?"""

from __future__ import annotations

import pytest

from onebeat.keys import LockKeys
from onebeat.locks.calls import ACQUIRE, RENEW
from onebeat.wire import Store
from tests.locks.bench import Bench

# -- L1: acquire succeeds iff free or already mine --------------------------------------------------


def test_l1_free_then_busy(bench: Bench) -> None:
    assert bench.acquire("a")[0] == "held"
    assert bench.acquire("b") == ("busy", 0)


def test_l1_the_same_token_gets_the_same_fence_and_the_full_lease(bench: Bench) -> None:
    first = bench.acquire("a", ttl_ms=30_000)
    assert bench.acquire("a", ttl_ms=600_000) == first
    assert bench.command("PTTL", bench.keys.owner) > 50_000


def test_l1_an_attempt_that_was_abandoned_takes_nothing_when_its_request_arrives_late(bench: Bench) -> None:
    assert bench.release("a", "abandon") == ("not-yours", "")
    assert bench.release("b", "abandon") == ("not-yours", "")
    assert bench.acquire("a") == ("over", 0)
    assert bench.acquire("a", stay_ms=60_000) == ("over", 0)
    assert not bench.command("EXISTS", bench.keys.owner, bench.keys.queue)


def test_l1_a_late_request_takes_nothing_though_others_hold_and_release_meanwhile(bench: Bench) -> None:
    bench.acquire("holder")
    bench.acquire("late", stay_ms=60_000)
    bench.release("late", "abandon")
    for token in ("holder", "next", "one more"):
        assert bench.acquire(token)[0] == "held"
        assert bench.release(token)[0] == "done"
    assert bench.acquire("late") == ("over", 0)


def test_l1_a_mailbox_is_looked_at_for_as_long_as_it_can_say_that_an_attempt_is_over(bench: Bench) -> None:
    bench.release("late", "abandon")
    bench.command("HSET", bench.keys.state, "tombs", "1")  # a minute is over
    bench.command("DEL", bench.keys.bell("late"))
    bench.acquire("a")
    assert bench.command("HGET", bench.keys.state, "tickets") == b"0"


def test_l1_a_released_token_takes_nothing_when_its_request_arrives_late(bench: Bench) -> None:
    bench.acquire("a")
    bench.release("a")
    assert bench.acquire("a") == ("over", 0)


# -- L2: renew and release succeed iff mine ---------------------------------------------------------


@pytest.mark.parametrize("how", ["release", "abandon", "force"])
def test_l2_another_cannot_release(bench: Bench, how: str) -> None:
    bench.acquire("a")
    assert bench.release("b", how) == ("not-yours", "")
    assert bench.command("GET", bench.keys.owner) == b"a"


def test_l2_a_repeated_release_is_a_success(bench: Bench) -> None:
    bench.acquire("a")
    assert [bench.release("a")[0] for _ in range(3)] == ["done", "already", "already"]


def test_l2_a_release_repeated_some_holders_later_is_a_success(bench: Bench) -> None:
    tokens = [f"{n:032x}" for n in range(40)]
    for token in tokens:
        bench.acquire(token)
        bench.release(token)
    assert {bench.release(token)[0] for token in tokens[-16:]} == {"already"}
    assert bench.release(tokens[0])[0] == "not-yours"
    assert (
        bench.command("HSTRLEN", bench.keys.state, "over") == 17 + 1 + 16 * 13
    )  # slot, fence, ends of tokens


def test_l2_the_old_holder_cannot_release_or_renew_the_new_ones_lock(bench: Bench) -> None:
    bench.acquire("a")
    bench.command("DEL", bench.keys.owner)  # its lease ended
    bench.acquire("b", ttl_ms=60_000)
    assert bench.renew("a", 3_600_000) is False
    assert bench.release("a") == ("not-yours", "")
    assert bench.command("GET", bench.keys.owner) == b"b"
    assert bench.command("PTTL", bench.keys.owner) <= 60_000


def test_l2_a_lease_that_ended_is_not_revived(bench: Bench) -> None:
    bench.acquire("a")
    bench.command("DEL", bench.keys.owner)
    assert bench.renew("a") is False
    assert not bench.command("EXISTS", bench.keys.owner)


def test_l2_renew_restarts_the_lease(bench: Bench) -> None:
    bench.acquire("a", ttl_ms=30_000)
    assert bench.renew("a", 600_000) is True
    assert bench.command("PTTL", bench.keys.owner) > 50_000


def test_l2_one_call_renews_many_locks_and_tells_them_apart(store: Store) -> None:
    benches = [Bench(store, LockKeys(store.namespace, f"l{n}")) for n in range(5)]
    for bench in benches:
        bench.acquire("mine" if bench is not benches[3] else "another")
    call = RENEW.call(owners=[bench.keys.owner for bench in benches], holds=[("mine", 60_000)] * 5)
    assert store.perform(call) == [1, 1, 1, 0, 1]


# -- L3: fences strictly increase for the life of the resource --------------------------------------


def test_l3_fences_increase_over_release_expiry_force_hand_over_and_loss_of_all_keys(bench: Bench) -> None:
    fences = [bench.acquire("a")[1]]
    bench.release("a")
    fences.append(bench.acquire("b")[1])
    bench.command("DEL", bench.keys.owner)
    fences.append(bench.acquire("c")[1])
    bench.release("c", "force")
    fences.append(bench.acquire("d")[1])
    bench.acquire("e", stay_ms=60_000)
    assert bench.release("d") == ("done", "e")
    fences.append(bench.acquire("e")[1])
    bench.command("DEL", bench.keys.owner, bench.keys.state)  # as after FLUSHALL or a failover
    fences.append(bench.acquire("f")[1])
    assert fences == sorted(set(fences))


def test_l3_a_fence_grows_even_when_the_clock_of_the_store_went_back(bench: Bench) -> None:
    future = 8_000_000_000_000_000  # µs; the year 2223
    bench.command("HSET", bench.keys.state, "fence", str(future))
    assert bench.acquire("a") == ("held", future + 1)


def test_l3_a_hand_over_makes_its_fence_at_once(bench: Bench) -> None:
    _, first = bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    bench.release("a")
    assert int(bench.command("HGET", bench.keys.state, "fence")) > first


def test_l3_a_forced_release_bumps_the_fence(bench: Bench) -> None:
    _, first = bench.acquire("a")
    bench.release("a", "force")
    assert int(bench.command("HGET", bench.keys.state, "fence")) > first
    assert bench.release("a") == ("not-yours", "")  # the old holder learns that it was not its own release


def test_the_state_outlives_the_owner(bench: Bench) -> None:
    bench.acquire("a", ttl_ms=30_000)
    assert bench.command("PTTL", bench.keys.state) > 29 * 86_400_000


# -- L6 and the queue -------------------------------------------------------------------------------


def test_l6_newcomers_never_barge(bench: Bench) -> None:
    bench.acquire("a")
    assert bench.acquire("b", stay_ms=60_000)[0] == "queued"
    bench.command("DEL", bench.keys.owner)  # free, and b has not noticed yet
    assert bench.acquire("newcomer") == ("busy", 0)
    assert bench.acquire("patient", stay_ms=60_000)[0] == "queued"
    assert bench.acquire("b", stay_ms=60_000)[0] == "held"


def test_l6_first_in_first_out(bench: Bench) -> None:
    bench.acquire("t0")
    for n in range(1, 6):
        bench.acquire(f"t{n}", stay_ms=60_000)
    for n in (3, 5, 1):  # asking again does not change a place
        bench.acquire(f"t{n}", stay_ms=60_000)
    for n in range(5):
        assert bench.release(f"t{n}") == ("done", f"t{n + 1}")
        assert bench.acquire(f"t{n + 1}", stay_ms=60_000)[0] == "held"


def test_wait_zero_never_queues(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=0)
    assert not bench.command("EXISTS", bench.keys.queue, bench.keys.waiters)


def lapse(bench: Bench, token: str) -> None:
    """As if this waiter had died a while ago."""
    bench.command("HSET", bench.keys.waiters, token, "1:300:0")


def test_release_passes_over_dead_waiters_and_drops_them(bench: Bench) -> None:
    bench.acquire("a")
    for token in ("dead1", "dead2", "alive", "last"):
        bench.acquire(token, stay_ms=60_000)
    lapse(bench, "dead1")
    lapse(bench, "dead2")
    assert bench.release("a") == ("done", "alive")
    assert bench.command("ZRANGE", bench.keys.queue, 0, -1) == [b"alive", b"last"]
    assert bench.command("HKEYS", bench.keys.waiters) == [b"alive", b"last"]


def test_acquire_drops_dead_waiters_and_takes_a_free_lock(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("dead", stay_ms=60_000)
    bench.command("DEL", bench.keys.owner)
    lapse(bench, "dead")
    assert bench.acquire("b")[0] == "held"
    assert not bench.command("EXISTS", bench.keys.queue, bench.keys.waiters)


def test_a_crowd_of_dead_waiters_is_dropped_in_bounded_steps_and_nobody_barges(bench: Bench) -> None:
    bench.acquire("a")
    crowd = [f"dead{n}" for n in range(150)]
    for token in [*crowd, "alive"]:
        bench.acquire(token, stay_ms=60_000)
    for token in crowd:
        lapse(bench, token)
    bench.command("DEL", bench.keys.owner)
    verdicts = [bench.acquire("newcomer")[0] for _ in range(5)]
    assert verdicts == ["busy"] * 5
    assert bench.acquire("alive", stay_ms=60_000)[0] == "held"


def test_a_waiter_that_comes_back_late_is_alive_again(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    lapse(bench, "b")
    bench.acquire("b", stay_ms=60_000)
    assert bench.release("a") == ("done", "b")


def test_a_dead_heir_frees_the_lock_within_its_short_grant(bench: Bench) -> None:
    bench.acquires = ACQUIRE
    bench.acquire("a", ttl_ms=60_000)
    bench.acquire("b", ttl_ms=60_000, stay_ms=60_000)
    assert bench.release("a") == ("done", "b")
    assert bench.command("PTTL", bench.keys.owner) <= 300
    assert bench.acquire("b", ttl_ms=600_000)[0] == "held"
    assert bench.command("PTTL", bench.keys.owner) > 50_000


def test_a_grant_is_never_longer_than_the_lease_of_its_heir(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", ttl_ms=200, stay_ms=60_000)
    bench.release("a")
    assert bench.command("PTTL", bench.keys.owner) <= 200


def test_abandon_leaves_the_queue(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    bench.acquire("c", stay_ms=60_000)
    bench.release("b", "abandon")
    assert bench.release("a") == ("done", "c")


def test_abandon_passes_on_what_was_granted_meanwhile(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    bench.acquire("c", stay_ms=60_000)
    bench.release("a")
    assert bench.release("b", "abandon") == ("done", "c")
    assert bench.command("GET", bench.keys.owner) == b"c"


def test_a_repeated_release_names_the_heir_whose_wake_up_may_be_lost(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    assert bench.release("a") == ("done", "b")
    assert bench.release("a") == ("already", "b")
    bench.acquire("b")
    assert bench.release("a") == ("already", "")


def test_at_least_keeps_the_lock_shut_after_its_release(bench: Bench) -> None:
    bench.acquire("a", ttl_ms=3_600_000)
    assert bench.release("a", keep_ms=60_000) == ("done", "")
    assert bench.acquire("b") == ("busy", 0)
    assert bench.renew("a", 3_600_000) is False  # a late renewal must not keep it shut for longer
    assert 0 < bench.command("PTTL", bench.keys.owner) <= 60_000
    assert bench.acquire("a") == ("over", 0)
    assert bench.release("a", keep_ms=3_600_000) == ("already", "")


# -- bells ------------------------------------------------------------------------------------------


def test_a_bell_rings_once_and_is_forgotten(bench: Bench) -> None:
    assert [bench.ring("a"), bench.ring("a")] == [1, 0]
    assert 0 < bench.command("PTTL", bench.keys.bell("a")) <= 10_000


def test_a_bell_does_not_hide_that_its_waiter_gave_up(bench: Bench) -> None:
    bench.ring("a")
    bench.release("a", "abandon")
    bench.ring("a")
    assert bench.acquire("a") == ("over", 0)
