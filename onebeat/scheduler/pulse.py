"""What time is it in Redis, without asking it every time?

An estimate that is never ahead: the time that an answer carried, plus what passed on the monotonic clock
since it *arrived*. A step of the server's clock is followed with the next answer.
"""

from __future__ import annotations

from onebeat.clock import Clock


class RedisTime:
    """Redis time in ms on this machine's monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms: float | None = None

    def heard(self, redis_ms: int) -> None:
        """An answer that carried `redis_ms` has just arrived."""
        self._offset_ms = redis_ms - self._clock.mono_s() * 1000

    def mono_s(self) -> float:
        """This machine's monotonic clock, for measuring."""
        return self._clock.mono_s()

    def now_ms(self) -> int:
        """At most the server's time.

        Raises:
            RuntimeError: no answer was heard yet.
        """
        if self._offset_ms is None:
            raise RuntimeError("Redis time is unknown before its first answer")
        return int(self._clock.mono_s() * 1000 + self._offset_ms)
