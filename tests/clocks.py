"""What time is it in a test? The time that the test told, and no other."""

from __future__ import annotations

from onebeat.clock import SystemClock
from onebeat.wire import Effect, Pause


class ToldClock:
    """A `Clock` whose two times move together, and only when told."""

    def __init__(self, wall_ms: int = 1_700_000_000_000, mono_s: float = 1_000.0) -> None:
        self._wall_ms = wall_ms
        self._mono_s = mono_s

    def wall_ms(self) -> int:
        return self._wall_ms

    def mono_s(self) -> float:
        return self._mono_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._wall_ms += round(seconds * 1000)
        self._mono_s += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does; nothing passes."""
        self._wall_ms += round(seconds * 1000)

    def sleep(self, effect: Effect) -> None:
        """The answer to a `Pause`: it passes. For `tests.drivers.play`."""
        assert isinstance(effect, Pause)
        self.advance(effect.seconds)


class SteppedClock(SystemClock):
    """The system's clock, put forward by what was told: time that a test need not wait for."""

    def __init__(self) -> None:
        self._passed_s = 0.0

    def mono_s(self) -> float:
        return super().mono_s() + self._passed_s

    def step(self, seconds: float) -> None:
        """Let `seconds` have passed."""
        self._passed_s += seconds
