"""Does a script that meets a key of the wrong type change nothing at all?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.wire import Call, Command, Store
from tests.locks.bench import Bench, ShareBench

WRONG = {
    "string": ("SET", "x"),
    "list": ("RPUSH", "x"),
    "set": ("SADD", "x"),
    "hash": ("HSET", "f", "x"),
    "zset": ("ZADD", "1", "x"),
    "stream": ("XADD", "*", "f", "x"),
}
CALLS: dict[str, Callable[[Bench], Call]] = {
    "acquire": lambda b: b.acquire_call("t", stay_ms=5_000),
    "release": lambda b: b.release_call("t"),
    "abandon": lambda b: b.release_call("t", "abandon"),
    "force": lambda b: b.release_call("t", "force"),
    "renew": lambda b: b.renew_call("t"),
    "ring": lambda b: b.ring_call("t"),
    "peek": lambda b: b.peek_call(),
}


def dump(store: Store, call: Call) -> list[Any]:
    return [
        (store.perform(Command(("TYPE", key))), store.perform(Command(("DUMP", key)))) for key in call.keys
    ]


def refusal(store: Store, call: Call) -> StoreError | None:
    try:
        store.perform(call)
    except StoreError as problem:
        return problem
    return None


def changes_nothing(bench: Bench, call: Call, wrong: str, before: Callable[[], None]) -> None:
    """With each key of `call` in turn as a `wrong`, after `before` put the others there."""
    command, *rest = WRONG[wrong]
    for slot, key in enumerate(call.keys):
        if call.script.keys[slot].type.lower() == wrong:
            continue
        bench.command("DEL", *call.keys)
        before()
        bench.command("DEL", key)
        bench.command(command, key, *rest)
        seen = dump(bench.store, call)
        refused = refusal(bench.store, call)
        if refused is None:  # it did not need this key
            assert dump(bench.store, call)[slot] == seen[slot], f"key {slot} was a foreign {wrong}"
        else:
            assert refused.remedy is Remedy.FATAL
            assert dump(bench.store, call) == seen, f"key {slot} as a {wrong}"


def unused(_bench: Bench) -> None:
    """A lock that nobody ever took."""


def held_by_the_caller(bench: Bench) -> None:
    bench.acquire("t")
    bench.acquire("w", stay_ms=60_000)


def held_by_another(bench: Bench) -> None:
    bench.acquire("o")


def queued_behind_another(bench: Bench) -> None:
    bench.acquire("o")
    bench.acquire("t", stay_ms=60_000)


@pytest.mark.leaves_keys
@pytest.mark.parametrize("before", [unused, held_by_the_caller, held_by_another, queued_behind_another])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("verb", CALLS)
def test_a_key_of_the_wrong_type_changes_nothing(
    bench: Bench, verb: str, wrong: str, before: Callable[[Bench], None]
) -> None:
    changes_nothing(bench, CALLS[verb](bench), wrong, lambda: before(bench))


SHARE_CALLS: dict[str, Callable[[ShareBench], Call]] = {
    "enter": lambda b: b.enter_call("t", 2, stay_ms=5_000),
    "leave": lambda b: b.leave_call("t"),
    "leave shut": lambda b: b.leave_call("t", keep_ms=5_000),
    "abandon": lambda b: b.leave_call("t", "abandon"),
    "force": lambda b: b.leave_call("t", "force"),
    "prolong": lambda b: b.prolong_call("t"),
    "roster": lambda b: b.roster_call(),
}


def shared_by_nobody(_shares: ShareBench) -> None:
    """A share that nobody ever took."""


def shared_by_the_caller(shares: ShareBench) -> None:
    shares.enter("t", 2)
    shares.enter("dead", 2)
    shares.enter("w", stay_ms=60_000)
    shares.expire("dead")


def full_of_others(shares: ShareBench) -> None:
    shares.enter("o")
    shares.enter("t", 2, stay_ms=60_000)
    shares.enter("w", 2, stay_ms=60_000)
    shares.lapse("w")


@pytest.mark.leaves_keys
@pytest.mark.parametrize("before", [shared_by_nobody, shared_by_the_caller, full_of_others])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("verb", SHARE_CALLS)
def test_a_share_with_a_key_of_the_wrong_type_changes_nothing(
    shares: ShareBench, verb: str, wrong: str, before: Callable[[ShareBench], None]
) -> None:
    changes_nothing(shares, SHARE_CALLS[verb](shares), wrong, lambda: before(shares))
