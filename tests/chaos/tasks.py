"""Which tasks run while everything is attacked? Each leaves its mark in one transaction."""

from __future__ import annotations

import time

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.orm import Session

from onebeat import Context, singleton, task

METADATA = MetaData()
# No unique key on the run: a second effect would be seen.
EFFECTS = Table(
    "effects",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", String(512), nullable=False),
    Column("kind", String(16), nullable=False),
)
COUNTER = Table("counter", METADATA, Column("id", Integer, primary_key=True), Column("value", Integer))


def _mark(session: Session, ctx: Context, kind: str) -> None:
    session.execute(insert(EFFECTS).values(run=ctx.message_id, kind=kind))


@task
def scheduled(ctx: Context, session: Session) -> None:
    """A run of a schedule."""
    _mark(session, ctx, "scheduled")


@task(queue="elsewhere")
def follows(ctx: Context, session: Session) -> None:
    """What a chain queues after a run, in another queue than that run's."""
    _mark(session, ctx, "follows")


@task(pool="process")
def computed(ctx: Context, session: Session) -> None:
    """A run in a process of its own."""
    _mark(session, ctx, "computed")


@task
@singleton(key="counter", wait=5, lease=2)
def count(ctx: Context, session: Session) -> None:
    """Read, wait, write: what loses an update when two run at a time."""
    value = session.scalar(select(COUNTER.c.value))
    if value is None:
        session.execute(insert(COUNTER).values(id=1, value=1))
    else:
        time.sleep(0.02)
        session.execute(update(COUNTER).values(value=value + 1))
    _mark(session, ctx, "count")


@task(record=True, retries=3, delay="50ms", max_delay="200ms")
def called(number: int, ctx: Context, session: Session) -> None:
    """A call that somebody waits for; some take longer, some fail at first, a few always."""
    _mark(session, ctx, "called")
    if number % 10 == 3:
        time.sleep(0.2)
    if number % 10 == 5 and ctx.attempt == 1:
        raise ValueError("not at the first attempt")
    if number % 50 == 7:
        raise ValueError("never")


@task(record=True)
def worked(number: int, ctx: Context, session: Session) -> None:
    """Time to be caught before its effect, and after it; short, for on SQLite one writes at a time."""
    time.sleep(0.025)
    _mark(session, ctx, "worked")
    time.sleep(0.025)
