"""When does a schedule with a fixed period fire?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from onebeat.durations import MAX_MS, format_ms
from onebeat.errors import InvalidDuration
from onebeat.scheduler.instants import at_ms, ceil_ms, floor_ms
from onebeat.scheduler.trigger import PureTrigger


class EveryTrigger(PureTrigger):
    """Each `period` on a grid that starts at the epoch (UTC) plus `offset`; seconds or timedeltas.

    The grid is the same in every process and after every deploy, so nothing drifts or starts anew. An
    offset counts modulo the period. Periods that do not divide a day shift against the wall clock.

    Raises:
        InvalidDuration: not a whole number of milliseconds, no period, or longer than a century.
    """

    __slots__ = ("offset_ms", "period_ms")

    def __init__(self, period: float | timedelta, offset: float | timedelta = 0) -> None:
        self.period_ms = whole_ms("period", period)
        if self.period_ms < 1:
            raise InvalidDuration(f"a period of {period!r} never moves on: give more than 0 seconds")
        self.offset_ms = whole_ms("offset", offset) % self.period_ms

    def next(self, after: datetime) -> datetime | None:
        steps = (floor_ms(after) - self.offset_ms) // self.period_ms
        return _at(self.offset_ms + (steps + 1) * self.period_ms)

    def prev(self, before: datetime) -> datetime | None:
        steps = (ceil_ms(before) - 1 - self.offset_ms) // self.period_ms
        return _at(self.offset_ms + steps * self.period_ms)

    def count(self, after: datetime, before: datetime) -> int:
        """How many fires lie strictly between the two; the planner need not list them."""
        first = (floor_ms(after) - self.offset_ms) // self.period_ms
        last = (ceil_ms(before) - 1 - self.offset_ms) // self.period_ms
        return max(last - first, 0)

    def _arguments(self) -> Mapping[str, Any]:
        return {
            "period": timedelta(milliseconds=self.period_ms),
            "offset": timedelta(milliseconds=self.offset_ms),
        }

    def __str__(self) -> str:
        offset = f" offset {format_ms(self.offset_ms)}" if self.offset_ms else ""
        return f"every {format_ms(self.period_ms)}{offset}"


def whole_ms(what: str, length: float | timedelta) -> int:
    """`length` in milliseconds; raises as `EveryTrigger`."""
    exact = (length.total_seconds() if isinstance(length, timedelta) else length) * 1000
    if not 0 <= exact <= MAX_MS:
        raise InvalidDuration(f"the {what} {length!r} must lie between 0 and a century (seconds)")
    if abs(exact - round(exact)) > 5e-4:  # floats hold a century of seconds to half a microsecond
        raise InvalidDuration(f"the {what} {length!r} is not a whole number of milliseconds")
    return round(exact)


def _at(instant_ms: int) -> datetime | None:
    try:
        return at_ms(instant_ms)
    except (OverflowError, ValueError):  # beyond the years that a datetime can hold
        return None
