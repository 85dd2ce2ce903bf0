"""Who is waited for when the lock is free and nobody takes it? Whoever does not answer is passed (L5, L6)."""

from __future__ import annotations

from onebeat.locks.calls import ACQUIRE
from tests.locks.bench import Bench, ShareBench


def test_the_front_of_the_queue_looks_often_and_the_rest_when_the_lease_can_end(bench: Bench) -> None:
    bench.acquire("a", ttl_ms=60_000)
    looks = [bench.acquire(f"w{n:02}", stay_ms=60_000)[1] for n in range(20)]
    assert looks[:8] == [500] * 8
    assert all(0 < look <= 60_160 for look in looks[8:])


def test_a_lock_that_somebody_made_without_an_end_is_looked_at_on_the_beat(bench: Bench) -> None:
    bench.command("SET", bench.keys.owner, "redis-py's")
    assert [bench.acquire(token, stay_ms=60_000) for token in "abc"] == [("queued", -1)] * 3
    bench.command("DEL", bench.keys.owner)


def test_a_free_lock_whose_turn_nobody_takes_calls_all_who_wait_before_at_once(bench: Bench) -> None:
    bench.acquire("a")
    for token in ("w1", "w2", "w3", "w4"):
        bench.acquire(token, stay_ms=60_000)
    bench.command("DEL", bench.keys.owner)
    assert bench.called_by("w3", stay_ms=60_000) == ("queued", ["w1", "w2"])
    assert bench.called_by("w4", stay_ms=60_000) == ("queued", ["w3"])  # the others are called already
    assert bench.called_by("newcomer") == ("busy", ["w4"])
    assert bench.acquire("w1")[0] == "held"


def test_who_was_called_in_vain_is_passed_and_keeps_its_place(bench: Bench) -> None:
    bench.acquire("a")
    for token in ("w1", "w2", "w3"):
        bench.acquire(token, stay_ms=60_000)
    bench.command("DEL", bench.keys.owner)
    assert bench.called_by("w3", stay_ms=60_000) == ("queued", ["w1", "w2"])
    bench.silence("w1")
    bench.silence("w2")
    assert bench.acquire("w3")[0] == "held"
    bench.acquire("w4", stay_ms=60_000)
    assert bench.acquire("w2", stay_ms=60_000)[0] == "queued"  # it was only slow
    assert bench.release("w3") == ("done", "w2")
    assert bench.command("ZRANGE", bench.keys.queue, 0, -1) == [b"w1", b"w2", b"w4"]


def test_a_call_ends_for_who_answers_it(bench: Bench) -> None:
    bench.acquires = ACQUIRE
    bench.acquire("a")
    for token in ("w1", "w2", "w3"):
        bench.acquire(token, stay_ms=60_000)
    bench.command("DEL", bench.keys.owner)
    bench.called_by("w3", stay_ms=60_000)
    bench.silence("w1")
    bench.silence("w2")
    assert bench.acquire("w2", stay_ms=60_000)[0] == "held"  # before w3, and w1 did not answer


def test_a_heir_keeps_its_place_until_it_came(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("w1", stay_ms=60_000)
    bench.acquire("w2", stay_ms=60_000)
    assert bench.release("a") == ("done", "w1")
    bench.command("DEL", bench.keys.owner)  # it was too slow for its grant
    assert bench.called_by("w2", stay_ms=60_000) == ("queued", ["w1"])
    assert bench.acquire("w1")[0] == "held"
    assert bench.command("ZRANGE", bench.keys.queue, 0, -1) == [b"w2"]


def test_an_operator_takes_the_lock_from_an_heir_that_has_not_come(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("w1", stay_ms=60_000)
    bench.acquire("w2", stay_ms=60_000)
    bench.release("a")
    assert bench.release("w1", "force") == ("done", "w2")
    assert bench.command("ZRANGE", bench.keys.queue, 0, -1) == [b"w2"]


# -- the same for shares ------------------------------------------------------------------------------


def test_the_front_of_a_share_looks_often_and_the_rest_when_a_lease_can_end(shares: ShareBench) -> None:
    shares.enter("a", ttl_ms=60_000)
    looks = [shares.enter(f"w{n:02}", stay_ms=60_000)[1] for n in range(20)]
    assert looks[:8] == [500] * 8
    assert all(0 < look <= 60_160 for look in looks[8:])


def test_a_share_passes_who_was_called_in_vain_and_it_keeps_its_place(shares: ShareBench) -> None:
    shares.enter("a", ttl_ms=60_000)
    for token in ("w1", "w2", "w3"):
        shares.enter(token, stay_ms=60_000)
    assert shares.leave("a") == ["done", "w1"]
    assert shares.enter("w3", stay_ms=60_000)[::2] == ("queued", ["w1", "w2"])
    shares.silence("w1")
    shares.silence("w2")
    assert shares.enter("w3", ttl_ms=60_000)[0] == "held"
    shares.enter("w4", stay_ms=60_000)
    assert shares.enter("w2", stay_ms=60_000)[0] == "queued"  # it was only slow
    assert shares.leave("w3") == ["done", "w2"]
    assert shares.command("ZRANGE", shares.keys.queue, 0, -1) == [b"w1", b"w2", b"w4"]
