"""What does the history say? Reading it, and forgetting what is old.

`namespace=None` asks about every namespace that shares the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, delete, func, or_, select, tuple_

from onebeat.ledger.engine import READ_ONLY
from onebeat.ledger.fold import TERMINAL, Run, RunState
from onebeat.ledger.tables import CURSOR, LOG_POSITION, RUN

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select

FORGET_LIMIT = 1_000
_UNDER_WAY = sorted(set(RunState) - TERMINAL)
_TOGETHER = 200  # schedules that one query asks about
_LOST_MS = 86_400_000  # what has not ended for longer was lost before, and is not looked for again


def runs(
    engine: Engine,
    *,
    limit: int,
    schedule: str | None = None,
    state: str | None = None,
    since_ms: int | None = None,
    namespace: str | None = None,
) -> list[Run]:
    """At most `limit` runs, the newest (by nominal time) first."""
    wanted = select(RUN).order_by(RUN.c.at_ms.desc(), RUN.c.id).limit(limit)
    for column, value in ((RUN.c.schedule, schedule), (RUN.c.state, state), (RUN.c.namespace, namespace)):
        if value is not None:
            wanted = wanted.where(column == value)
    if since_ms is not None:
        wanted = wanted.where(RUN.c.at_ms >= since_ms)
    return [Run(**row._asdict()) for row in _all(engine, wanted)]


def run(engine: Engine, id: str, *, namespace: str | None = None) -> Run | None:
    """The run with this id, or None."""
    wanted = select(RUN).where(RUN.c.id == id).order_by(RUN.c.at_ms.desc()).limit(1)
    found = _all(engine, wanted if namespace is None else wanted.where(RUN.c.namespace == namespace))
    return Run(**found[0]._asdict()) if found else None


def counts(engine: Engine, *, since_ms: int | None = None, namespace: str | None = None) -> dict[str, int]:
    """State → nominal times in it; a skipped stretch counts each of its times."""
    wanted = select(RUN.c.state, func.sum(RUN.c.count)).group_by(RUN.c.state)
    if since_ms is not None:
        wanted = wanted.where(RUN.c.at_ms >= since_ms)
    if namespace is not None:
        wanted = wanted.where(RUN.c.namespace == namespace)
    return {row[0]: int(row[1]) for row in _all(engine, wanted)}


def cursors(engine: Engine, namespace: str, queue: str) -> dict[str, int]:
    """Schedule → where a beat goes on when Redis has lost its data, ms.

    That is the last decided nominal time, or just before the first fire of its last day that was queued and
    has not ended: that one is lost too. What ended after it is queued again under its id, and what the
    ledger knows is not done again.
    """
    here = (CURSOR.c.namespace == namespace) & (CURSOR.c.queue == queue)
    known = select(CURSOR.c.schedule, CURSOR.c.cursor_ms).where(here)
    lost = select(RUN.c.schedule, func.min(RUN.c.nominal_ms) - 1).where(
        here & (RUN.c.namespace == namespace) & (RUN.c.queue == queue),
        (RUN.c.schedule == CURSOR.c.schedule) & (RUN.c.nominal_ms > CURSOR.c.cursor_ms - _LOST_MS),
        RUN.c.id == CURSOR.c.schedule.concat("@").concat(cast(RUN.c.nominal_ms, String)),
        RUN.c.state.in_(_UNDER_WAY) & RUN.c.reason.is_distinct_from("backfill"),
    )
    found = {row[0]: row[1] for row in _all(engine, known)}
    for schedule, before_ms in _all(engine, lost.group_by(RUN.c.schedule)):
        found[schedule] = min(found[schedule], before_ms)
    return found


def fired(engine: Engine, namespace: str, until_ms: Mapping[str, int]) -> dict[str, int]:
    """Schedule → how many of its fires up to that nominal time (ms) were queued, as a limit counts them."""
    found: dict[str, int] = {}
    for some in _parts(list(until_ms.items())):
        wanted = (
            select(RUN.c.schedule, func.count())
            .where(RUN.c.namespace == namespace, RUN.c.emitted_ms.is_not(None))
            .where(or_(*((RUN.c.schedule == id_) & (RUN.c.at_ms <= ms) for id_, ms in some)))
            .where(RUN.c.id == RUN.c.schedule.concat("@").concat(cast(RUN.c.nominal_ms, String)))
            .where(RUN.c.reason.is_distinct_from("backfill"))
        )
        found.update((row[0], row[1]) for row in _all(engine, wanted.group_by(RUN.c.schedule)))
    return found


def fires(engine: Engine, namespace: str, schedule: str, first_ms: int, last_ms: int) -> dict[int, Run]:
    """Nominal ms → run, of the fires of `schedule` between two nominal times, both included."""
    here = (RUN.c.namespace == namespace) & (RUN.c.schedule == schedule)
    wanted = select(RUN).where(here & RUN.c.at_ms.between(first_ms, last_ms))
    found = [Run(**row._asdict()) for row in _all(engine, wanted)]
    return {run.nominal_ms or 0: run for run in found if run.id == f"{schedule}@{run.nominal_ms}"}


def lost_events(engine: Engine) -> dict[str, int]:
    """Event log → entries that were trimmed before any historian read them; only logs with a loss."""
    wanted = select(LOG_POSITION.c.stream, LOG_POSITION.c.lost).where(LOG_POSITION.c.lost > 0)
    return {row[0]: row[1] for row in _all(engine, wanted)}


def forget_runs(engine: Engine, before_ms: int, limit: int = FORGET_LIMIT) -> int:
    """Deletes at most `limit` ended runs with a nominal time before `before_ms`; returns how many."""
    key = (RUN.c.namespace, RUN.c.id)
    old = select(*key).where(RUN.c.at_ms < before_ms, RUN.c.state.in_(sorted(TERMINAL)))
    with engine.begin() as connection:
        oldest = old.order_by(RUN.c.at_ms).limit(limit)
        return connection.execute(delete(RUN).where(tuple_(*key).in_(oldest))).rowcount


def _parts(rows: Sequence[tuple[str, int]]) -> list[Sequence[tuple[str, int]]]:
    return [rows[at : at + _TOGETHER] for at in range(0, len(rows), _TOGETHER)]


def _all(engine: Engine, wanted: Select[Any]) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execution_options(**READ_ONLY).execute(wanted))
