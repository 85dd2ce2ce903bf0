"""What does one batch of events write, and how does the position in the log move with it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from onebeat.events import Event
from onebeat.ledger.fold import Run, applied, born
from onebeat.ledger.log import Line, Position, parse_id, spell_id
from onebeat.ledger.tables import CURSOR, LOG_POSITION, RUN, insert_into

if TYPE_CHECKING:
    from sqlalchemy import Connection

_RUN_COLUMNS = tuple(column.name for column in RUN.columns)
_DECIDED = frozenset({Event.EMITTED, Event.SKIPPED})  # after these the schedule's cursor is past the nominal


def stored_position(connection: Connection, stream: str) -> Position | None:
    """How far the history is; None when it never read this stream."""
    row = connection.execute(select(LOG_POSITION).where(LOG_POSITION.c.stream == stream)).one_or_none()
    return None if row is None else Position(parse_id(row.position), row.entries, row.lost, row.resets)


def move(connection: Connection, stream: str, before: Position | None, after: Position) -> bool:
    """Compare and set; False when the stored position is not `before`."""
    values = {
        "position": spell_id(after.at),
        "entries": after.entries,
        "lost": after.lost,
        "resets": after.resets,
    }
    if before is None:
        fresh = insert_into(LOG_POSITION, connection.dialect.name).values(stream=stream, **values)
        statement = fresh.on_conflict_do_nothing(index_elements=[LOG_POSITION.c.stream])
    else:
        here = (LOG_POSITION.c.stream == stream) & (LOG_POSITION.c.position == spell_id(before.at))
        same = (LOG_POSITION.c.entries == before.entries) & (LOG_POSITION.c.resets == before.resets)
        statement = update(LOG_POSITION).where(here & same).values(**values)
    counted = connection.execution_options(preserve_rowcount=True)
    return counted.execute(statement).rowcount == 1


def write_runs(connection: Connection, namespace: str, queue: str, lines: Sequence[Line]) -> None:
    """Folds `lines` into the rows of their runs."""
    ids = sorted({line.id for line in lines})
    if not ids:
        return
    known = select(RUN).where(RUN.c.namespace == namespace, RUN.c.id.in_(ids))
    before = {row.id: Run(**row._asdict()) for row in connection.execute(known)}
    after = dict(before)
    for line in lines:
        after[line.id] = applied(after.get(line.id) or born(line, namespace, queue), line)
    # an event that says nothing of an unknown run (a late ack, or a name from a later version) makes no row
    changed = [run for run in after.values() if run.seen and run != before.get(run.id)]
    if not changed:
        return
    upsert = insert_into(RUN, connection.dialect.name)
    columns = {name: upsert.excluded[name] for name in _RUN_COLUMNS if name not in ("namespace", "id")}
    connection.execute(
        upsert.on_conflict_do_update(index_elements=[RUN.c.namespace, RUN.c.id], set_=columns),
        [{name: getattr(run, name) for name in _RUN_COLUMNS} for run in changed],
    )


def write_cursors(connection: Connection, namespace: str, queue: str, lines: Sequence[Line]) -> None:
    """Remembers the last decided nominal time of each schedule that `lines` tell of."""
    cursors: dict[str, int] = {}
    for line in lines:
        schedule, nominal_ms = line.text("schedule"), line.number("nominal_ms")
        planned = line.event in _DECIDED and line.text("by") is None  # what a person asks for moves no cursor
        if planned and schedule is not None and nominal_ms is not None:
            cursors[schedule] = max(nominal_ms, cursors.get(schedule, nominal_ms))
    if not cursors:
        return
    upsert = insert_into(CURSOR, connection.dialect.name)
    statement = upsert.on_conflict_do_update(
        index_elements=[CURSOR.c.namespace, CURSOR.c.queue, CURSOR.c.schedule],
        set_={"cursor_ms": upsert.excluded.cursor_ms},
        where=CURSOR.c.cursor_ms < upsert.excluded.cursor_ms,
    )
    place = {"namespace": namespace, "queue": queue}
    rows = [place | {"schedule": schedule, "cursor_ms": ms} for schedule, ms in cursors.items()]
    connection.execute(statement, rows)
