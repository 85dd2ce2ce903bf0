"""Does each script of shares do what its invariant says, call by call (L1 to L6)?"""

from __future__ import annotations

import pytest

from onebeat.locks.calls import ALONE
from tests.locks.bench import ShareBench

STAY = 60_000

# -- L1: who is let in ------------------------------------------------------------------------------


def test_l1_as_many_as_each_tolerates(shares: ShareBench) -> None:
    assert [shares.enter(token, 2)[0] for token in "abc"] == ["held", "held", "busy"]
    assert shares.enter("d", 3)[0] == "held"
    assert shares.enter("e", ALONE)[0] == "busy"


def test_l1_who_is_alone_is_alone(shares: ShareBench) -> None:
    assert [shares.enter("a")[0], shares.enter("b", 99)[0], shares.enter("c")[0]] == ["held", "busy", "busy"]


def test_l1_the_same_token_gets_the_same_fence_and_the_full_lease(shares: ShareBench) -> None:
    first = shares.enter("a", 2, ttl_ms=5_000)
    assert shares.enter("a", 2, ttl_ms=60_000) == first
    assert shares.command("PTTL", shares.keys.permits) > 50_000
    assert shares.enter("b", 1)[0] == "busy"


def test_l1_an_attempt_that_was_given_up_takes_nothing_when_its_request_arrives_late(
    shares: ShareBench,
) -> None:
    assert shares.leave("a", "abandon") == ["not-yours"]
    shares.enter("b")
    shares.leave("b")
    assert [shares.enter(token, 2, stay_ms=STAY)[0] for token in "ab"] == ["over", "over"]
    assert not shares.command("EXISTS", shares.keys.permits, shares.keys.queue)


# -- L2: what is mine -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["release", "abandon", "force"])
def test_l2_another_cannot_give_it_up(shares: ShareBench, how: str) -> None:
    shares.enter("a", 2)
    assert shares.leave("b", how) == ["not-yours"]
    assert shares.prolong("a") is True


def test_l2_a_repeated_release_is_a_success_and_names_again_whom_to_wake(shares: ShareBench) -> None:
    shares.enter("a")
    for token in "bc":
        shares.enter(token, 2, stay_ms=STAY)
    assert [shares.leave("a"), shares.leave("a")] == [["done", "b", "c"], ["already", "b", "c"]]


def test_l2_a_release_repeated_some_holders_later_is_a_success(shares: ShareBench) -> None:
    tokens = [f"{n:032x}" for n in range(60)]
    for token in tokens:
        shares.enter(token)
        shares.leave(token)
    assert {shares.leave(token)[0] for token in tokens[-32:]} == {"already"}
    assert shares.leave(tokens[0]) == ["not-yours"]
    assert shares.command("HSTRLEN", shares.keys.state, "over") == 32 * 33


def test_l2_a_lease_that_ended_is_not_revived(shares: ShareBench) -> None:
    for token in "ab":
        shares.enter(token, 2)
    shares.expire("a")
    assert [shares.prolong("a"), shares.prolong("b")] == [False, True]
    assert shares.leave("a") == ["not-yours"]


def test_l2_prolonging_one_does_not_shorten_another(shares: ShareBench) -> None:
    shares.enter("a", 2, ttl_ms=60_000)
    shares.enter("b", 2, ttl_ms=60_000)
    assert shares.prolong("b", 100)
    assert shares.command("PTTL", shares.keys.permits) > 50_000


# -- L3: fences -------------------------------------------------------------------------------------


def test_l3_fences_increase_over_release_expiry_force_and_loss_of_all_keys(shares: ShareBench) -> None:
    fences = [shares.enter(token, 3)[1] for token in "abc"]
    shares.leave("a", "force")
    fences.append(shares.enter("d", 3)[1])
    shares.expire("b")
    fences.append(shares.enter("e", 3)[1])
    shares.leave("e")
    fences.append(shares.enter("f", 3)[1])
    shares.command("DEL", shares.keys.state, shares.keys.permits, shares.keys.holders)
    fences.append(shares.enter("g", 3)[1])
    assert fences == sorted(set(fences))


def test_l3_also_when_the_clock_of_the_store_goes_back(shares: ShareBench) -> None:
    shares.command("HSET", shares.keys.state, "fence", 2 * 10**15)
    assert [shares.enter(token, 2)[1] for token in "ab"] == [2 * 10**15 + 1, 2 * 10**15 + 2]


# -- L5: what is dead frees itself ------------------------------------------------------------------


def test_l5_a_dead_holder_makes_room(shares: ShareBench) -> None:
    for token in "ab":
        shares.enter(token, 2)
    shares.expire("a")
    assert shares.enter("c", 2)[0] == "held"
    assert shares.command("HLEN", shares.keys.holders) == 2


def test_l5_a_dead_writer_makes_room(shares: ShareBench) -> None:
    shares.enter("a")
    shares.expire("a")
    assert [shares.enter(token, 5)[0] for token in "bc"] == ["held", "held"]


def test_l5_dead_waiters_are_passed_over_and_dropped(shares: ShareBench) -> None:
    shares.enter("a")
    for token in ("dead", "b", "dead too", "c"):
        shares.enter(token, 2, stay_ms=STAY)
    shares.lapse("dead")
    shares.lapse("dead too")
    assert shares.leave("a") == ["done", "b", "c"]
    assert shares.command("ZRANGE", shares.keys.queue, 0, -1) == [b"b", b"c"]


# -- L6: the order ----------------------------------------------------------------------------------


def test_l6_nobody_passes_a_writer_that_waits(shares: ShareBench) -> None:
    shares.enter("r", 9)
    assert shares.enter("w", ALONE, stay_ms=STAY)[0] == "queued"
    assert shares.enter("late", 9)[0] == "busy"
    assert shares.leave("r") == ["done", "w"]
    assert shares.enter("late", 9)[0] == "busy"
    assert shares.enter("w")[0] == "held"


def test_l6_those_whose_turn_it_is_may_come_in_any_order(shares: ShareBench) -> None:
    shares.enter("w")
    for token in ("r1", "r2", "r3"):
        shares.enter(token, 9, stay_ms=STAY)
    assert shares.leave("w") == ["done", "r1", "r2", "r3"]
    assert shares.enter("r3", 9)[0] == "held"
    assert shares.enter("r1", 9)[0] == "held"


def test_l6_one_whose_turn_it_is_not_waits_although_there_is_room(shares: ShareBench) -> None:
    shares.enter("a", 2)
    shares.enter("b", 2)
    shares.enter("c", 2, stay_ms=STAY)
    shares.enter("d", 2, stay_ms=STAY)
    assert shares.leave("a") == ["done", "c"]
    assert shares.enter("d", 2, stay_ms=STAY)[0] == "queued"
    assert shares.enter("c", 2)[0] == "held"


def test_l6_a_crowd_is_let_in_step_by_step(shares: ShareBench) -> None:
    """Few are woken by one call; who enters wakes the next ones."""
    shares.enter("w")
    crowd = [f"r{n}" for n in range(40)]
    for token in crowd:
        shares.enter(token, 99, stay_ms=STAY)
    _, *woken = shares.leave("w")
    assert woken == crowd[:16]
    _, _, others = shares.enter(crowd[0], 99)
    assert others == crowd[1:17]


def test_l6_behind_more_waiters_than_one_call_looks_at_nobody_barges(shares: ShareBench) -> None:
    shares.enter("w")
    for n in range(70):
        shares.enter(f"dead{n}", 99, stay_ms=STAY)
    shares.enter("alive", 99, stay_ms=STAY)
    for n in range(70):
        shares.lapse(f"dead{n}")
    shares.command("DEL", shares.keys.permits, shares.keys.holders)
    assert shares.enter("newcomer", 99)[0] == "busy"
    assert shares.enter("alive", 99)[0] == "held"
    assert shares.enter("newcomer", 99)[0] == "held"


def test_wait_zero_never_queues(shares: ShareBench) -> None:
    shares.enter("a")
    shares.enter("b")
    assert not shares.command("EXISTS", shares.keys.queue, shares.keys.waiters)


@pytest.mark.parametrize("room", [ALONE, 1])
def test_at_least_keeps_it_taken_after_its_release(shares: ShareBench, room: int) -> None:
    shares.enter("a", room, ttl_ms=60_000)
    assert shares.leave("a", keep_ms=60_000) == ["done"]
    assert shares.enter("b", 1)[0] == "busy"
    assert shares.enter("c", 2)[0] == ("busy" if room == ALONE else "held")
    assert shares.prolong("a", 60_000) is False  # a late renewal must not keep it taken for longer
    assert shares.leave("a", keep_ms=60_000) == ["already"]
    assert shares.leave("a:over", "force") == ["done"]
    assert shares.enter("d", ALONE)[0] == ("held" if room == ALONE else "busy")
