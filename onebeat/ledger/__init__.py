"""Has this been done? Effects that happen exactly once, and the history of every run.

SQLAlchemy is imported with the first name that needs it, so `import onebeat` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from onebeat.ledger.entry import Done, Entry, entry_key

if TYPE_CHECKING:
    from onebeat.ledger.engine import normal_url, open_async_engine, open_engine
    from onebeat.ledger.fold import Run, RunState
    from onebeat.ledger.history import Historian
    from onebeat.ledger.ledger import AsyncLedger, Ledger
    from onebeat.ledger.queries import counts, cursors, fired, fires, forget_runs, lost_events, run, runs
    from onebeat.ledger.tables import create_tables

_HOMES = {
    "AsyncLedger": "ledger",
    "Historian": "history",
    "Ledger": "ledger",
    "Run": "fold",
    "RunState": "fold",
    "counts": "queries",
    "create_tables": "tables",
    "cursors": "queries",
    "fired": "queries",
    "fires": "queries",
    "forget_runs": "queries",
    "lost_events": "queries",
    "normal_url": "engine",
    "open_async_engine": "engine",
    "open_engine": "engine",
    "run": "queries",
    "runs": "queries",
}

__all__ = [
    "AsyncLedger",
    "Done",
    "Entry",
    "Historian",
    "Ledger",
    "Run",
    "RunState",
    "counts",
    "create_tables",
    "cursors",
    "entry_key",
    "fired",
    "fires",
    "forget_runs",
    "lost_events",
    "normal_url",
    "open_async_engine",
    "open_engine",
    "run",
    "runs",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
