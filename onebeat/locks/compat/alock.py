"""How does asyncio code hold a lock with redis-py's words?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from onebeat.errors import StoreError
from onebeat.locks import protocol
from onebeat.locks.calls import Attempt
from onebeat.locks.compat.face import DEADLINE_S, Face, redis_py_errors
from onebeat.locks.door import NAMESPACE, async_store_of
from onebeat.wire import AsyncStore, Protocol

T = TypeVar("T")
_UNDER_WAY: set[asyncio.Task[Any]] = set()  # the loop itself holds its tasks only weakly


class AsyncLock(Face[AsyncStore]):
    """`redis.asyncio.lock.Lock`, fair and fenced; what `Lock` says holds here too.

    A task that is cancelled while it acquires leaves nothing behind. The client is used as it is, but no
    call longer than `DEADLINE_S`, whatever it retries.
    """

    def _open(self, client: Any) -> AsyncStore:
        return AsyncStore.over(async_store_of(client).client, NAMESPACE, deadline_s=DEADLINE_S)

    async def __aenter__(self) -> Self:
        if await self.acquire():
            return self
        raise self.not_acquired()

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.release()
        except Exception as failure:
            if not self.forgives(failure):
                raise

    async def acquire(
        self,
        blocking: bool | None = None,
        blocking_timeout: float | None = None,
        token: str | bytes | None = None,
    ) -> bool:
        """Whether it is held now; False when it was not free in time."""
        attempt = self.attempt()
        try:
            return await self._run(self.acquiring(attempt, self.wait_s(blocking, blocking_timeout), token))
        except BaseException:
            await self._abandon(attempt)
            raise

    async def locked(self) -> bool:
        """Does anybody hold it?"""
        return await self._run(self.owner()) is not None

    async def owned(self) -> bool:
        """Does this thread hold it?"""
        stored = await self._run(self.owner())
        return self.local.token is not None and stored == self.local.token

    async def release(self) -> None:
        """Give it back; it goes on even if the caller is cancelled."""
        await _see_through(self._run(self.releasing()))

    async def extend(self, additional_time: float, replace_ttl: bool = False) -> Literal[True]:
        """Add seconds to what is left, or replace what is left by them."""
        return await self._run(self.extending(additional_time, "replace" if replace_ttl else "add", "extend"))

    async def reacquire(self) -> Literal[True]:
        """Start the timeout again."""
        return await self._run(self.extending(self.timeout or 0.0, "replace", "reacquire"))

    async def _run(self, work: Protocol[T]) -> T:
        with redis_py_errors():
            return await self._store.run(work)

    async def _abandon(self, attempt: Attempt) -> None:
        try:
            await _see_through(self._store.run(protocol.abandon(attempt.keys, attempt.token)))
        except StoreError as problem:
            self.lapses(problem)


async def _see_through(work: Coroutine[Any, Any, T]) -> T:
    """Perform it to its end, whatever happens to the caller."""
    task = asyncio.ensure_future(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    return await asyncio.shield(task)
