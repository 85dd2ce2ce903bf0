"""Who holds which lock, for people?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from onebeat.keys import LockKeys
from onebeat.locks.calls import text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.wire import Command, Protocol, insist, load

PEEK = load("locks", "peek")
SCAN_COUNT = 500


@dataclass(frozen=True, slots=True)
class Holder:
    """A held lock as it was a moment ago. Milliseconds; `since_ms` and `now_ms` are the store's time."""

    name: str
    token: str = field(repr=False)
    host: str
    pid: int
    since_ms: int
    now_ms: int
    remaining_ms: int
    fence: int
    waiters: int
    task: str = ""  # what works under it, when its holder said so
    message: str = ""  # queue, message and fence of the claim, when a worker holds it for one

    def __str__(self) -> str:
        age_s = (self.now_ms - self.since_ms) / 1000
        place = f"process {self.pid} on {self.host}" if self.host else "a waiter that is just being woken"
        task = f" ({self.task})" if self.task else ""
        return f"{place}{task} for {age_s:.1f} s, fence {self.fence}"


def peek(keys: LockKeys) -> Protocol[Holder | None]:
    """Who holds the lock; None when nobody does.

    Raises:
        StoreError: no answer, or refused.
    """
    call = PEEK.call(owner=keys.owner, state=keys.state, queue=keys.queue)
    token, remaining_ms, fence, who, since_ms, waiters, now_ms = yield from insist(call, within_s=INSIST_S)
    if not token:
        return None
    host, pid, task = who_was(text_of(who))
    return Holder(
        keys.name,
        text_of(token),
        host,
        pid,
        int(since_ms),
        int(now_ms),
        max(0, int(remaining_ms)),
        int(fence),
        int(waiters),
        task,
        _message_of(text_of(who)),
    )


def who_was(written: str) -> tuple[str, int, str]:
    """Host, process and task of a holder; empty where nothing is known."""
    with suppress(ValueError, KeyError, TypeError):  # written by another version, or not yet written
        known = json.loads(written)
        return str(known["host"]), int(known["pid"]), str(known.get("task", ""))
    return "", 0, ""


def _message_of(written: str) -> str:
    with suppress(ValueError, AttributeError):  # as in `who_was`
        return str(json.loads(written).get("message", ""))
    return ""


def names(namespace: str) -> Protocol[list[str]]:
    """The names of all held locks of `namespace`, sorted. Reads the whole key space, in small steps.

    Raises:
        StoreError: no answer, or refused.
    """
    prefix, suffix = f"ob:{{{namespace}:lock:", "}:owner"
    found: set[str] = set()
    cursor: Any = 0
    while True:
        scan = Command(("SCAN", cursor, "MATCH", f"{prefix}*{suffix}", "COUNT", SCAN_COUNT))
        cursor, keys = yield from insist(scan, within_s=INSIST_S)
        found |= set(_names(keys, prefix, suffix))
        if int(cursor) == 0:
            return sorted(found)


def _names(keys: list[Any], prefix: str, suffix: str) -> Iterator[str]:
    for key in keys:
        yield text_of(key).removeprefix(prefix).removesuffix(suffix)


def holders_of(namespace: str) -> Protocol[list[Holder]]:
    """Every held lock of `namespace`, by name.

    Raises:
        StoreError: no answer, or refused.
    """
    found: list[Holder] = []
    for name in (yield from names(namespace)):
        held = yield from peek(LockKeys(namespace, name))
        if held is not None:
            found.append(held)
    return found
