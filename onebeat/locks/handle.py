"""What have the blocking and the asyncio face of one lock in common, of whichever kind it is?"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import Any, Generic, TypedDict, TypeVar

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError, LockError, LockTimeout, StoreError
from onebeat.keys import ShareKeys
from onebeat.locks import keeper
from onebeat.locks.calls import AnyKeys, Attempt
from onebeat.locks.door import NAMESPACE, new_token, same_process, who_am_i
from onebeat.locks.lease import Lease
from onebeat.locks.nest import Nest
from onebeat.locks.protocol import Grant
from onebeat.locks.validity import checked_lease_ms
from onebeat.locks.who import ALONE
from onebeat.wire import AsyncStore, Store

MAX_HOLD_S = 86_400.0
MAX_HOLD_MAX_S = 30 * 86_400.0  # the state beside a lock is forgotten 30 days after it was acquired
StoreT = TypeVar("StoreT", Store, AsyncStore)
_LOG = logging.getLogger("onebeat.locks")


class Options(TypedDict, total=False):
    """What every kind of lock may be told beside its name and its lease; seconds.

    namespace: for a redis-py client; an onebeat client or a store has one already.
    max_hold: after this it is renewed no more: a hung holder must not hold for ever; up to 30 days.
    at_least: it stays taken for so long after it was acquired, even if released before.
    reentrant: who holds it (this thread, or this asyncio task) may acquire it again through this handle.
    task: what works under it, in a word, for people who find it held.
    message: for which message of a queue, as its worker writes it.
    """

    namespace: str
    max_hold: float
    at_least: float
    reentrant: bool
    task: str
    message: str
    clock: Clock


class Handle(Generic[StoreT]):
    """One lock as its users hold it in their hands. It may cross threads, but no fork."""

    def __init__(
        self,
        store: StoreT,
        keys: AnyKeys,
        lease: float,
        *,
        room: int = ALONE,
        max_hold: float = MAX_HOLD_S,
        at_least: float = 0.0,
        reentrant: bool = False,
        task: str = "",
        message: str = "",
        clock: Clock = SYSTEM,
        namespace: str = NAMESPACE,
    ) -> None:
        if not (at_least >= 0 and 0 < max_hold <= MAX_HOLD_MAX_S):  # also refuses NaN
            raise ConfigError(
                f"lock {keys.name!r}: at_least must be 0 or more seconds, max_hold more than 0 and at "
                "most 30 days"
            )
        self.store: StoreT = store
        self.keys = keys
        self.name = keys.name
        self._room = room
        self._lease_ms = checked_lease_ms(lease)
        self._max_hold_s = max_hold
        self._at_least_s = at_least
        self._clock = clock
        self._pid = os.getpid()
        self._latest: Lease | None = None
        self._nest = Nest() if reentrant else None
        self._about = task, message, room if isinstance(keys, ShareKeys) else None
        self._who = who_am_i(*self._about)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of namespace {self.store.namespace!r}>"

    def _again(self) -> Lease | None:
        """The lease that the caller holds already, if it may hold it twice."""
        same_process(self._pid, self.name)
        return self._nest.again(_caller()) if self._nest else None

    def _attempt(self, beside: tuple[str, ...]) -> Attempt:
        who = who_am_i(*self._about, beside) if beside else self._who
        return Attempt(self.keys, new_token(), self._lease_ms, who, self._room)

    def _held(self, attempt: Attempt, grant: Grant) -> Lease:
        lease = Lease(self.keys, attempt.token, grant, self._lease_ms / 1000, self._clock)
        keeper.keep(self.store, lease, self._max_hold_s, self._clock)
        self._latest = lease
        if self._nest:
            self._nest.begin(_caller(), lease)
        return lease

    def _end(self, lease: Lease | None) -> tuple[Lease, int] | None:
        """Believe in `lease` no more; it and the milliseconds for which its lock stays shut.

        None when an outer block of the same caller still holds it.
        """
        same_process(self._pid, self.name)
        lease = lease or self._latest
        if lease is None:
            raise LockError(f"lock {self.name!r} was never acquired through this handle: nothing to release")
        if self._nest and not self._nest.leave(lease):
            return None
        keeper.let_go(self.store, lease)
        lease.end()
        shut_s = self._at_least_s - (self._clock.mono_s() - lease.since_s)
        return lease, max(0, round(shut_s * 1000))

    def _not_released(self, lease: Lease, problem: StoreError) -> None:
        not_released(lease.name, problem)

    def _not_given_up(self, problem: StoreError) -> None:
        _LOG.warning("an attempt on lock %r could not be given up, it lapses: %s", self.name, problem)


def _caller() -> Any:
    """The task or the thread that runs: its object, which is never another's, as its number can be."""
    try:
        return asyncio.current_task() or threading.current_thread()
    except RuntimeError:  # no event loop runs in this thread
        return threading.current_thread()


def not_released(name: str, problem: StoreError) -> None:
    """An error on its way out matters more than a lock that frees itself."""
    _LOG.warning("lock %r could not be released, its lease will end: %s", name, problem)


def timeout_error(name: str, wait_s: float | None, held_by: object) -> LockTimeout:
    """The error for a wait in vain; `held_by` in words, nothing when it is free by now."""
    held = f"{held_by} holds it" if held_by else "it was held until a moment ago"
    return LockTimeout(
        f"lock {name!r} was not free within {wait_s} s: {held}. Wait longer, or see who waits with Lock.peek"
    )
