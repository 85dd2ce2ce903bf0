"""What does `onebeat worker` itself do? It starts worker processes, keeps them alive, and stops them."""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import socket
import time
from collections.abc import Sequence

import msgspec

from onebeat import ready
from onebeat.clock import SYSTEM
from onebeat.errors import StoreError
from onebeat.failpoints import reach
from onebeat.keys import queue_keys
from onebeat.ledger import Historian, Ledger
from onebeat.vitals import Vitals
from onebeat.wire import Command, Store
from onebeat.worker.asked import Asked
from onebeat.worker.child import FENCED_EXIT
from onebeat.worker.history import HistoryThread
from onebeat.worker.liveness import Liveness
from onebeat.worker.seat import Seat
from onebeat.worker.settings import WorkerSettings

LOG = logging.getLogger("onebeat.worker")
CALM_S = 10.0  # a child that lived so long is started again at once
BACKOFF_MAX_S = 10.0
TICK_S = 0.05
LATE_S = 6.0  # after grace: cancel (3 s), settle, leave


class Supervisor:
    """Runs `settings.processes` worker processes until it is told to stop."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._store = Store.open(settings.redis_url, settings.namespace, deadline_s=settings.lease_ms / 5000)
        self._queues = [queue_keys(settings.namespace, queue) for queue in settings.queues]
        self._seats = [Seat(number) for number in range(settings.processes)]
        self._retired: list[Seat] = []  # they have done their share and end with their runs
        self._asked = Asked()
        self._fatal: Exception | None = None
        self._announced = False
        self.vitals = Vitals()
        self._liveness = Liveness(
            self._store,
            self._queues,
            self._wids,
            lease_ms=settings.lease_ms,
            on_fatal=self._on_fatal,
            on_cancel=self._on_cancel,
            vitals=self.vitals,
        )
        ledger = Ledger(settings.database_url)
        ledger.create_tables()
        history_store = Store.open(settings.redis_url, settings.namespace)
        self._history = HistoryThread(
            Historian(history_store, ledger.engine, settings.namespace), settings.queues, ledger
        )

    def run(self) -> int:
        """Until SIGTERM or SIGINT; the exit status.

        Raises:
            StoreError: the store refuses for a reason that waiting does not mend.
        """
        self._asked.listen()
        self._liveness.start()
        self._history.start()
        while not self._asked.stops and self._fatal is None:
            self._tend_seats()
            self._obey()
            time.sleep(TICK_S)
        self._stop_children()
        self._liveness.stop()
        self._history.stop()
        if self._fatal is not None:
            raise self._fatal
        return 0

    def _obey(self) -> None:
        """Do what signals other than those to stop have asked for.

        Only processes that are ready are told: before, TSTP would stop them and USR1 end them.
        """
        asked, able = self._asked, [seat for seat in self._seats if seat.ready]
        if asked.reload:
            asked.reload = asked.quiet = False
            LOG.info("reloading: %d process(es) finish what they run, others take their place", len(able))
            for seat in self._seats:
                seat.leaving = seat.process is not None
                seat.tell(signal.SIGTERM)
        if asked.quiet and not all(seat.quiet for seat in able):
            LOG.info("quiet: nothing more is claimed; what runs goes on")
            for seat in able:
                seat.quiet = True
                seat.tell(signal.SIGTSTP)
        if asked.dump:
            asked.dump = False
            for seat in able:
                seat.tell(signal.SIGUSR1)

    def _on_fatal(self, problem: Exception) -> None:
        self._fatal = problem

    def _on_cancel(self, ids: Sequence[str]) -> None:
        """Tell the children, one of which has it."""
        lines = "".join(f"{id_}\n" for id_ in ids).encode()
        for seat in (*self._seats, *self._retired):
            seat.write(lines)

    def _wids(self) -> list[str]:
        return [seat.wid for seat in (*self._seats, *self._retired) if seat.wid]

    def _tend_seats(self) -> None:
        for seat in self._seats:
            if seat.process is None:
                if time.monotonic() >= seat.start_at_s:
                    self._try_start(seat)
            elif seat.process.poll() is not None:
                self._ended(seat, seat.process.returncode)
            elif (retired := seat.vacate()) is not None:
                self._retired.append(retired)
            else:
                self._look_at(seat)
                if not seat.ready:
                    seat.hear()
        for seat in self._retired:
            self._look_at(seat)
            if not seat.lives:
                self._forget(seat)
        self._retired = [seat for seat in self._retired if seat.process is not None]
        if not self._announced and all(seat.ready for seat in self._seats):
            self._announced = True
            names, slots = ", ".join(self._settings.queues), self._settings.concurrency
            text = f"{len(self._seats)} process(es) × {slots} slots on {names}"
            LOG.info("ready: %s", text)
            ready.announce(text)

    def _look_at(self, seat: Seat) -> None:
        """End a process that keeps what it holds from everybody; what one does is for the history."""
        seat.enforce()
        if seat.stirs():
            self._history.stir()
        seat.rouse(looks=int(self._settings.lease_ms / 1000 / TICK_S))

    def _try_start(self, seat: Seat) -> None:
        host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:32]
        wid = f"{host}:{os.getpid()}.{seat.number}:{secrets.token_hex(3)}"
        try:
            self._liveness.join_store([wid])
            self._store.perform(Command(("HSET", self._store.space.workers, wid, self._card(wid))))
        except StoreError as problem:
            LOG.warning("a worker process waits for the store: %s", problem)
            seat.start_at_s = time.monotonic() + 0.5
            return
        reach("supervisor.joined")
        seat.start(wid, self._settings)

    def _card(self, wid: str) -> bytes:
        """Who and where this worker is, for people."""
        return msgspec.json.encode(
            {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "queues": {queue: [wid] for queue in self._settings.queues},
                "concurrency": self._settings.concurrency,
                "started_ms": SYSTEM.wall_ms(),
            }
        )

    def _ended(self, seat: Seat, status: int) -> None:
        """Recover what the process held, and start another one, later the more often it fails."""
        reach("supervisor.bereft")
        lived_s = time.monotonic() - seat.started_s
        asked = seat.leaving or seat.retires
        well = lived_s > CALM_S or status == FENCED_EXIT or asked
        seat.failures = 0 if well else seat.failures + 1
        wait_s = 0.0 if seat.failures <= 1 else min(BACKOFF_MAX_S, 0.25 * 2 ** (seat.failures - 1))
        LOG.log(
            logging.INFO if asked else logging.ERROR,
            "worker process %s ended with status %d; another starts in %.1f s",
            seat.wid,
            status,
            wait_s,
        )
        self._forget(seat)
        seat.start_at_s = time.monotonic() + wait_s

    def _forget(self, seat: Seat) -> None:
        """Move what its dead process held; when we killed it, only the runs that it was for pay for that."""
        self._history.stir()
        wid, killed, blamed = seat.wid, seat.killed_s is not None, seat.blamed()
        seat.clear()
        for note in blamed:
            LOG.error("%s was over its hard time limit of %g s", note.id, note.limit_ms / 1000)
        try:
            if killed:
                self._liveness.expel(wid, blamed)
            else:
                self._liveness.bury(wid)
            self._store.perform(Command(("HDEL", self._store.space.workers, wid)))
        except StoreError as problem:
            LOG.warning("worker %s is recovered when its lease ends: %s", wid, problem)

    def _stop_children(self) -> None:
        """Tell them once, and again when told again or when their time is over."""
        deadline_s = time.monotonic() + self._settings.grace_s + LATE_S
        seats = [seat for seat in (*self._seats, *self._retired) if seat.process is not None]
        LOG.info("stopping: %d process(es) finish what they run; signal again to cut them short", len(seats))
        for seat in seats:
            seat.tell(signal.SIGTERM)
        cut = False
        while any(seat.lives for seat in seats):
            if self._asked.stops > 1 and not cut:
                cut = True
                deadline_s = min(deadline_s, time.monotonic() + LATE_S)
                for seat in seats:
                    seat.tell(signal.SIGQUIT)  # not TERM again: two pending ones are one
            for seat in seats:
                self._look_at(seat)
                if time.monotonic() > deadline_s:
                    seat.kill()
            time.sleep(TICK_S)
        for seat in seats:
            self._forget(seat)
