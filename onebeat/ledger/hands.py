"""Who performs the steps of a ledger protocol? One blocking and one asyncio hand. No decisions here."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from onebeat.ledger.engine import READ_ONLY
from onebeat.ledger.guard import Guard
from onebeat.ledger.steps import Begin, Commit, Rows, Sql, Step, Steps, T, Undo, Work
from onebeat.wire import Pause, drive, drive_async

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Result
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_COUNTED: Any = {"preserve_rowcount": True}  # SQLAlchemy forgets an INSERT's count unless asked
# The session uses our transaction for good or ill: its commit is the connection's, where the guard is. It
# joins with the claim's statement, so even a handler that writes nothing cannot end it unseen.
_SESSION: dict[str, Any] = {"join_transaction_mode": "control_fully", "expire_on_commit": False}


def run_steps(engine: Engine, steps: Steps[T]) -> T:
    """What the protocol returns, its steps performed in order and nothing left open."""
    hand = _Hand(engine)
    try:
        return drive(steps, hand.perform, Exception)
    finally:
        hand.undo()


async def run_steps_async(engine: AsyncEngine, steps: Steps[T]) -> T:
    """The asyncio twin of `run_steps`."""
    hand = _AsyncHand(engine)
    try:
        return await drive_async(steps, hand.perform, Exception)
    finally:
        await asyncio.shield(hand.undo())  # a cancelled caller must not leave the transaction open


def _rows(result: Result[Any]) -> Rows:
    if not isinstance(result, CursorResult):
        raise TypeError(f"a ledger protocol sends Core statements, not what gives a {type(result).__name__}")
    return Rows(result.rowcount, tuple(result.all()) if result.returns_rows else ())


class _Hand:
    """One protocol's connection and session."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._session: Session | None = None

    def perform(self, step: Step) -> Any:
        match step:
            case Begin():
                self._begin(step)
            case Sql(statement):
                return _rows(self._open().execute(statement, execution_options=_COUNTED))
            case Work(handler):
                with self._guard.watching():
                    result = handler(self._open())
                    self._open().flush()
                return result
            case Commit():
                with self._guard.committing():
                    self._open().commit()
                self.undo()
            case Undo():
                self.undo()
            case Pause(seconds):
                time.sleep(seconds)
        return None

    def _open(self) -> Session:
        if self._session is None:
            raise RuntimeError("a ledger protocol must begin before its other steps")
        return self._session

    def _begin(self, step: Begin) -> None:
        self._connection = connection = self._engine.connect()
        if step.read_only:
            connection.execution_options(**READ_ONLY)
        connection.begin()
        self._guard = Guard(connection, step.task)
        self._session = Session(connection, **_SESSION)

    def undo(self) -> None:
        """Let go of what is open; the database rolls back what was not committed."""
        connection, self._connection = self._connection, None
        session, self._session = self._session, None
        if connection is None:
            return
        try:
            if session is not None:
                if self._guard.spoiled:
                    connection.invalidate()  # never back to the pool: its transaction may still be open
                session.close()
        except SQLAlchemyError:
            connection.invalidate()  # it did not hear the rollback; losing the connection tells the server
        finally:
            connection.close()


class _AsyncHand:
    """The asyncio twin of `_Hand`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._session: AsyncSession | None = None

    async def perform(self, step: Step) -> Any:
        match step:
            case Begin():
                await self._begin(step)
            case Sql(statement):
                return _rows(await self._open().execute(statement, execution_options=_COUNTED))
            case Work(handler):
                with self._guard.watching():
                    result = await handler(self._open())
                    await self._open().flush()
                return result
            case Commit():
                with self._guard.committing():
                    await self._open().commit()
                await self.undo()
            case Undo():
                await self.undo()
            case Pause(seconds):
                await asyncio.sleep(seconds)
        return None

    def _open(self) -> AsyncSession:
        if self._session is None:
            raise RuntimeError("a ledger protocol must begin before its other steps")
        return self._session

    async def _begin(self, step: Begin) -> None:
        self._connection = connection = await self._engine.connect()
        if step.read_only:
            await connection.execution_options(**READ_ONLY)
        await connection.begin()
        self._guard = await connection.run_sync(Guard, step.task)
        self._session = AsyncSession(connection, **_SESSION)

    async def undo(self) -> None:
        """See `_Hand.undo`."""
        connection, self._connection = self._connection, None
        session, self._session = self._session, None
        if connection is None:
            return
        try:
            if session is not None:
                if self._guard.spoiled:
                    await connection.invalidate()  # never back to the pool: its transaction may still be open
                await session.close()
        except SQLAlchemyError:
            await connection.invalidate()
        finally:
            await connection.close()
