"""How does blocking code hold a lock?"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, Unpack

from onebeat.errors import LeaseLost, NotFound, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import listing, protocol, roster, view
from onebeat.locks.calls import Attempt
from onebeat.locks.door import NAMESPACE, store_of, who_am_i
from onebeat.locks.handle import Handle, Options, timeout_error
from onebeat.locks.lease import Lease
from onebeat.locks.protocol import Released
from onebeat.locks.validity import checked_wait_s
from onebeat.locks.view import Holder
from onebeat.wire import Store

_LOG = logging.getLogger("onebeat.locks")


class Loseable(Protocol):
    """A lease of any kind, as far as the end of its block goes."""

    def loss(self) -> LeaseLost: ...


HeldT = TypeVar("HeldT", bound=Loseable)


class Blocking(Handle[Store]):
    """The blocking face of a lock of any kind."""

    def acquire(self, wait: float | None = 0.0) -> Lease | None:
        """The lease, or None when the lock was not free within `wait` seconds (None: no limit).

        Raises:
            StoreError: the store does not answer, or refuses.
            ForkedHandle: this handle was made in another process.
        """
        return self.acquire_beside(wait, ())

    def acquire_beside(self, wait: float | None, beside: tuple[str, ...]) -> Lease | None:
        """As `acquire`, as a part of a `MultiLock` with the locks of these names."""
        wait = checked_wait_s(wait)
        if again := self._again():
            return again
        attempt = self._attempt(beside)
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
            raise timeout_error(self.name, wait, self.store.run(roster.words(self.keys)))
        with self.keeping(lease):
            yield lease

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[Lease]:
        """Release an acquired `lease` at the end of the block; raises as `hold` does."""
        with until_released(lease, self.release, self._not_released):
            yield lease

    def release(self, lease: Lease | None = None) -> Released:
        """Give back `lease`, or the one acquired last through this handle; the next waiter gets it.

        Raises:
            StoreError: the store does not answer; the lock is free when its lease ends.
            LockError: nothing was ever acquired through this handle.
        """
        ended = self._end(lease)
        if ended is None:
            return Released.NESTED
        lease, shut_ms = ended
        return self.store.run(protocol.release(self.keys, lease.token, shut_ms, lease.note))

    def _abandon(self, attempt: Attempt) -> None:
        try:
            self.store.run(protocol.abandon(attempt.keys, attempt.token))
        except StoreError as problem:
            self._not_given_up(problem)


class Lock(Blocking):
    """A fair, fenced lock with a lease that is renewed while it is held.

    Args:
        client: an onebeat client, a `Store`, or a `redis.Redis`.
        name: any text of 1 to 512 characters.
        lease: seconds after which a dead holder's lock is free; 0.1 to 86 400.
        options: see `Options`.

    Raises:
        ConfigError: a length of time that cannot be, or a client that is not a blocking one.
        InvalidName: `name` or the namespace cannot be part of a key.
    """

    def __init__(self, client: Any, name: str, lease: float = 10.0, **options: Unpack[Options]) -> None:
        store = store_of(client, options.get("namespace", NAMESPACE))
        super().__init__(store, LockKeys(store.namespace, name), lease, **options)

    def peek(self) -> Holder | None:
        """Who holds it; None when it is free."""
        return self.store.run(view.peek(LockKeys(self.store.namespace, self.name)))

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


@contextmanager
def until_released(
    lease: HeldT, release: Callable[[HeldT], Released], not_released: Callable[[HeldT, StoreError], None]
) -> Iterator[None]:
    """Release `lease` at the end of the block, and tell when it was lost inside it."""
    try:
        yield
    except BaseException:
        try:
            release(lease)
        except StoreError as problem:
            not_released(lease, problem)
        raise
    if release(lease) is Released.NOT_YOURS:
        raise lease.loss()


def holders(client: Any, *, namespace: str = NAMESPACE) -> list[Holder]:
    """Every lock that is held, and who is in of semaphores and of locks for readers and writers, by name.

    Reads the whole key space, in small steps.

    Raises:
        StoreError: the store does not answer, or refuses.
    """
    store = store_of(client, namespace)
    return store.run(listing.holders_of(store.namespace))
