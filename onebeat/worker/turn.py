"""How does a run get the lock of its singleton when it is held already?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onebeat.errors import StoreError
from onebeat.keys import queue_keys
from onebeat.locks import AsyncLock
from onebeat.locks.policy import OnConflict, Singleton, conflict
from onebeat.queue.control import cancel
from onebeat.queue.parking import wake

if TYPE_CHECKING:
    from onebeat.clock import Clock
    from onebeat.locks import Holder, Lease
    from onebeat.wire import AsyncStore
    from onebeat.worker.prepared import Ready

WITHIN_S = 2.0
END_STANDS_S = 10.0  # beyond the wait: the worker that is asked hears of it with its next sign of life
LOOK_S = 0.5  # who replaces looks so often whether it has to do with yet another holder
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


@asynccontextmanager
async def held(
    store: AsyncStore, ready: Ready, rule: Singleton, mine: Mark, clock: Clock
) -> AsyncIterator[Lease]:
    """The singleton's lease around a run of the message `mine`.

    Raises:
        Conflict, LockHeld, LockTimeout, Parked: as `take`. LeaseLost: lost while it ran.
    """
    name = rule.key_for(ready.task.function, *ready.arguments())
    lock = AsyncLock(
        store, name, rule.lease_s, at_least=rule.at_least_s, task=ready.task.name, message=str(mine)
    )

    async def end(other: Mark) -> None:
        stands_ms = round((rule.patience_s + END_STANDS_S) * 1000)
        keys = queue_keys(store.namespace, other.queue)
        await store.run(cancel(keys, [other.message], within_s=WITHIN_S, stands_ms=stands_ms))

    lease = await take(lock, rule, mine, end, clock)
    try:
        async with lock.keeping(lease):
            yield lease
    finally:
        if rule.on_conflict is OnConflict.PARK:
            with suppress(StoreError):  # then who waits looks by itself a little later
                await store.run(wake(queue_keys(store.namespace, mine.queue), name, within_s=WITHIN_S))


async def take(
    lock: AsyncLock, rule: Singleton, mine: Mark, end: Callable[[Mark], Awaitable[None]], clock: Clock
) -> Lease:
    """The lease, by the rule of the singleton; `end` asks for the end of another run.

    Raises:
        Conflict: held by another, and it says `skip`, or `replace` and the other was claimed later.
        LockHeld: held, and it says `fail`. LockTimeout: not free within the `wait` it says.
        Parked: it says `park`.
    """
    replaces = rule.on_conflict is OnConflict.REPLACE  # then it waits for the end that it asks for
    lease = await lock.acquire(0.0 if replaces else rule.wait_s)
    if lease is not None:
        return lease
    holder = await lock.peek()
    if holder is not None and _same(mark_of(holder), mine):
        # a worker died of this very message, or went away in the middle of it: it is no other run
        lease = await lock.acquire(holder.remaining_ms / 1000 + MARGIN_S)
        if lease is not None:
            return lease
        holder = await lock.peek()
    if replaces:
        lease = await _replace(lock, mine, end, clock.mono_s() + rule.patience_s, clock)
        if lease is not None:
            return lease
        holder = await lock.peek()
    held_by = holder or "one that just ended"
    if rule.on_conflict is OnConflict.PARK:
        left_ms = holder.remaining_ms if holder else 0
        raise Parked(f"{lock.name} is held by {held_by}", lock.name, rule.keep.value, max(left_ms, LEAST_MS))
    raise conflict(rule, lock.name, holder) or Conflict(f"{lock.name} is held by {held_by}")


async def _replace(
    lock: AsyncLock, mine: Mark, end: Callable[[Mark], Awaitable[None]], until_s: float, clock: Clock
) -> Lease | None:
    """The lease, when whoever holds it was asked to end and let go before `until_s` (monotonic).

    Of several that replace each other the one that was claimed last stays.
    """
    asked: Mark | None = None
    while True:
        holder = await lock.peek()
        other = mark_of(holder)
        if other is not None and not _same(other, mine) and other != asked:
            if other.fence > mine.fence:
                raise Conflict(f"{lock.name} is held by a run that began later, {holder}")
            await end(other)
            asked = other
        left_s = until_s - clock.mono_s()
        lease = await lock.acquire(max(0.0, min(LOOK_S, left_s)))
        if lease is not None or left_s <= 0:
            return lease


def _same(other: Mark | None, mine: Mark) -> bool:
    return other is not None and (other.queue, other.message) == (mine.queue, mine.message)
