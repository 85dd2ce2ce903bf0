"""Did the handler end the transaction that we opened for it?

A commit of the handler's own would make its effect visible without our row, so it is refused before
the database hears of it; what the handler rolled back is noticed when it returns. Out of reach is the
driver's own connection under SQLAlchemy's; the next attempt then finds a row that was never finished.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from onebeat.errors import LedgerMisuse

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MEND = (
    "the session that onebeat hands over is committed by onebeat when the handler returns; remove the call, "
    "and use session.begin_nested() for a part that may fail alone"
)
_ENDS = re.compile(
    r"\s*(?:COMMIT|END|ABORT|ROLLBACK(?!(?:\s+(?:WORK|TRANSACTION))?\s+TO\b)|PREPARE\s+TRANSACTION)\b", re.I
)


class Guard:
    """Watches one connection while a handler has it."""

    def __init__(self, connection: Connection, task: str) -> None:
        self._task = task
        self._watching = False
        self.spoiled = False  # a COMMIT was refused or failed: SQLAlchemy then forgets to roll back
        self._refused: LedgerMisuse | None = None
        self._ended: LedgerMisuse | None = None
        event.listen(connection, "commit", self._on_commit)
        event.listen(connection, "rollback", self._on_rollback)
        event.listen(connection, "before_cursor_execute", self._on_statement)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around the handler.

        Raises:
            LedgerMisuse: it tried to commit, whatever it did next, or it returned after a rollback.
                Where it raised after a rollback its own exception passes, because that is also what
                SQLAlchemy does to a session whose flush fails.
        """
        self._watching = True
        try:
            yield
        except Exception as problem:
            if self._refused is not None and problem is not self._refused:
                raise self._refused from problem
            raise
        finally:
            self._watching = False
        misuse = self._refused or self._ended
        if misuse is not None:
            raise misuse

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Around our own COMMIT."""
        self.spoiled = True
        yield
        self.spoiled = False

    def _on_commit(self, _connection: Connection) -> None:
        if self._watching:
            self._refuse("committed its session")

    def _on_rollback(self, _connection: Connection) -> None:
        if self._watching:
            self._ended = self._misuse("rolled back or closed its session, or went on after a failed flush")

    def _on_statement(self, _connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if self._watching and _ENDS.match(statement):
            self._refuse(f"sent {statement.split()[0].upper()} itself")

    def _refuse(self, what: str) -> None:
        self.spoiled = True
        self._refused = self._misuse(what)
        raise self._refused

    def _misuse(self, what: str) -> LedgerMisuse:
        return LedgerMisuse(
            f"the handler of {self._task} {what}, so nothing of this attempt is kept: {_MEND}"
        )
