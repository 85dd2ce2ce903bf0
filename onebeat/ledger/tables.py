"""Which tables does onebeat keep in your database, and what is in each?

Times are integers, milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite

from onebeat.errors import NotYetSupported
from onebeat.ledger.engine import READ_ONLY

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

METADATA = MetaData()
NAME_LENGTH = 512  # a lock's name is the longest that we store as a key

LEDGER = Table(
    "onebeat_ledger",
    METADATA,
    Column("key", String(64), primary_key=True, comment="digest of namespace, task and idempotency key"),
    Column("task", String(NAME_LENGTH), nullable=False),
    Column("fingerprint", String(128), nullable=False, comment="hash of the arguments"),
    Column("message_id", String(NAME_LENGTH), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("status", String(16), nullable=False, comment="claimed inside the transaction, done once visible"),
    Column("result", Text, comment="JSON, for replays"),
    Column("error", Text, comment="why there is no result"),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("onebeat_ledger_expires", "expires_ms"),
)

# Never pruned: a resource without its row would accept the fence of a holder that is long gone.
FENCE = Table(
    "onebeat_fence",
    METADATA,
    Column("namespace", String(64), primary_key=True),
    Column("resource", String(NAME_LENGTH), primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("holder", String(NAME_LENGTH), nullable=False, comment="message id that registered it"),
)

RUN = Table(
    "onebeat_run",
    METADATA,
    Column("namespace", String(64), primary_key=True),
    Column("id", String(NAME_LENGTH), primary_key=True),
    Column("schedule", String(64)),
    Column("task", String(NAME_LENGTH)),
    Column("queue", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False, comment="nominal time, or the first event's"),
    Column("nominal_ms", BigInteger),
    Column("emitted_ms", BigInteger),
    Column("claimed_ms", BigInteger),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("state", String(16), nullable=False),
    Column("attempt", BigInteger),
    Column("deliveries", BigInteger),
    Column("worker", String(NAME_LENGTH)),
    Column("error", Text),
    Column("reason", Text),
    Column("count", BigInteger, nullable=False, comment="nominal times that this row stands for"),
    Column("first_ms", BigInteger, comment="the first of them, when count > 1"),
    Column("seen", String(48), nullable=False, comment="place in the log of the last event applied"),
    Index("onebeat_run_at", "namespace", "at_ms"),
    Index("onebeat_run_schedule", "namespace", "schedule", "at_ms"),
    Index("onebeat_run_state", "namespace", "state", "at_ms"),
)

LOG_POSITION = Table(
    "onebeat_log_position",
    METADATA,
    Column("stream", String(160), primary_key=True),
    Column("position", String(48), nullable=False, comment="last stream entry that is in the history"),
    Column("entries", BigInteger, nullable=False, comment="stream entries up to there since it began"),
    Column("lost", BigInteger, nullable=False, comment="entries trimmed before they were read"),
    Column("resets", BigInteger, nullable=False, comment="times the stream began anew"),
)

CURSOR = Table(
    "onebeat_cursor",
    METADATA,
    Column("namespace", String(64), primary_key=True),
    Column("queue", String(64), primary_key=True),
    Column("schedule", String(64), primary_key=True),
    Column("cursor_ms", BigInteger, nullable=False, comment="last decided nominal time"),
)


def create_tables(engine: Engine) -> None:
    """Create what is missing; any number of processes may do so at once.

    Where nothing is, nothing is waited for: a process that is stopped in the middle of a transaction must not
    keep others from starting.
    """
    with engine.connect() as connection:
        there = inspect(connection.execution_options(**READ_ONLY)).get_table_names()
    if METADATA.tables.keys() <= {*there}:
        return
    with engine.begin() as connection:
        create_on(connection)


def create_on(connection: Connection) -> None:
    """`create_tables` inside the caller's transaction."""
    one_at_a_time(connection, "onebeat:create_tables")  # "is it there? then create it" is a race
    METADATA.create_all(connection)


def one_at_a_time(connection: Connection, what: str) -> None:
    """Wait until no other transaction that asked for `what` is open; ends with the caller's transaction."""
    if connection.dialect.name == "postgresql":  # SQLite: our transactions begin IMMEDIATE, one at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


def insert_into(table: Table, dialect: str) -> Any:
    """An INSERT that can say `ON CONFLICT`; both dialects spell its methods alike.

    Raises:
        NotYetSupported: the database is neither SQLite nor PostgreSQL.
    """
    if dialect == "postgresql":
        return postgresql.insert(table)
    if dialect == "sqlite":
        return sqlite.insert(table)
    raise NotYetSupported(f"the ledger does not know {dialect} yet: use a sqlite:/// or postgresql:// URL")
