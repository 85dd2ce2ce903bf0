"""What has become of a schedule's fires? The history, after it has heard of everything so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onebeat.ledger import Historian, Run, cursors, fired, fires, runs
from onebeat.queue.pages import names
from onebeat.scheduler.desk import Known
from onebeat.scheduler.schedule import Schedule
from onebeat.wire import Store

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Past:
    """The history of one namespace in the database behind `engine`. Blocks; threads may share one."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine, self._namespace = store, engine, store.namespace

    def catch_up(self) -> None:
        """Take the events of every queue into the history.

        Raises:
            StoreError: the store does not answer.
        """
        queues = self._store.run(names(self._store.space.queues))
        Historian(self._store, self._engine, self._namespace).catch_up(queues)

    def fires(self, schedule: str, first_ms: int, last_ms: int) -> dict[int, Run]:
        """Nominal ms → run, between two nominal times, both included."""
        return fires(self._engine, self._namespace, schedule, first_ms, last_ms)

    def known(self, schedules: Sequence[Schedule]) -> Known:
        """Where these go on, and how many fires those with a limit had, by what the history has heard of."""
        found: dict[str, int] = {}
        for queue in {one.queue for one in schedules}:
            found.update(cursors(self._engine, self._namespace, queue))
        limited = found.keys() & {one.id for one in schedules if one.limit is not None}
        return Known(found, fired(self._engine, self._namespace, {id_: found[id_] for id_ in limited}))

    def last(self, schedule: str, number: int) -> list[Run]:
        """Its last runs, the newest first."""
        return runs(self._engine, limit=number, schedule=schedule, namespace=self._namespace)
