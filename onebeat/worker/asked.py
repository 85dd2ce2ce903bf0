"""What was this supervisor asked to do, by signals?"""

from __future__ import annotations

import faulthandler
import signal
from dataclasses import dataclass
from types import FrameType


@dataclass
class Asked:
    """Handlers only note it; the supervisor's loop looks at it. `stops`: 2 means at once."""

    stops: int = 0
    quiet: bool = False
    reload: bool = False
    dump: bool = False

    def listen(self) -> None:
        """Install the handlers; main thread only."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGQUIT, self._on_quit)
        signal.signal(signal.SIGTSTP, self._on_quiet)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGUSR1, self._on_dump)
        faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)

    def _on_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.stops += 1

    def _on_quit(self, _signum: int, _frame: FrameType | None) -> None:
        self.stops += 2

    def _on_quiet(self, _signum: int, _frame: FrameType | None) -> None:
        self.quiet = True

    def _on_reload(self, _signum: int, _frame: FrameType | None) -> None:
        self.reload = True

    def _on_dump(self, _signum: int, _frame: FrameType | None) -> None:
        self.dump = True
