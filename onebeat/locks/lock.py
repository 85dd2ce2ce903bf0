"""How does blocking code hold a lock?"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError, LockError, LockTimeout, NotFound, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import keeper, protocol, view
from onebeat.locks.door import NAMESPACE, new_token, same_process, store_of, who_am_i
from onebeat.locks.lease import Lease
from onebeat.locks.protocol import Attempt, Grant, Released
from onebeat.locks.validity import checked_lease_ms, checked_wait_s
from onebeat.locks.view import Holder
from onebeat.wire import AsyncStore, Store

MAX_HOLD_S = 86_400.0
MAX_HOLD_MAX_S = 30 * 86_400.0  # the state beside a lock is forgotten 30 days after it was acquired
StoreT = TypeVar("StoreT", Store, AsyncStore)
_LOG = logging.getLogger("onebeat.locks")


class Handle(Generic[StoreT]):
    """What the blocking and the asyncio face of one lock have in common."""

    def __init__(
        self, store: StoreT, name: str, lease: float, max_hold: float, at_least: float, clock: Clock
    ) -> None:
        if not (at_least >= 0 and 0 < max_hold <= MAX_HOLD_MAX_S):  # also refuses NaN
            raise ConfigError(
                f"lock {name!r}: at_least must be 0 or more seconds, max_hold more than 0 and at most 30 days"
            )
        self.store: StoreT = store
        self.keys = LockKeys(store.namespace, name)
        self.name = name
        self._lease_ms = checked_lease_ms(lease)
        self._max_hold_s = max_hold
        self._at_least_s = at_least
        self._clock = clock
        self._pid = os.getpid()
        self._latest: Lease | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of namespace {self.store.namespace!r}>"

    def _attempt(self) -> Attempt:
        same_process(self._pid, self.name)
        return Attempt(self.keys, new_token(), self._lease_ms, who_am_i())

    def _held(self, attempt: Attempt, grant: Grant) -> Lease:
        lease = Lease(self.keys, attempt.token, grant, self._lease_ms / 1000, self._clock)
        keeper.keep(self.store, lease, self._max_hold_s, self._clock)
        self._latest = lease
        return lease

    def _end(self, lease: Lease | None) -> tuple[Lease, int]:
        """Believe in `lease` no more; it and the milliseconds for which its lock stays shut."""
        same_process(self._pid, self.name)
        lease = lease or self._latest
        if lease is None:
            raise LockError(f"lock {self.name!r} was never acquired through this handle: nothing to release")
        keeper.let_go(self.store, lease)
        lease.end()
        shut_s = self._at_least_s - (self._clock.mono_s() - lease.since_s)
        return lease, max(0, round(shut_s * 1000))

    def _not_released(self, lease: Lease, problem: StoreError) -> None:
        """An error on its way out matters more than a lock that frees itself."""
        _LOG.warning("lock %r could not be released, its lease will end: %s", lease.name, problem)


def timeout_error(name: str, wait_s: float | None, holder: Holder | None) -> LockTimeout:
    """The error for a wait in vain."""
    held = f"{holder} holds it" if holder else "it was held until a moment ago"
    return LockTimeout(
        f"lock {name!r} was not free within {wait_s} s: {held}. Wait longer, or see who waits with Lock.peek"
    )


class Lock(Handle[Store]):
    """A fair, fenced lock with a lease that is renewed while it is held.

    Args:
        client: an onebeat client, a `Store`, or a `redis.Redis` (then `namespace` is used).
        name: any text of 1 to 512 characters.
        lease: seconds after which a dead holder's lock is free; 0.1 to 86 400.
        max_hold: seconds after which it is renewed no more: a hung holder must not hold for ever;
            up to 30 days.
        at_least: seconds for which it stays shut after it was acquired, even if released before.

    Raises:
        ConfigError: a length of time that cannot be, or a client that is not a blocking one.
        InvalidName: `name` or `namespace` cannot be part of a key.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        lease: float = 10.0,
        *,
        namespace: str = NAMESPACE,
        max_hold: float = MAX_HOLD_S,
        at_least: float = 0.0,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(store_of(client, namespace), name, lease, max_hold, at_least, clock)

    def acquire(self, wait: float | None = 0.0) -> Lease | None:
        """The lease, or None when the lock was not free within `wait` seconds (None: no limit).

        Raises:
            StoreError: the store does not answer, or refuses.
            ForkedHandle: this handle was made in another process.
        """
        wait = checked_wait_s(wait)
        attempt = self._attempt()
        try:
            grant = self.store.run(protocol.acquire(attempt, wait, self._clock))
            return None if grant is None else self._held(attempt, grant)
        except BaseException:
            self._abandon(attempt)
            raise

    @contextmanager
    def hold(self, wait: float | None = 0.0) -> Iterator[Lease]:
        """Hold it for the length of a `with` block.

        Raises:
            LockTimeout: it was not free within `wait` seconds (None: no limit).
            LeaseLost: at the end of the block, when the lock was lost inside it.
            StoreError: the store does not answer, or refuses.
        """
        lease = self.acquire(wait)
        if lease is None:
            raise timeout_error(self.name, wait, self.peek())
        with self.keeping(lease):
            yield lease

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[Lease]:
        """Release an acquired `lease` at the end of the block; raises as `hold` does."""
        try:
            yield lease
        except BaseException:
            try:
                self.release(lease)
            except StoreError as problem:
                self._not_released(lease, problem)
            raise
        if self.release(lease) is Released.NOT_YOURS:
            raise lease.loss()

    def release(self, lease: Lease | None = None) -> Released:
        """Give back `lease`, or the one acquired last through this handle; the next waiter gets it.

        Raises:
            StoreError: the store does not answer; the lock is free when its lease ends.
            LockError: nothing was ever acquired through this handle.
        """
        lease, shut_ms = self._end(lease)
        return self.store.run(protocol.release(self.keys, lease.token, shut_ms))

    def peek(self) -> Holder | None:
        """Who holds it; None when it is free."""
        return self.store.run(view.peek(self.keys))

    @classmethod
    def force_release(cls, client: Any, name: str, *, reason: str, namespace: str = NAMESPACE) -> Holder:
        """Take the lock from whoever holds it, and answer who that was; its fence is history at once.

        Raises:
            NotFound: nobody holds it, or its holder changed while it was looked at.
        """
        store = store_of(client, namespace)
        keys = LockKeys(store.namespace, name)
        holder = store.run(view.peek(keys))
        note = json.dumps({"reason": reason, "by": who_am_i()})
        if holder and store.run(protocol.force(keys, holder.token, note)) is Released.DONE:
            _LOG.warning("lock %r was taken from %s: %s", name, holder, reason)
            return holder
        raise NotFound(f"lock {name!r} is not held (any more): nothing to release; look again with peek")

    def _abandon(self, attempt: Attempt) -> None:
        try:
            self.store.run(protocol.abandon(attempt.keys, attempt.token))
        except StoreError as problem:
            _LOG.warning("an attempt on lock %r could not be given up, it lapses: %s", self.name, problem)


def holders(client: Any, *, namespace: str = NAMESPACE) -> list[Holder]:
    """Every lock that is held, by name. Reads the whole key space, in small steps.

    Raises:
        StoreError: the store does not answer, or refuses.
    """
    store = store_of(client, namespace)
    return store.run(view.holders_of(store.namespace))
