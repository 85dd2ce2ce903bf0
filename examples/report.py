"""How does a task write to a database exactly once? It uses the session that it is given.

The session's transaction also holds the ledger's row of this run. Both commit or neither does, so a
delivery that is repeated after a crash finds the row and changes nothing.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select
from sqlalchemy.orm import Session

from onebeat import Context, task

METADATA = MetaData()
ORDERS = Table(
    "shop_orders",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("minor_units", Integer, nullable=False),  # cents, won, yen
)
# No unique key on the run: if onebeat wrote twice, this table would show it.
REPORTS = Table(
    "shop_reports",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", String(512), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("orders", Integer, nullable=False),
    Column("minor_units", Integer, nullable=False),
)
_FIRST_ORDERS = [("KRW", 129_000), ("KRW", 54_500), ("EUR", 8_990), ("EUR", 1_250), ("USD", 4_200)]


@task
def nightly_report(currency: str, session: Session, ctx: Context) -> int:
    """Add up the orders in `currency` and write one row; returns the sum in its smallest unit."""
    _open_shop(session)
    wanted = select(func.count(), func.coalesce(func.sum(ORDERS.c.minor_units), 0))
    count, total = session.execute(wanted.where(ORDERS.c.currency == currency)).one()
    session.execute(
        insert(REPORTS).values(run=ctx.message_id, currency=currency, orders=count, minor_units=total)
    )
    ctx.log.info("%s: %d orders, %d in all", currency, count, total)
    return int(total)


def _open_shop(session: Session) -> None:
    """Create the tables and a few orders, the first time."""
    METADATA.create_all(session.connection())
    if session.scalar(select(func.count()).select_from(ORDERS)) == 0:
        rows = [{"currency": currency, "minor_units": amount} for currency, amount in _FIRST_ORDERS]
        session.execute(insert(ORDERS), rows)
