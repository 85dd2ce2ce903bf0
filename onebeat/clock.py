"""What time is it? The only module that asks the machine."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times that are never mixed: one to store and show, one to measure with."""

    def wall_ms(self) -> int:
        """Milliseconds since the Unix epoch; may step. For storing and for people."""

    def mono_s(self) -> float:
        """Seconds on a clock that never steps, the same in every process of this machine."""


class SystemClock:
    """The machine's clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    mono_s = staticmethod(time.monotonic)  # itself, not called by another function: it is asked a lot


SYSTEM = SystemClock()
