"""Who keeps a supervisor's children alive in the store, and takes care of the dead? One thread.

It has its own connection and runs in the supervisor, so no task, however it hogs its interpreter, can
stop it. After an outage of the store it recovers nobody for one lease: the others, who could not renew
either, get the time to say that they live.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import Remedy, StoreError
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys
from onebeat.queue.liveness import Pulse, beat, recover
from onebeat.vitals import Vitals
from onebeat.wire import Command, Store
from onebeat.worker.board import Note
from onebeat.worker.expel import ended_by, expel

LOG = logging.getLogger("onebeat.worker")


class Liveness(threading.Thread):
    """Renews every lease/4; `wids` answers the incarnations that live now.

    `on_cancel` is told, with each renewal until they have ended, which of their messages are to end.
    """

    def __init__(
        self,
        store: Store,
        queues: Sequence[QueueKeys],
        wids: Callable[[], Sequence[str]],
        *,
        lease_ms: int,
        on_fatal: Callable[[Exception], None],
        on_cancel: Callable[[Sequence[str]], None] = lambda _ids: None,
        vitals: Vitals | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(name="onebeat-liveness", daemon=True)
        self._store, self._queues, self._wids, self._lease_ms = store, queues, wids, lease_ms
        self._on_fatal, self._on_cancel, self._clock = on_fatal, on_cancel, clock
        self._vitals = vitals or Vitals(clock)
        self._done = threading.Event()
        self._well_since_s: float | None = None

    def join_store(self, wids: Sequence[str]) -> None:
        """Create the leases of new incarnations, before they start."""
        for keys in self._queues:
            self._store.run(
                beat(keys, wids, lease_ms=self._lease_ms, join=True, within_s=self._lease_ms / 1000)
            )

    def bury(self, wid: str) -> None:
        """Move back at once what a child held that was seen to end."""
        for keys in self._queues:
            moved = self._store.run(recover(keys, wid, gone=True, within_s=self._lease_ms / 1000))
            if moved:
                LOG.warning("queue %s: %d messages of dead worker %s go back", keys.queue, moved, wid)

    def expel(self, wid: str, notes: Sequence[Note]) -> None:
        """Take its messages from a child that this supervisor killed: the runs of `notes` have failed by it,
        the others go back and no delivery is counted."""
        decide = ended_by(notes, wid, self._clock.wall_ms(), random.random())
        for keys in self._queues:
            took = expel(keys, wid, decide, lease_ms=self._lease_ms, within_s=self._lease_ms / 1000)
            moved = self._store.run(took)
            if moved:
                LOG.warning("queue %s: %d messages of killed worker %s go back", keys.queue, moved, wid)

    def run(self) -> None:
        wait_s = 0.0
        while not self._done.wait(wait_s):
            wait_s = self._lease_ms / 4000
            try:
                wait_s = min(wait_s, *(self._tend(keys) for keys in self._queues))
                self._vitals.turned(good=True)
            except StoreError as problem:
                self._well_since_s = None
                self._vitals.turned(good=False)
                LOG.warning("leases are not renewed: %s", problem)
                if problem.remedy is Remedy.FATAL:
                    self._on_fatal(problem)
                    return
            except Exception as problem:
                # A thread that just ended would leave a worker that works, and that the others take for dead.
                self._on_fatal(problem)
                return

    def _tend(self, keys: QueueKeys) -> float:
        """Renew and recover in one queue; seconds until a lease there could be over."""
        wids = tuple(self._wids())
        step_s = self._lease_ms / 4000
        pulse = self._store.run(beat(keys, wids, lease_ms=self._lease_ms, join=False, within_s=step_s))
        reach("liveness.renewed")
        if pulse.cancelled:
            self._on_cancel(pulse.cancelled)
        now_s = self._clock.mono_s()
        if self._well_since_s is None:
            self._well_since_s = now_s
        if (now_s - self._well_since_s) * 1000 >= self._lease_ms:
            self._recover(keys, (wid for wid in pulse.dead if wid not in wids))
        return _until_next_end(pulse, step_s)

    def _recover(self, keys: QueueKeys, dead: Iterable[str]) -> None:
        for wid in dead:
            reach("liveness.recovering")
            moved = self._store.run(recover(keys, wid, within_s=self._lease_ms / 4000))
            if moved is not None:
                LOG.warning("queue %s: worker %s is dead, %d messages go back", keys.queue, wid, moved)
                self._store.perform(Command(("HDEL", self._store.space.workers, wid)))

    def stop(self) -> None:
        """End the thread; leases then end by themselves."""
        self._done.set()


def _until_next_end(pulse: Pulse, at_most_s: float) -> float:
    """Seconds until the next lease would end, so that a death is seen when it is one."""
    if pulse.next_end_ms is None or pulse.next_end_ms <= pulse.now_ms:
        return at_most_s
    return min(at_most_s, (pulse.next_end_ms - pulse.now_ms + 5) / 1000)
