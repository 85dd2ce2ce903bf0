"""When does one who waits look again, however many wait before it?"""

from __future__ import annotations

from onebeat.locks.calls import ALONE
from tests.locks.bench import Bench, ShareBench

STAY = 60_000


def test_all_look_when_the_lease_can_end(bench: Bench) -> None:
    bench.acquire("holder", ttl_ms=60_000)
    looks = [bench.acquire(f"w{number:02}", stay_ms=60_000)[1] for number in range(20)]
    assert all(0 <= look <= 500 for look in looks[:8])
    assert all(50_000 < look <= 60_160 for look in looks[8:])


def test_a_lock_that_somebody_made_without_an_end_is_looked_at_on_the_beat(bench: Bench) -> None:
    bench.command("SET", bench.keys.owner, "redis-py's")
    assert [bench.acquire(token, stay_ms=60_000) for token in "abc"] == [("queued", -1)] * 3
    bench.command("DEL", bench.keys.owner)


def test_all_look_when_a_lease_can_end(shares: ShareBench) -> None:
    shares.enter("holder", ALONE, ttl_ms=60_000)
    told = [shares.enter(f"w{number:02}", ALONE, stay_ms=STAY) for number in range(20)]
    looks = [int(one[1]) for one in told]
    assert all(0 <= look <= 500 for look in looks[:8])
    assert all(50_000 < look <= 60_160 for look in looks[8:])
