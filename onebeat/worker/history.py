"""Who writes the run history? A thread of the supervisor, out of the event log, in batches."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from onebeat.clock import SYSTEM
from onebeat.errors import OnebeatError
from onebeat.ledger import Historian, Ledger

LOG = logging.getLogger("onebeat.history")
EVERY_S = 0.5
PRUNE_EVERY = 120  # rounds


class HistoryThread(threading.Thread):
    """Any number of these may run, anywhere: the position moves by compare-and-set in the database."""

    def __init__(self, historian: Historian, queues: Sequence[str], ledger: Ledger) -> None:
        super().__init__(name="onebeat-history", daemon=True)
        self._historian, self._queues, self._ledger = historian, queues, ledger
        self._done = threading.Event()

    def run(self) -> None:
        rounds = 0
        while not self._done.wait(EVERY_S):
            self._write()
            rounds += 1
            if rounds % PRUNE_EVERY == 0:
                self._prune()

    def _write(self) -> None:
        try:
            self._historian.catch_up(self._queues)
        except OnebeatError as problem:
            LOG.warning("history waits: %s", problem)
        except Exception:  # the history must not end because the database was away for a moment
            LOG.exception("history could not be written; trying again")

    def _prune(self) -> None:
        try:
            self._ledger.prune(SYSTEM.wall_ms())
        except Exception:
            LOG.exception("expired ledger rows could not be deleted; trying again later")

    def stop(self) -> None:
        """Write what is there, then end."""
        self._done.set()
        self.join(timeout=5)
        self._write()
