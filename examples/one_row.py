"""What does one run leave behind? A row, so that rows can be compared with runs."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, insert
from sqlalchemy.orm import Session

from onebeat import Context, task

METADATA = MetaData()
# No unique key on the run: a second row would be seen.
ROWS = Table(
    "one_row",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", String(512), nullable=False),
)


@task
def write_row(ctx: Context, session: Session) -> None:
    """Write the row of this run; whoever schedules it has created the table."""
    session.execute(insert(ROWS).values(run=ctx.message_id))
