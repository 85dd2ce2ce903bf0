"""Do never more runs of a task start in a time than its rate allows, wherever a call comes from?"""

from __future__ import annotations

import json
from bisect import bisect_left
from itertools import pairwise
from typing import Any

import pytest

from onebeat import task
from onebeat.errors import BadArguments, ConfigError
from onebeat.queue.client import draft
from onebeat.queue.enqueue import Draft
from onebeat.queue.record import LIMITED, RECORDED, ConcurrencyHead, Header, Message, RateHead
from onebeat.worker.bounds import Bounds
from onebeat.worker.rates import Pace
from tests.worker.paced import both, flood, hourly, steady, tenth
from tests.worker.running import Workshop, until

MODULES = ("tests.worker.acts", "tests.worker.paced")


def starts_ms(shop: Workshop) -> list[int]:
    """When each claim was made, Redis ms: the id of the log's entry is the time of the call."""
    found = []
    for at, fields in shop.client.store.client.xrange(shop.keys.log):
        events = [json.loads(line)["event"] for line in fields[b"e"].decode().split("\n")]
        found += [int(at.partition(b"-")[0])] * events.count("claimed")
    return sorted(found)


def most_within(starts: list[int], period_ms: int) -> int:
    """The most starts in any window that long."""
    return max(number + 1 - bisect_left(starts, at - period_ms + 1) for number, at in enumerate(starts))


def test_two_workers_start_no_more_than_the_rate_in_any_second(shop: Workshop) -> None:
    calls = [draft(steady.name, [number], flags=RECORDED) for number in range(40)]
    made = [Draft(steady.bounded(call.message, {"number": n})) for n, call in enumerate(calls)]
    shop.client.send_drafts("default", made)
    for _ in range(2):
        shop.worker(imports=MODULES, concurrency=8)
    until(lambda: shop.stats().get("finish") == 40, "all run")
    starts = starts_ms(shop)
    assert len(starts) == 40
    assert most_within(starts, 1000) <= 20
    assert all(after - before >= 50 for before, after in pairwise(starts)), "evenly"
    assert sorted(int(line.split()[1]) for line in shop.notes()) == list(range(40))
    assert shop.client.store.client.exists(shop.keys.parked, shop.keys.duerec) == 0


def test_two_workers_start_about_as_many_as_the_rate_allows(shop: Workshop) -> None:
    """Ten in a second: what is not reached in five of them would be what a claim took and no run used."""
    made = [draft(tenth.name, [number], flags=RECORDED) for number in range(60)]
    made = [Draft(tenth.bounded(call.message, {"number": n})) for n, call in enumerate(made)]
    shop.client.send_drafts("default", made)
    for _ in range(2):
        shop.worker(imports=MODULES, concurrency=2)
    until(lambda: shop.stats().get("finish") == 60, "all run")
    starts = starts_ms(shop)
    assert len(starts) == 60
    assert all(after - before >= 100 for before, after in pairwise(starts)), "evenly"
    assert 40 <= max(bisect_left(starts, at + 5000) - number for number, at in enumerate(starts)) <= 52
    commands = shop.client.store.client.info("commandstats")
    asked = sum(commands[f"cmdstat_{name}"]["calls"] for name in ("evalsha", "bzpopmin"))
    print(f"{asked} commands for 60 starts")
    assert len(shop.notes()) == 60


def test_a_flood_of_short_runs_holds_up_nobody_who_has_a_token(shop: Workshop) -> None:
    """The worker always holds some of them that have not begun; no token is lost for that."""
    client = shop.client
    client.enqueue_many([(flood.name, [number], None) for number in range(2000)], "default")
    client.enqueue_many([(hourly.name, [number], None) for number in range(9)], "default")
    client.enqueue_many([(flood.name, [number], None) for number in range(2000, 2400)], "default")
    shop.worker(imports=MODULES, concurrency=2)
    until(lambda: len(shop.notes()) == 2409, "all run")
    words = [line.split()[0] for line in shop.notes()]
    last = max(number for number, word in enumerate(words) if word == "hourly")
    assert words.count("hourly") == 9, "each had a token of the nine"
    assert last < 2300, f"the last began after {last} others"


def test_what_waits_for_its_rate_holds_up_nobody_else(shop: Workshop) -> None:
    """By name, as a program does that has not got the task's module, and a beat."""
    for word in ("a0", "a1", "a2", "a3"):
        shop.client.enqueue("paced.tenant", ["acme", word])
    shop.client.enqueue("paced.tenant", ["globex", "b0"])
    shop.enqueue("write", "free")
    shop.worker(imports=MODULES, concurrency=1)
    until(lambda: shop.stats().get("finish") == 4, "two of a tenant, one of another, and what has no rate")
    assert shop.words() == ["free"]
    assert sorted(line.split()[1] for line in shop.notes()) == ["a0", "a1", "b0"]
    until(lambda: shop.client.store.client.zcard(shop.keys.parked) == 2, "the others wait")


def test_beside_a_limit_of_how_many_run_at_once(shop: Workshop) -> None:
    for number in range(30):
        shop.client.enqueue(both.name, [number])
    for _ in range(2):
        shop.worker(imports=MODULES, concurrency=4)
    until(lambda: shop.stats().get("finish") == 30, "all run")
    words = [line.split() for line in shop.notes()]
    begins, ends = words[::2], words[1::2]
    assert [word for word, _ in begins] == ["begin"] * 30
    assert [number for _, number in begins] == [number for _, number in ends], "one at a time"
    assert sorted(int(number) for _, number in begins) == list(range(30))


# -- what is declared -----------------------------------------------------------------------------------


def nothing(tenant: str, day: int = 0) -> None:
    """What the rules below are about."""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "rate limit '' must be"),
        ("10", "rate limit '10' must be"),
        ("10/", "must be"),
        ("0/s", "must be"),
        ("-1/s", "must be"),
        ("1.5/s", "must be"),
        ("ten/s", "must be"),
        ("１0/s", "must be"),
        ("10 per s", "must be"),
        ("10/fortnight", "is not a duration"),
        ("10/60", "write 60s or 60m"),
        ("10/0s", "a period lasts from 1ms to 366d"),
        ("1/400d", "a period lasts from 1ms to 366d"),
        ("10001/s", "more than 10 000 in a second"),
        (10, "must be"),
        (True, "must be"),
        (["10/s"], "must be"),
        ({"key": "{tenant}"}, "rate limit None must be"),
        ({"limit": "10/s", "burst": 0}, "burst 0 must be a whole number from 1 to 10"),
        ({"limit": "10/s", "burst": 11}, "burst 11 must be"),
        ({"limit": "10/s", "burst": True}, "burst True must be"),
        ({"limit": "10/s", "brust": 2}, "did you mean 'burst'"),
        ({"limit": "10/s", "key": "{tennant}"}, "there is no parameter 'tennant'; use one of tenant, day"),
        ({"limit": "10/s", "key": "{tenant"}, "is no template"),
        ({"limit": "10/s", "key": ""}, "must be text"),
        ({"limit": "10/s", "key": 7}, "must be text"),
    ],
)
def test_what_cannot_be_meant_is_told_at_declaration(said: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        task(name="rates.wrong", rate=said)(nothing)


@pytest.mark.parametrize(
    ("said", "every_us", "burst"),
    [
        ("10/s", 100_000, 1),
        ("100/m", 600_000, 1),
        ("5/h", 720_000_000, 1),
        ("1/d", 86_400_000_000, 1),
        ("10 / s", 100_000, 1),
        ("1/10m", 600_000_000, 1),
        ("3/s", 333_334, 1),
        ("10000/s", 100, 1),
        ({"limit": "10/s", "burst": 10}, 100_000, 10),
    ],
)
def test_what_a_rate_means(said: Any, every_us: int, burst: int) -> None:
    assert Pace.read(said) == Pace(None, every_us, burst)


@pytest.mark.parametrize(
    ("rule", "key"),
    [(None, "rates.task"), ("{tenant}:{day}", "acme:0"), (lambda tenant, day=0: tenant[:1], "a")],
)
def test_the_key_of_a_call(rule: Any, key: str) -> None:
    made = Bounds(None, Pace(rule, 100_000, 2))
    told = made.put(Message("a", Header("rates.task"), b""), "rates.task", nothing, ("acme",), {})
    assert told.header.rate == RateHead(key, 100_000, 2)
    assert told.header.concurrency is None
    assert told.flags & LIMITED


@pytest.mark.parametrize("tenant", ["", "x" * 1025])
def test_a_key_that_cannot_be_stored_is_told_to_the_caller(tenant: str) -> None:
    made = Bounds(None, Pace("{tenant}", 100_000, 1))
    with pytest.raises(BadArguments, match=r"the rate key of rates\.task is .* 1 to 1024 characters"):
        made.put(Message("a", Header("rates.task"), b""), "rates.task", nothing, (tenant,), {})


def test_beside_a_limit_both_travel_with_the_message() -> None:
    told = both.bounded(Message("a", Header(both.name), b""), {"number": 1})
    assert told.header.concurrency == ConcurrencyHead("paced.both", 1)
    assert told.header.rate == RateHead("paced.both", 50_000, 20)
