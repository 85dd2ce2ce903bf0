"""Who has a share of a semaphore, or of a lock for readers and writers, for people?"""

from __future__ import annotations

from dataclasses import dataclass, field

from onebeat.keys import ShareKeys
from onebeat.locks import view
from onebeat.locks.calls import AnyKeys, text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.locks.who import Who, who_was
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
    since_ms: int  # by its fence, which begins with the store's time
    who: Who

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.host else "one that just left"


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in (the first 64 of `count`), and how many wait."""

    name: str
    count: int
    waiters: int
    permits: tuple[Permit, ...]
    fence: int  # the last one that was handed out; 0 when nobody used it in the last thirty days
    now_ms: int

    def __str__(self) -> str:
        shown = ", ".join(str(permit) for permit in self.permits[:3])
        return f"{shown} and {self.count - 3} more" if self.count > 3 else shown


def roster(keys: ShareKeys) -> Protocol[Roster]:
    """Who has a share at this moment.

    Raises:
        StoreError: no answer, or refused.
    """
    call = ROSTER.call(permits=keys.permits, holders=keys.holders, state=keys.state, queue=keys.queue)
    waiters, count, fence, now, *rows = yield from insist(call, within_s=INSIST_S)
    now_ms = int(now)
    each = zip(rows[::3], rows[1::3], rows[2::3], strict=True)
    permits = tuple(_permit(text_of(token), int(left), text_of(known), now_ms) for token, left, known in each)
    return Roster(keys.name, int(count), int(waiters), permits, int(fence), now_ms)


def _permit(token: str, left_ms: int, known: str, now_ms: int) -> Permit:
    written, _, told = known.partition(" ")
    who, fence = who_was(told), int(written or 0)  # nobody where it is kept shut after its release
    since_ms = min(fence // 1000, now_ms) or now_ms
    return Permit(token, who.host, who.pid, fence, left_ms, since_ms, who)


def words(keys: AnyKeys) -> Protocol[str]:
    """Who holds it, in words; empty when nobody does.

    Raises:
        StoreError: no answer, or refused.
    """
    if isinstance(keys, ShareKeys):
        return str((yield from roster(keys)))
    holder = yield from view.peek(keys)
    return str(holder) if holder else ""
