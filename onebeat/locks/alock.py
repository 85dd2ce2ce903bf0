"""How does asyncio code hold a lock?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar, Unpack

from onebeat.errors import LeaseLost, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import protocol, roster, view
from onebeat.locks.calls import Attempt
from onebeat.locks.door import NAMESPACE, async_store_of
from onebeat.locks.handle import Handle, Options, timeout_error
from onebeat.locks.lease import Lease
from onebeat.locks.protocol import Released
from onebeat.locks.validity import checked_wait_s
from onebeat.locks.view import Holder
from onebeat.wire import AsyncStore

T = TypeVar("T")
HeldT = TypeVar("HeldT", bound="Loseable")
_UNDER_WAY: set[asyncio.Task[Any]] = set()  # the loop itself holds its tasks only weakly


class Loseable(Protocol):
    """A lease of any kind, as far as the end of its block goes."""

    def on_lost(self, listener: Callable[[str], None], /) -> None: ...

    def loss(self) -> LeaseLost: ...


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
        return await self.acquire_beside(wait, ())

    async def acquire_beside(self, wait: float | None, beside: tuple[str, ...]) -> Lease | None:
        """As `acquire`, as a part of a `MultiLock` with the locks of these names."""
        wait = checked_wait_s(wait)
        if again := self._again():
            return again
        attempt = self._attempt(beside)
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
        async with until_released(lease, self.release, self._not_released):
            yield lease

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
        return await see_through(
            self.store.run(protocol.release(self.keys, lease.token, shut_ms, lease.note))
        )

    async def _abandon(self, attempt: Attempt) -> None:
        try:
            await see_through(self.store.run(protocol.abandon(attempt.keys, attempt.token)))
        except StoreError as problem:
            self._not_given_up(problem)


class AsyncLock(Awaiting):
    """The asyncio face of `Lock`: same arguments, same names."""

    def __init__(self, client: Any, name: str, lease: float = 10.0, **options: Unpack[Options]) -> None:
        store = async_store_of(client, options.get("namespace", NAMESPACE))
        super().__init__(store, LockKeys(store.namespace, name), lease, **options)

    async def peek(self) -> Holder | None:
        """Who holds it; None when it is free."""
        return await self.store.run(view.peek(LockKeys(self.store.namespace, self.name)))


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, whatever happens to the caller."""
    task = asyncio.ensure_future(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    return await asyncio.shield(task)


@asynccontextmanager
async def until_released(
    lease: HeldT,
    release: Callable[[HeldT], Awaitable[Released]],
    not_released: Callable[[HeldT, StoreError], None],
) -> AsyncIterator[None]:
    """Release `lease` at the end of the block, which is cancelled when it is lost."""
    alarm = _Alarm(lease)
    try:
        try:
            yield
        except BaseException:
            alarm.off = True
            try:
                await release(lease)
            except StoreError as problem:
                not_released(lease, problem)
            raise
        alarm.off = True
        released = await release(lease)
    except asyncio.CancelledError:
        if alarm.answers():
            raise lease.loss() from None
        raise
    if released is Released.NOT_YOURS:
        raise lease.loss()


class _Alarm:
    """Cancels the task that holds a lease when the lease is lost, and knows that it was the one."""

    def __init__(self, lease: Loseable) -> None:
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
