"""Which times on the wall clock does "every n days, weeks or months" name? Pure.

Periods count from an anchor, so that they never start anew: day 0 is the anchor's day, week 0 the anchor's
week (from Monday), month 0 the anchor's month. Days are numbered as `date.toordinal` does, months since
year 0; wall times are seconds since 1970-01-01 00:00 as in `cron_wall.py`.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date
from typing import Literal

from onebeat.scheduler.cron_wall import DAY_S, EPOCH_DAY

LAST = 0  # stands for the last day of a month
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST_ORDINAL = date.max.toordinal()
_CYCLE_MONTHS = 4800  # the calendar repeats after 400 years


@dataclass(frozen=True, slots=True)
class CalendarRule:
    """Every `every`-th day, week or month since `anchor`, at `times` (seconds of the day, ascending).

    `days`: weekdays (0 is Monday) of a week, days of a month (`LAST` is the last), ascending; unused for
    the unit day. A day that a month does not have is left out. `anchor` counts days, weeks or months.
    """

    unit: Literal["day", "week", "month"]
    every: int
    anchor: int
    days: tuple[int, ...]
    times: tuple[int, ...]
    wildcard: bool = False  # its times are fixed ones: once each, whatever the clocks do

    def next_wall(self, wall_s: int) -> int | None:
        """The first matching wall second after `wall_s`; None when there is none."""
        day, second = divmod(wall_s + 1, DAY_S)
        later = next((at for at in self.times if at >= second), None)
        start = day if later is not None else day + 1
        found = self._day_from(start + EPOCH_DAY)
        if found is None:
            return None
        if later is None or found > day + EPOCH_DAY:
            later = self.times[0]
        return (found - EPOCH_DAY) * DAY_S + later

    def prev_wall(self, wall_s: int) -> int | None:
        """The last matching wall second before `wall_s`; None when there is none."""
        day, second = divmod(wall_s - 1, DAY_S)
        earlier = next((at for at in reversed(self.times) if at <= second), None)
        end = day if earlier is not None else day - 1
        found = self._day_until(end + EPOCH_DAY)
        if found is None:
            return None
        if earlier is None or found < day + EPOCH_DAY:
            earlier = self.times[-1]
        return (found - EPOCH_DAY) * DAY_S + earlier

    def ever(self) -> bool:
        """Does any date match?"""
        return self._day_from(EPOCH_DAY) is not None

    def _day_from(self, day: int) -> int | None:
        """The first matching day at or after `day`, as an ordinal."""
        period = self._period_of(day)
        for _ in range(_CYCLE_MONTHS):
            found = next((one for one in self._days_of(period) if one >= day), None)
            if found is not None:
                return found if found <= _LAST_ORDINAL else None
            period += self.every
        return None

    def _day_until(self, day: int) -> int | None:
        """The last matching day at or before `day`, as an ordinal."""
        period = self._period_of(day)
        for _ in range(_CYCLE_MONTHS):
            found = next((one for one in reversed(self._days_of(period)) if one <= day), None)
            if found is not None:
                return found if found >= 1 else None
            period -= self.every
        return None

    def _period_of(self, day: int) -> int:
        """The last period of the rule that begins at or before `day`."""
        if self.unit == "day":
            index = day
        elif self.unit == "week":
            index = (day - 1) // 7  # ordinal 1 is a Monday
        else:
            at = date.fromordinal(max(1, min(day, _LAST_ORDINAL)))
            index = at.year * 12 + at.month - 1
        return index - (index - self.anchor) % self.every

    def _days_of(self, period: int) -> list[int]:
        """The matching days of one period, ascending."""
        if self.unit == "day":
            return [period]
        if self.unit == "week":
            return [period * 7 + 1 + weekday for weekday in self.days]
        year, month = divmod(period, 12)
        if not 1 <= year <= 9999:
            return []
        length = _LENGTHS[month] + (month == 1 and isleap(year))
        first = date(year, month + 1, 1).toordinal() - 1
        return sorted({first + (day or length) for day in self.days if day <= length})
