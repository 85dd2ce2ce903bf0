"""What does `onebeat worker` itself do? It starts worker processes, keeps them alive, and stops them."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from onebeat import die_with_parent, ready
from onebeat.clock import SYSTEM
from onebeat.errors import StoreError
from onebeat.failpoints import reach
from onebeat.keys import queue_keys
from onebeat.ledger import Historian, Ledger
from onebeat.vitals import Vitals
from onebeat.wire import Command, Store
from onebeat.worker.asked import Asked
from onebeat.worker.child import FENCED_EXIT, SETTINGS, WID
from onebeat.worker.history import HistoryThread
from onebeat.worker.liveness import Liveness
from onebeat.worker.settings import WorkerSettings

LOG = logging.getLogger("onebeat.worker")
CALM_S = 10.0  # a child that lived so long is started again at once
BACKOFF_MAX_S = 10.0
TICK_S = 0.05
LATE_S = 6.0  # after grace: cancel (3 s), settle, leave


@dataclass
class Seat:
    """The place of one worker process; successive incarnations sit on it."""

    number: int
    wid: str = ""
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0
    ready_fd: int | None = None
    ready: bool = field(default=False)
    quiet: bool = field(default=False)  # it was told to claim no more
    leaving: bool = field(default=False)  # it was told to end, for another one to start


class Supervisor:
    """Runs `settings.processes` worker processes until it is told to stop."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._store = Store.open(settings.redis_url, settings.namespace, deadline_s=settings.lease_ms / 5000)
        self._queues = [queue_keys(settings.namespace, queue) for queue in settings.queues]
        self._seats = [Seat(number) for number in range(settings.processes)]
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
                _tell([seat.process], signal.SIGTERM)
        if asked.quiet and not all(seat.quiet for seat in able):
            LOG.info("quiet: nothing more is claimed; what runs goes on")
            for seat in able:
                seat.quiet = True
                _tell([seat.process], signal.SIGTSTP)
        if asked.dump:
            asked.dump = False
            _tell([seat.process for seat in able], signal.SIGUSR1)

    def _on_fatal(self, problem: Exception) -> None:
        self._fatal = problem

    def _on_cancel(self, ids: Sequence[str]) -> None:
        """Tell the children, one of which has it. A full pipe is no harm: they are told again."""
        lines = "".join(f"{id_}\n" for id_ in ids).encode()
        for seat in self._seats:
            process = seat.process
            if process is not None and process.stdin is not None:
                with contextlib.suppress(OSError, ValueError):
                    os.write(process.stdin.fileno(), lines)

    def _wids(self) -> list[str]:
        return [seat.wid for seat in self._seats if seat.wid]

    def _tend_seats(self) -> None:
        for seat in self._seats:
            if seat.process is None:
                if time.monotonic() >= seat.start_at_s:
                    self._try_start(seat)
            elif seat.process.poll() is not None:
                self._ended(seat, seat.process.returncode)
            elif not seat.ready:
                self._hear(seat)
        if not self._announced and all(seat.ready for seat in self._seats):
            self._announced = True
            names, slots = ", ".join(self._settings.queues), self._settings.concurrency
            text = f"{len(self._seats)} process(es) × {slots} slots on {names}"
            LOG.info("ready: %s", text)
            ready.announce(text)

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
        seat.wid = wid
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        env = {**os.environ, SETTINGS: self._settings.to_json(), WID: wid, ready.READY_FD: str(write_fd)}
        try:
            seat.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                die_with_parent.command([sys.executable, "-m", "onebeat.worker.child"], signal.SIGKILL),
                stdin=subprocess.PIPE,
                env=env,
                pass_fds=(write_fd,),
            )
        finally:
            os.close(write_fd)
        reach("supervisor.started")
        if seat.process.stdin is not None:
            os.set_blocking(seat.process.stdin.fileno(), False)
        seat.ready_fd, seat.ready, seat.started_s = read_fd, False, time.monotonic()

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

    def _hear(self, seat: Seat) -> None:
        try:
            seat.ready = bool(seat.ready_fd is not None and os.read(seat.ready_fd, 4096))
        except BlockingIOError:
            return

    def _ended(self, seat: Seat, status: int) -> None:
        """Recover what the process held, and start another one, later the more often it fails."""
        reach("supervisor.bereft")
        lived_s = time.monotonic() - seat.started_s
        well = lived_s > CALM_S or status == FENCED_EXIT or seat.leaving
        seat.failures = 0 if well else seat.failures + 1
        wait_s = 0.0 if seat.failures <= 1 else min(BACKOFF_MAX_S, 0.25 * 2 ** (seat.failures - 1))
        LOG.log(
            logging.INFO if seat.leaving else logging.ERROR,
            "worker process %s ended with status %d; another starts in %.1f s",
            seat.wid,
            status,
            wait_s,
        )
        wid, seat.wid = seat.wid, ""
        self._forget(seat, wid)
        seat.start_at_s = time.monotonic() + wait_s

    def _forget(self, seat: Seat, wid: str) -> None:
        if seat.process is not None and seat.process.stdin is not None:
            seat.process.stdin.close()
        if seat.ready_fd is not None:
            os.close(seat.ready_fd)
        seat.process, seat.ready_fd, seat.ready = None, None, False
        seat.quiet = seat.leaving = False
        try:
            self._liveness.bury(wid)
            self._store.perform(Command(("HDEL", self._store.space.workers, wid)))
        except StoreError as problem:
            LOG.warning("worker %s is recovered when its lease ends: %s", wid, problem)

    def _stop_children(self) -> None:
        """Tell them once, and again when told again or when their time is over."""
        deadline_s = time.monotonic() + self._settings.grace_s + LATE_S
        processes = [seat.process for seat in self._seats if seat.process is not None]
        LOG.info(
            "stopping: %d process(es) finish what they run; signal again to cut them short", len(processes)
        )
        _tell(processes, signal.SIGTERM)
        cut = False
        while any(process.poll() is None for process in processes):
            if self._asked.stops > 1 and not cut:
                cut = True
                _tell(processes, signal.SIGQUIT)  # not TERM again: two pending ones are one
            if time.monotonic() > deadline_s:
                _tell(processes, signal.SIGKILL)
            time.sleep(TICK_S)
        for seat in self._seats:
            if seat.wid:
                self._forget(seat, seat.wid)


def _tell(processes: Sequence[subprocess.Popen[bytes] | None], signum: signal.Signals) -> None:
    for process in processes:
        if process is not None and process.poll() is None:
            process.send_signal(signum)
