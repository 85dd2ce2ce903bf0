"""Which signals has this process received, and how does a waiting loop wake up for them?"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """Inside `with`, INT, TERM, HUP and CHLD become bytes in a pipe. Main thread only."""

    def __enter__(self) -> Signals:
        self._out, self._in = os.pipe()
        for fd in (self._out, self._in):
            os.set_blocking(fd, False)
        # a full pipe loses nothing that matters: its reader is awake and looks at every child
        self._old_wakeup = signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)
        self._old = {watched: signal.signal(watched, _noted) for watched in _WATCHED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watched, handler in self._old.items():
            signal.signal(watched, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self._out)
        os.close(self._in)

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._out

    def received(self) -> list[signal.Signals]:
        """The signals since the last call, in order."""
        try:
            return [signal.Signals(number) for number in os.read(self._out, 4096)]
        except BlockingIOError:
            return []


def _noted(signum: int, frame: FrameType | None) -> None:
    """The wakeup descriptor has already carried the number."""
