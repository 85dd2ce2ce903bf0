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
REST_MAX_S = 4.0  # while nothing comes it looks less and less often, but so often at least
PRUNE_EVERY = 120  # times `EVERY_S`


def rest_after(rest_s: float, *, came: bool) -> float:
    """For how long nobody looks, if no worker process here has something to tell meanwhile. Pure."""
    return EVERY_S if came else min(2 * rest_s, REST_MAX_S)


class HistoryThread(threading.Thread):
    """Any number of these may run, anywhere: the position moves by compare-and-set in the database."""

    def __init__(self, historian: Historian, queues: Sequence[str], ledger: Ledger) -> None:
        super().__init__(name="onebeat-history", daemon=True)
        self._historian, self._queues, self._ledger = historian, queues, ledger
        self._done, self._stirred = threading.Event(), threading.Event()

    def stir(self) -> None:
        """Look at the next opportunity: a worker process here has done something."""
        self._stirred.set()

    def run(self) -> None:
        ticks, rest_s, waited_s = 0, EVERY_S, 0.0
        while not self._done.wait(EVERY_S):
            ticks, waited_s = ticks + 1, waited_s + EVERY_S
            if ticks % PRUNE_EVERY == 0:
                self._prune()
            stirred = self._stirred.is_set()
            if stirred or waited_s >= rest_s:
                self._stirred.clear()  # before looking: what is told from now on is for the next look
                rest_s, waited_s = rest_after(rest_s, came=self._write() or stirred), 0.0

    def _write(self) -> bool:
        """Whether there was something, or may have been."""
        try:
            return self._historian.catch_up(self._queues) > 0
        except OnebeatError as problem:
            LOG.warning("history waits: %s", problem)
        except Exception:  # the history must not end because the database was away for a moment
            LOG.exception("history could not be written; trying again")
        return True

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
