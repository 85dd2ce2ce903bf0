"""How does asyncio code hold a lock?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Unpack

from onebeat.errors import StoreError
from onebeat.keys import LockKeys
from onebeat.locks import protocol, roster, view
from onebeat.locks.calls import Attempt
from onebeat.locks.door import NAMESPACE, async_store_of
from onebeat.locks.handle import Handle, Options, timeout_error
from onebeat.locks.lease import Lease
from onebeat.locks.protocol import Released
from onebeat.locks.validity import checked_wait_s
from onebeat.locks.view import Holder
from onebeat.wire import AsyncStore, Protocol

_UNDER_WAY: set[asyncio.Task[Released]] = set()  # the loop itself holds its tasks only weakly


class Awaiting(Handle[AsyncStore]):
    """The asyncio face of a lock of any kind: the names of `Blocking`; it belongs to one event loop.

    A task that is cancelled while it acquires leaves nothing behind: neither a place in the queue nor
    a lock that it was granted in that moment.
    """

    async def acquire(self, wait: float | None = 0.0) -> Lease | None:
        """The lease, or None when the lock was not free within `wait` seconds (None: no limit).

        Raises:
            StoreError: the store does not answer, or refuses.
            ForkedHandle: this handle was made in another process.
        """
        wait = checked_wait_s(wait)
        if again := self._again():
            return again
        attempt = self._attempt()
        try:
            grant = await self.store.run(protocol.acquire(attempt, wait, self._clock))
            return None if grant is None else self._held(attempt, grant)
        except BaseException:
            await self._abandon(attempt)
            raise

    @asynccontextmanager
    async def hold(self, wait: float | None = 0.0) -> AsyncIterator[Lease]:
        """Hold it for the length of an `async with` block, which is cancelled when the lease is lost.

        Raises:
            LockTimeout: it was not free within `wait` seconds (None: no limit).
            LeaseLost: the lock was lost inside the block.
            StoreError: the store does not answer, or refuses.
        """
        lease = await self.acquire(wait)
        if lease is None:
            raise timeout_error(self.name, wait, await self.store.run(roster.words(self.keys)))
        async with self.keeping(lease):
            yield lease

    @asynccontextmanager
    async def keeping(self, lease: Lease) -> AsyncIterator[Lease]:
        """Release an acquired `lease` at the end of the block; raises as `hold` does."""
        alarm = _Alarm(lease)
        try:
            try:
                yield lease
            except BaseException:
                alarm.off = True
                await self._release_quietly(lease)
                raise
            alarm.off = True
            released = await self.release(lease)
        except asyncio.CancelledError:
            if alarm.answers():
                raise lease.loss() from None
            raise
        if released is Released.NOT_YOURS:
            raise lease.loss()

    async def release(self, lease: Lease | None = None) -> Released:
        """Give back `lease`, or the one acquired last; it goes on even if the caller is cancelled.

        Raises:
            StoreError: the store does not answer; the lock is free when its lease ends.
            LockError: nothing was ever acquired through this handle.
        """
        ended = self._end(lease)
        if ended is None:
            return Released.NESTED
        lease, shut_ms = ended
        return await self._see_through(protocol.release(self.keys, lease.token, shut_ms, lease.note))

    async def _abandon(self, attempt: Attempt) -> None:
        try:
            await self._see_through(protocol.abandon(attempt.keys, attempt.token))
        except StoreError as problem:
            self._not_given_up(problem)

    async def _release_quietly(self, lease: Lease) -> None:
        try:
            await self.release(lease)
        except StoreError as problem:
            self._not_released(lease, problem)

    async def _see_through(self, giving_up: Protocol[Released]) -> Released:
        """Perform it to its end, whatever happens to the caller."""
        task = asyncio.ensure_future(self.store.run(giving_up))
        _UNDER_WAY.add(task)
        task.add_done_callback(_UNDER_WAY.discard)
        return await asyncio.shield(task)


class AsyncLock(Awaiting):
    """The asyncio face of `Lock`: same arguments, same names."""

    def __init__(self, client: Any, name: str, lease: float = 10.0, **options: Unpack[Options]) -> None:
        store = async_store_of(client, options.get("namespace", NAMESPACE))
        super().__init__(store, LockKeys(store.namespace, name), lease, **options)

    async def peek(self) -> Holder | None:
        """Who holds it; None when it is free."""
        return await self.store.run(view.peek(LockKeys(self.store.namespace, self.name)))


class _Alarm:
    """Cancels the task that holds a lease when the lease is lost, and knows that it was the one."""

    def __init__(self, lease: Lease) -> None:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._cancels_before = self._task.cancelling() if self._task else 0
        self._rang = False
        self.off = False
        lease.on_lost(self._from_the_keeper)

    def _from_the_keeper(self, _reason: str) -> None:
        if not self.off and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        if self._task and not self.off:
            self._rang = True
            self._task.cancel()

    def answers(self) -> bool:
        """Was the cancellation this alarm, and nobody else's too? Then it is taken back."""
        return bool(self._rang and self._task and self._task.uncancel() <= self._cancels_before)
