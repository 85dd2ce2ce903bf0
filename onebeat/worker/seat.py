"""What does a supervisor know of one of its worker processes, and how does it start, tell and kill it?"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from onebeat import die_with_parent, ready
from onebeat.failpoints import reach
from onebeat.worker import board
from onebeat.worker.board import Board, Note
from onebeat.worker.settings import SETTINGS, WID, WorkerSettings

LOG = logging.getLogger("onebeat.worker")


@dataclass
class Seat:
    """The place of one worker process; successive incarnations sit on it.

    `killed_s`: when this supervisor killed it for a hard limit or at the end of a stop, monotonic; None when
    it lives or died of something else.
    """

    number: int
    wid: str = ""
    process: subprocess.Popen[bytes] | None = None
    board: Board | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0
    ready_fd: int | None = None
    ready: bool = False
    quiet: bool = False  # it was told to claim no more
    leaving: bool = False  # it was told to end, for another one to start
    killed_s: float | None = None
    turns: int = 0  # of its process, when it was looked at last
    looks_stopped: int = 0  # so many looks in a row found its process stopped

    def start(self, wid: str, settings: WorkerSettings) -> None:
        """Start the process of incarnation `wid`; from the main thread only (`die_with_parent.py`)."""
        self.wid, self.killed_s, self.turns = wid, None, 0
        with tempfile.TemporaryFile() as file:
            self.board = Board(os.dup(file.fileno()), settings.concurrency)
        read_fd, write_fd = os.pipe()
        os.set_blocking(read_fd, False)
        told = {SETTINGS: settings.to_json(), WID: wid}
        told |= {ready.READY_FD: str(write_fd), board.FD: str(self.board.fd)}
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                die_with_parent.command([sys.executable, "-m", "onebeat.worker.child"], signal.SIGKILL),
                stdin=subprocess.PIPE,
                env={**os.environ, **told},
                pass_fds=(write_fd, self.board.fd),
            )
        finally:
            os.close(write_fd)
        reach("supervisor.started")
        if self.process.stdin is not None:
            os.set_blocking(self.process.stdin.fileno(), False)
        self.ready_fd, self.ready, self.started_s = read_fd, False, time.monotonic()

    @property
    def lives(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def hear(self) -> None:
        """Whether it has said that it is ready."""
        with contextlib.suppress(BlockingIOError):
            self.ready = bool(self.ready_fd is not None and os.read(self.ready_fd, 4096))

    def tell(self, signum: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signum)

    def write(self, lines: bytes) -> None:
        """Send it lines. A full pipe is no harm: they are sent again."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                os.write(self.process.stdin.fileno(), lines)

    def kill(self) -> None:
        """End it whatever it does; stopped, asleep, or with its interpreter held."""
        if self.killed_s is None:
            self.killed_s = time.monotonic()
        self.tell(signal.SIGKILL)

    def enforce(self) -> None:
        """Kill it when a run in it is beyond its hard limit."""
        if self.killed_s is None and self.board is not None and self.board.is_over(time.monotonic()):
            LOG.error("worker process %s is killed: a run in it is over its hard time limit", self.wid)
            self.kill()

    def rouse(self, looks: int) -> None:
        """Kill it when so many looks in a row found it stopped.

        Its lease is renewed for it, so nobody else would ever take what it holds. Looks are counted, not
        seconds: a supervisor that was stopped with it, as by Ctrl-Z or a sleeping laptop, has not looked.
        """
        self.looks_stopped = self.looks_stopped + 1 if self._stands_still() else 0
        if self.looks_stopped == looks:
            LOG.error("worker process %s is killed: it was stopped (SIGSTOP) for its whole lease", self.wid)
            self.tell(signal.SIGKILL)

    def _stands_still(self) -> bool:
        if self.process is None:
            return False
        try:  # WNOWAIT: it tells the same at the next look, and leaves the exit status to `poll`
            found = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return found is not None

    @property
    def retires(self) -> bool:
        """Whether its process said that it has done its share."""
        return self.board is not None and self.board.retires

    def stirs(self) -> bool:
        """Whether its process claimed or settled something since the last look."""
        before = self.turns
        if self.board is not None:
            self.turns = self.board.turns
        return self.turns != before

    def vacate(self) -> Seat | None:
        """Who sat here and has done its share, on a seat of its own until it ends; this one is free then."""
        if self.leaving or not self.retires:
            return None
        old = replace(self, leaving=True)
        self._reset()
        return old

    def blamed(self) -> Sequence[Note]:
        """The runs for which it was killed, now that it is dead. None of them when they ended meanwhile."""
        if self.killed_s is None or self.board is None:
            return ()
        return self.board.overdue(self.killed_s)

    def clear(self) -> None:
        """Nobody sits here any more."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        if self.ready_fd is not None:
            os.close(self.ready_fd)
        if self.board is not None:
            self.board.close()
        self._reset()

    def _reset(self) -> None:
        self.wid, self.process, self.ready_fd, self.board, self.killed_s = "", None, None, None, None
        self.ready = self.quiet = self.leaving = False
        self.looks_stopped = 0
