"""What does a database with READ COMMITTED and row locks do? PostgreSQL's rules over SQLite's statements.

SQLite itself admits one writer at a time, which hides every race between two transactions. Here each
statement sees what is committed at that moment plus the writes of its own transaction, a write locks its
row until the transaction ends, whoever wants the same row waits, and a circle of waiting is a deadlock
(PostgreSQL manual, chapter 13).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Executable, Insert, Update
from sqlalchemy.dialects import sqlite

from onebeat.ledger.steps import Rows
from onebeat.ledger.tables import FENCE, LEDGER
from tests.interleave.process import WAIT, Elsewhere, Failed

_DIALECT = sqlite.dialect()
_COMPILED: dict[Any, Any] = {}  # as an engine has one
_SCHEMA = """
CREATE TABLE onebeat_ledger (key PRIMARY KEY, task, fingerprint, message_id, fence INTEGER, status, result,
  error, created_ms, expires_ms);
CREATE TABLE onebeat_fence (namespace, resource, fence INTEGER, holder, PRIMARY KEY (namespace, resource));
CREATE TABLE counter (name PRIMARY KEY, value INTEGER);
CREATE TABLE effect (key);
"""
Row = tuple[Any, ...]


class Broken(Failed):
    """The connection is gone. SQLAlchemy marks its errors like this."""

    connection_invalidated = True


class RolledBack(Failed):
    """The database chose this transaction as the victim."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"rolled back: {sqlstate}")
        self.sqlstate = sqlstate


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its values; `row` is what a write locks."""

    text: str
    values: tuple[Any, ...] = ()
    row: Row | None = None


@dataclass(eq=False)
class Transaction:
    """One connection's open transaction."""

    who: str
    writes: list[Statement] = field(default_factory=list)
    rows: set[Row] = field(default_factory=set)
    waits_for: Transaction | None = None
    over: bool = False
    committing: bool = False  # a COMMIT is on its way, although nobody waits for its answer


class Database:
    """Committed rows, and the locks of those who have not committed."""

    def __init__(self, on_commit: Callable[[Transaction], None]) -> None:
        self._committed = sqlite3.connect(":memory:", isolation_level=None)
        self._committed.deserialize(_empty())
        self._locks: dict[Row, Transaction] = {}
        self._on_commit = on_commit

    def close(self) -> None:
        self._committed.close()

    def read(self, text: str) -> list[Row]:
        """What everybody sees."""
        return self._committed.execute(text).fetchall()

    def holder_of(self, row: Row | None, asking: Transaction) -> Transaction | None:
        """Which other transaction must end before `asking` can write `row`."""
        holder = self._locks.get(row) if row is not None else None
        return None if holder is asking else holder

    def execute(self, within: Transaction, statement: Statement) -> Any:
        if within.over:
            raise Broken("the connection was closed")
        holder = self.holder_of(statement.row, within)
        if holder is not None:
            within.waits_for = holder
            if _waits_in_a_circle(within):
                self.end(within)
                raise RolledBack("40P01")
            return WAIT
        within.waits_for = None
        if statement.row is not None:
            self._locks[statement.row] = within
            within.rows.add(statement.row)
            within.writes.append(statement)
        return self._see(within.writes if statement.row is not None else [*within.writes, statement])

    def _see(self, statements: Sequence[Statement]) -> Rows:
        """The answer of the last statement, after the others, on what is committed now."""
        self._committed.execute("BEGIN")
        try:
            for statement in statements:
                cursor = self._committed.execute(statement.text, statement.values)
            return Rows(cursor.rowcount, tuple(_Named(cursor, row) for row in cursor.fetchall()))
        finally:
            self._committed.execute("ROLLBACK")

    def commit(self, within: Transaction) -> None:
        if within.over:
            raise Broken("the connection was closed")
        for write in within.writes:
            self._committed.execute(write.text, write.values)
        self.end(within)
        self._on_commit(within)

    def end(self, within: Transaction) -> None:
        """Its locks are free; what was not committed never was. Ended twice is ended once: by then its
        rows may be another's."""
        within.over, within.waits_for = True, None
        while within.rows:
            self._locks.pop(within.rows.pop(), None)


@cache
def _empty() -> bytes:
    """A database without rows."""
    made = sqlite3.connect(":memory:")
    made.executescript(_SCHEMA)
    try:
        return made.serialize()
    finally:
        made.close()


class _Named(tuple):
    """A row whose columns have names, as SQLAlchemy's have."""

    def __new__(cls, cursor: sqlite3.Cursor, values: Row) -> _Named:
        made = super().__new__(cls, values)
        made.names = [column[0] for column in cursor.description]
        return made

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("names", ())
        if name not in names:
            raise AttributeError(name)
        return self[names.index(name)]


def _waits_in_a_circle(first: Transaction) -> bool:
    at, seen = first.waits_for, set[int]()
    while at is not None and id(at) not in seen:
        if at is first:
            return True
        seen.add(id(at))
        at = at.waits_for
    return False


def statement_of(production: Executable) -> Statement:
    """One of the ledger's own statements."""
    compiled, given, *_ = production._compile_w_cache(_DIALECT, compiled_cache=_COMPILED, column_keys=[])
    values = compiled.construct_params(extracted_parameters=given)
    row: Row | None = None
    if isinstance(production, Insert | Update):
        name = production.table.name
        columns = {FENCE.name: ("namespace", "resource"), LEDGER.name: ("key",)}[name]
        row = (name, *(values.get(column, values.get(f"{column}_1")) for column in columns))
    return Statement(str(compiled), tuple(values[name] for name in compiled.positiontup), row)


@dataclass(eq=False)
class Ask(Elsewhere):
    """One statement in a transaction."""

    database: Database
    within: Transaction
    statement: Statement

    def perform(self) -> Any:
        return self.database.execute(self.within, self.statement)

    def must_wait(self) -> bool:
        return self.database.holder_of(self.statement.row, self.within) is not None and (
            self.within.waits_for is not None
        )

    def gone(self) -> Exception:
        self.database.end(self.within)
        return Broken("the connection was lost")

    def __str__(self) -> str:
        words = self.statement.text.split()
        return f"{' '.join(words[:4])} {self.statement.values}"


@dataclass(eq=False)
class End(Elsewhere):
    """COMMIT."""

    database: Database
    within: Transaction

    def perform(self) -> None:
        self.database.commit(self.within)

    def gone(self) -> Exception:
        self.database.end(self.within)
        return Broken("the connection was lost")

    def late(self) -> Exception:
        """The server has not heard that the client is gone: the transaction is open until COMMIT arrives."""
        self.within.committing = True
        return Broken("the connection was lost")

    def __str__(self) -> str:
        return "COMMIT"
