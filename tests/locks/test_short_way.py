"""Does the short way of `acquire`, for a lock that was given back, keep what the long one keeps?"""

from __future__ import annotations

from tests.locks.bench import Bench


def test_l3_a_fence_grows_on_the_short_way_too(bench: Bench) -> None:
    future = 8_000_000_000_000_000
    bench.acquire("a")
    bench.command("HSET", bench.keys.state, "fence", str(future))
    bench.release("a")  # so the next one finds all as usual, but for the time
    assert bench.acquire("b") == ("held", future + 1)


def test_l6_newcomers_never_barge_when_a_lock_opens_that_was_given_back(bench: Bench) -> None:
    bench.acquire("a")
    bench.acquire("b", stay_ms=60_000)
    bench.release("a", keep_ms=60_000)
    bench.command("DEL", bench.keys.owner)  # it stayed shut for long enough
    assert bench.acquire("newcomer") == ("busy", 0)
    assert bench.acquire("b", stay_ms=60_000)[0] == "held"


def test_the_end_of_the_state_is_put_off_again_and_again(bench: Bench) -> None:
    bench.acquire("a")
    bench.release("a")
    earlier = int(bench.command("HGET", bench.keys.state, "fence")) - 2_000_000_000  # µs
    over = bench.command("HGET", bench.keys.state, "over").decode()
    bench.command("HSET", bench.keys.state, "fence", earlier, "over", f"A{earlier}{over[over.index(',') :]}")
    bench.command("PEXPIRE", bench.keys.state, 60_000)
    bench.acquire("b")
    assert bench.command("PTTL", bench.keys.state) > 29 * 86_400_000
    bench.acquire("c", stay_ms=60_000)
    bench.command("HSET", bench.keys.state, "fence", earlier)
    bench.command("PEXPIRE", bench.keys.state, 60_000)
    assert bench.release("b") == ("done", "c")
    assert bench.command("PTTL", bench.keys.state) > 29 * 86_400_000
