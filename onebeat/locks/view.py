"""Who holds a lock, for people?"""

from __future__ import annotations

from dataclasses import dataclass, field

from onebeat.keys import LockKeys
from onebeat.locks.calls import text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.locks.who import who_was
from onebeat.wire import Protocol, insist, load

PEEK = load("locks", "peek")


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
    kind: str = "lock"  # or `read`, `write`, `permit`; empty where nobody is known
    limit: int | None = None  # of a permit: how many there are
    beside: tuple[str, ...] = ()  # the other locks of a `MultiLock`

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
    known = who_was(text_of(who))
    return Holder(
        keys.name,
        text_of(token),
        known.host,
        known.pid,
        int(since_ms),
        int(now_ms),
        max(0, int(remaining_ms)),
        int(fence),
        int(waiters),
        known.task,
        known.message,
        beside=known.beside,
    )
