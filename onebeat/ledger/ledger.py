"""How does a handler do its work once? The ledger for sync and for async handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import random
from typing import TYPE_CHECKING, Any

from onebeat.clock import SYSTEM, Clock
from onebeat.ledger import transaction
from onebeat.ledger.engine import CONNECTIONS, open_async_engine, open_engine
from onebeat.ledger.hands import run_steps, run_steps_async
from onebeat.ledger.steps import T
from onebeat.ledger.tables import create_on, create_tables

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session

    from onebeat.ledger.entry import Done, Entry

PRUNE_LIMIT = 500


class Ledger:
    """The ledger in the database at `url`, for sync handlers. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = SYSTEM,
        luck: Callable[[], float] = random,
        connections: int = CONNECTIONS,
    ) -> None:
        self.engine: Engine = open_engine(url, connections=connections)
        self._clock = clock
        self._luck = luck

    def perform(self, entry: Entry, work: Callable[[Session], T], *, confirm: Callable[[], None]) -> Done[T]:
        """What `work(session)` returned, its writes committed exactly once for `entry`.

        `confirm` is called right before COMMIT and stops it by raising. `work` runs again when the
        database asks for it (deadlock, serialisation), so nothing but the session may remember.

        Raises:
            Fenced: a newer holder registered for `entry.resource`.
            IdempotencyConflict: the key was used with another fingerprint.
            LedgerMisuse: `work` ended the session's transaction.
        """
        now_ms, dialect = self._clock.wall_ms(), self.engine.dialect.name
        steps = transaction.perform(
            entry, work, dialect=dialect, now_ms=now_ms, confirm=confirm, luck=self._luck
        )
        return run_steps(self.engine, steps)

    def recall(self, entry: Entry) -> Done[Any] | None:
        """What came of `entry`, or None when it is not done; see `transaction.recall`."""
        return run_steps(self.engine, transaction.recall(entry))

    def prune(self, now_ms: int, limit: int = PRUNE_LIMIT) -> int:
        """Deletes up to `limit` rows that expired before `now_ms`; returns how many."""
        return run_steps(self.engine, transaction.prune(now_ms, limit))

    def create_tables(self) -> None:
        """Create onebeat's tables where they are missing."""
        create_tables(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


class AsyncLedger:
    """The ledger for async handlers: the same promises as `Ledger`; belongs to one event loop."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = SYSTEM,
        luck: Callable[[], float] = random,
        connections: int = CONNECTIONS,
    ) -> None:
        self.engine: AsyncEngine = open_async_engine(url, connections=connections)
        self._clock = clock
        self._luck = luck

    async def perform(
        self, entry: Entry, work: Callable[[AsyncSession], Awaitable[T]], *, confirm: Callable[[], None]
    ) -> Done[T]:
        """See `Ledger.perform`."""
        now_ms, dialect = self._clock.wall_ms(), self.engine.dialect.name
        steps = transaction.perform(
            entry, work, dialect=dialect, now_ms=now_ms, confirm=confirm, luck=self._luck
        )
        return await run_steps_async(self.engine, steps)

    async def recall(self, entry: Entry) -> Done[Any] | None:
        """See `Ledger.recall`."""
        return await run_steps_async(self.engine, transaction.recall(entry))

    async def prune(self, now_ms: int, limit: int = PRUNE_LIMIT) -> int:
        """See `Ledger.prune`."""
        return await run_steps_async(self.engine, transaction.prune(now_ms, limit))

    async def create_tables(self) -> None:
        """See `Ledger.create_tables`."""
        async with self.engine.begin() as connection:
            await connection.run_sync(create_on)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
