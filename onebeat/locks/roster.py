"""Who has a share of a semaphore, or of a lock for readers and writers, for people?"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field

from onebeat.keys import ShareKeys
from onebeat.locks import view
from onebeat.locks.calls import AnyKeys, text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.wire import Protocol, insist, load

ROSTER = load("locks", "roster")


@dataclass(frozen=True, slots=True)
class Permit:
    """One share as it was a moment ago; `remaining_ms` by the store's clock."""

    token: str = field(repr=False)
    host: str
    pid: int
    fence: int
    remaining_ms: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.host else "one that just left"


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in (the first 64 of `count`), and how many wait."""

    name: str
    count: int
    waiters: int
    permits: tuple[Permit, ...]

    def __str__(self) -> str:
        shown = ", ".join(str(permit) for permit in self.permits[:3])
        return f"{shown} and {self.count - 3} more" if self.count > 3 else shown


def roster(keys: ShareKeys) -> Protocol[Roster]:
    """Who has a share at this moment.

    Raises:
        StoreError: no answer, or refused.
    """
    call = ROSTER.call(permits=keys.permits, holders=keys.holders, queue=keys.queue)
    waiters, count, *rows = yield from insist(call, within_s=INSIST_S)
    each = zip(rows[::3], rows[1::3], rows[2::3], strict=True)
    permits = tuple(_permit(text_of(token), int(left_ms), text_of(known)) for token, left_ms, known in each)
    return Roster(keys.name, int(count), int(waiters), permits)


def _permit(token: str, left_ms: int, known: str) -> Permit:
    fence, _, who = known.partition(" ")
    host, pid = "", 0
    with suppress(ValueError, KeyError, TypeError):  # kept shut after its release, or by another version
        told = json.loads(who)
        host, pid = str(told["host"]), int(told["pid"])
    return Permit(token, host, pid, int(fence or 0), left_ms)


def words(keys: AnyKeys) -> Protocol[str]:
    """Who holds it, in words; empty when nobody does.

    Raises:
        StoreError: no answer, or refused.
    """
    if isinstance(keys, ShareKeys):
        return str((yield from roster(keys)))
    holder = yield from view.peek(keys)
    return str(holder) if holder else ""
