"""How does a run get the lock of its singleton when it is held already?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onebeat.locks.policy import OnConflict, Singleton, conflict

if TYPE_CHECKING:
    from onebeat.locks import AsyncLock, Holder, Lease

LEAST_MS = 50  # a message that is parked looks again no sooner
MARGIN_S = 1.0  # a dead holder's lock is free at the end of its lease, and is noticed a little later


class Conflict(Exception):
    """The singleton is held by another run and says `skip`."""


class Parked(Exception):
    """The singleton is held by another run and says `park`: the message waits in the queue for `lock`."""

    def __init__(self, words: str, lock: str, keep: str, after_ms: int) -> None:
        super().__init__(words)
        self.lock, self.keep, self.after_ms = lock, keep, after_ms


@dataclass(frozen=True, slots=True)
class Mark:
    """Which claim of which message holds a lock, as its worker wrote it beside the lock."""

    queue: str
    message: str
    fence: int  # of the claim

    def __str__(self) -> str:
        return f"{self.queue} {self.message} {self.fence}"


def mark_of(holder: Holder | None) -> Mark | None:
    """The message under which `holder` has its lock; None when it is no message's."""
    words = holder.message.split(" ") if holder else []
    return Mark(words[0], words[1], int(words[2])) if len(words) == 3 and words[2].isdigit() else None


async def take(lock: AsyncLock, rule: Singleton, mine: Mark) -> Lease:
    """The lease, by the rule of the singleton.

    Raises:
        Conflict: held by another, and it says `skip`. LockHeld: the same, and it says `fail`.
        LockTimeout: not free within the `wait` it says. Parked: it says `park`.
    """
    lease = await lock.acquire(rule.wait_s)
    if lease is not None:
        return lease
    holder = await lock.peek()
    if holder is not None and _same(mark_of(holder), mine):
        # a worker died of this very message, or went away in the middle of it: it is no other run
        lease = await lock.acquire(holder.remaining_ms / 1000 + MARGIN_S)
        if lease is not None:
            return lease
        holder = await lock.peek()
    held_by = holder or "one that just ended"
    if rule.on_conflict is OnConflict.PARK:
        left_ms = holder.remaining_ms if holder else 0
        raise Parked(f"{lock.name} is held by {held_by}", lock.name, rule.keep.value, max(left_ms, LEAST_MS))
    raise conflict(rule, lock.name, holder) or Conflict(f"{lock.name} is held by {held_by}")


def _same(other: Mark | None, mine: Mark) -> bool:
    return other is not None and (other.queue, other.message) == (mine.queue, mine.message)
