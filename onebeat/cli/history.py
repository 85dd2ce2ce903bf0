"""Where is the history, and is it up to date?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onebeat.app import App
from onebeat.cli.output import Column, note
from onebeat.cli.times import clock_text, local_text, span_text, utc_text
from onebeat.errors import ConfigError, StoreError
from onebeat.ledger import Run
from onebeat.scheduler.past import Past
from onebeat.wire.locate import Found

if TYPE_CHECKING:
    from sqlalchemy import Engine

_LAG = "the history may lag behind"


def fresh(app: App) -> Engine:
    """The database, with every event in it that the store can tell; a store that is away is only noted."""
    engine = app.engine
    try:
        found: Found | None = app.redis_url
    except ConfigError as problem:
        found = None
        note(f"{_LAG}: {problem}")
    if found is not None:
        try:
            catch_up(app)
        except StoreError as problem:
            note(f"{_LAG}: {problem}")
    return engine


def catch_up(app: App) -> None:
    """Take the events of every queue into the history.

    Raises:
        StoreError: the store does not answer.
    """
    Past(app.store, app.engine).catch_up()


def record(run: Run) -> Mapping[str, object]:
    """A run as JSON: times in RFC 3339, UTC; null where nothing is known yet."""
    return {
        "id": run.id,
        "schedule": run.schedule,
        "task": run.task,
        "queue": run.queue,
        "nominal": utc_text(run.nominal_ms),
        "emitted": utc_text(run.emitted_ms),
        "started": utc_text(run.started_ms),
        "ended": utc_text(run.ended_ms),
        "state": str(run.state),
        "attempt": run.attempt,
        "worker": run.worker,
        "error": run.error,
        "reason": run.reason,
        "count": run.count,
    }


def outcome(run: Run) -> str:
    """Why it ended as it did, for people."""
    why = run.error or run.reason or ""
    return f"{why} ({run.count} times)" if run.count > 1 else why


def took_ms(run: Run) -> int | None:
    """How long the last attempt ran."""
    return None if run.started_ms is None or run.ended_ms is None else run.ended_ms - run.started_ms


COLUMNS: tuple[Column[Run], ...] = (
    Column("RUN", lambda run: run.id),
    Column("TASK", lambda run: run.task),
    Column("STATE", lambda run: run.state),
    Column("NOMINAL", lambda run: local_text(run.nominal_ms)),
    Column("STARTED", lambda run: local_text(run.started_ms)),
    Column("TOOK", lambda run: span_text(took_ms(run)), right=True),
    Column("WHY", outcome),
)


def sentence(run: Run) -> str:
    """A run that is over, on one line: `12:00:05 report done in 12ms`."""
    took = f" in {span_text(took_ms(run))}" if took_ms(run) is not None else ""
    why = f": {outcome(run)}" if outcome(run) else ""
    return (
        f"{clock_text(run.ended_ms or run.at_ms)} {run.schedule or run.task or run.id} {run.state}{took}{why}"
    )
