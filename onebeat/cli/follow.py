"""Which runs have ended since the last look?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onebeat.ledger import Run, runs
from onebeat.ledger.fold import TERMINAL

if TYPE_CHECKING:
    from sqlalchemy import Engine

LOOK_BACK = 200  # runs that one look sees; more that end between two looks are not told one by one
EVERY_S = 0.5


class Follower:
    """Reads the history of `namespace` again and again; tells each end since `since_ms` once."""

    def __init__(
        self,
        engine: Engine,
        namespace: str,
        *,
        since_ms: int,
        schedule: str | None = None,
        state: str | None = None,
    ) -> None:
        self._engine, self._namespace = engine, namespace
        self._since_ms, self._schedule, self._state = since_ms, schedule, state
        self._told: set[tuple[str, int]] = set()

    def look(self) -> list[Run]:
        """The runs that ended since the last call, the first to end first."""
        seen = runs(
            self._engine,
            limit=LOOK_BACK,
            schedule=self._schedule,
            state=self._state,
            namespace=self._namespace,
        )
        over = {
            (run.id, run.ended_ms): run
            for run in seen
            if run.state in TERMINAL and run.ended_ms is not None and run.ended_ms >= self._since_ms
        }
        fresh = [run for key, run in over.items() if key not in self._told]
        self._told = set(over)
        return sorted(fresh, key=lambda run: run.ended_ms or 0)
