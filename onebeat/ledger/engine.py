"""How is the database opened, so that a commit is a promise and a lock is waited for?"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from onebeat.errors import ConfigError, NotYetSupported

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_MS = 5_000  # how long SQLite waits for another writer before it says "database is locked"
CONNECTIONS = 20
READ_ONLY = {"onebeat_read_only": True}  # execution options of transactions that only look
_DRIVERS = {"sqlite": ("sqlite", "sqlite+aiosqlite"), "postgresql": ("postgresql+psycopg",) * 2}


def normal_url(url: str, *, asynchronous: bool = False) -> URL:
    """`url` with the driver that serves blocking or asyncio callers, whichever of them it names.

    Raises:
        ConfigError: not a URL, or a SQLite database without a file.
        NotYetSupported: another database.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # without its text and cause: they show the password
        raise ConfigError(
            "the database URL cannot be read: write sqlite:///path/to/file.db or postgresql://user@host/name"
        ) from None
    kind = parsed.drivername.partition("+")[0]
    kind = "postgresql" if kind == "postgres" else kind
    if kind not in _DRIVERS:
        raise NotYetSupported(
            f"the ledger does not know {kind} yet: write sqlite:///path/to/file.db or postgresql://user@host/name"
        )
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError(
            "the ledger must outlive its process: write sqlite:///path/to/file.db, not a memory database"
        )
    return parsed.set(drivername=_DRIVERS[kind][asynchronous])


def open_engine(url: str, *, connections: int = CONNECTIONS) -> Engine:
    """A blocking engine for `url`; nothing is opened before the first use.

    Raises:
        ConfigError: see `normal_url`; or the folder of a SQLite file does not exist.
    """
    engine = create_engine(_checked(normal_url(url)), **_options(connections))
    _tune(engine)
    return engine


def open_async_engine(url: str, *, connections: int = CONNECTIONS) -> AsyncEngine:
    """The asyncio twin of `open_engine`; it belongs to one event loop."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(_checked(normal_url(url, asynchronous=True)), **_options(connections))
    _tune(engine.sync_engine)
    return engine


def _options(connections: int) -> dict[str, Any]:
    # hide_parameters: an error's text goes to logs and dead letters, arguments and results must not
    return {"pool_size": connections, "max_overflow": 0, "pool_pre_ping": True, "hide_parameters": True}


def _checked(url: URL) -> URL:
    if url.get_backend_name() == "sqlite" and not (url.database or "").startswith("file:"):
        folder = Path(url.database or "").absolute().parent
        if not folder.is_dir():
            raise ConfigError(
                f"{folder} does not exist, so the database {url.database} cannot: create the folder"
            )
    return url


def _tune(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself; we do
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        # NORMAL may lose the last commits at a power loss: the message would be acknowledged, the effect gone
        cursor.execute("PRAGMA synchronous = FULL")
        _enter_wal(cursor)
    finally:
        cursor.close()


def _enter_wal(cursor: Any) -> None:
    # Changing the mode needs the file alone and does not wait; the mode stays in the file once it is set.
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        cursor.execute("BEGIN IMMEDIATE")  # waits for whoever changes it, at most BUSY_MS
        cursor.execute("COMMIT")
        cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between.
    deferred = connection.get_execution_options().get("onebeat_read_only")
    connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")
