"""Which times on the wall clock does a cron expression name? Pure.

A rule is six sets, each held as the bits of an integer, so that "the next hour in the set" is a shift and
a mask. Wall times are whole seconds since 1970-01-01 00:00 on the clock of a zone; the zone itself is
none of this file's business (`cron_zone.py`).
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass, field
from datetime import date

DAY_S = 86_400
EPOCH_DAY = date(1970, 1, 1).toordinal()
# 29 February on a given weekday recurs within 40 years, also around 2100: no rule waits longer.
HORIZON_MONTHS = 41 * 12
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SIX_WEEKS = sum(1 << 7 * week for week in range(6))


@dataclass(slots=True)
class CronRule:
    """Bit n of a mask stands for the value n; weekday 0 is Sunday.

    `last`: n days before the last day of the month. `near`: the weekday (Monday to Friday) nearest to day
    n, 0 for the month's last one. `nth`: (weekday, its how-manieth in the month, 0 for the last).
    `either`: a day matches by its number *or* its weekday, else by both. `wildcard`: follows the wall
    clock through every change of it, instead of once per named time.
    """

    seconds: int
    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    last: tuple[int, ...]
    near: tuple[int, ...]
    nth: tuple[tuple[int, int], ...]
    either: bool
    wildcard: bool
    # the month that was asked for last, and its days: most questions are about that month
    _near: tuple[int, int, int] = field(default=(0, 0, 0), compare=False, repr=False)

    def next_wall(self, wall_s: int) -> int | None:
        """The first matching wall second after `wall_s`; None when decades have none."""
        day, second = divmod(wall_s + 1, DAY_S)
        found = self._time_from(second)
        if found is None:
            day += 1
        match = self._day_from(day)
        if match is None:
            return None
        if found is None or match > day:
            found = self._first_s
        return match * DAY_S + found

    def prev_wall(self, wall_s: int) -> int | None:
        """The last matching wall second before `wall_s`; None when decades have none."""
        day, second = divmod(wall_s - 1, DAY_S)
        found = self._time_until(second)
        if found is None:
            day -= 1
        match = self._day_until(day)
        if match is None:
            return None
        if found is None or match < day:
            found = self._last_s
        return match * DAY_S + found

    def month_days(self, year: int, month: int) -> int:
        """The matching days of a month, whether or not the month itself matches; bit 1 is the 1st."""
        sunday_first = (date(year, month, 1).weekday() + 1) % 7
        length = _LENGTHS[month] if month != 2 else 28 + isleap(year)
        by_day = self.days
        by_week = self.weekdays * _SIX_WEEKS >> sunday_first << 1
        for before in self.last:
            by_day |= 1 << max(length - before, 0)
        for day in self.near:
            by_day |= 1 << _nearest_weekday(day, sunday_first, length)
        for weekday, nth in self.nth:
            by_week |= 1 << _nth_weekday(weekday, nth, sunday_first, length)
        # Bit 0 and the bits above the length collect the days that this month does not have.
        return (by_day | by_week if self.either else by_day & by_week) & (2 << length) - 2

    @property
    def _first_s(self) -> int:
        return _lowest(self.hours) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)

    @property
    def _last_s(self) -> int:
        return _highest(self.hours) * 3600 + _highest(self.minutes) * 60 + _highest(self.seconds)

    def _day_from(self, day: int) -> int | None:
        start = date.fromordinal(day + EPOCH_DAY)
        year, month = start.year, start.month
        rest = self._days_in(year, month) >> start.day
        if rest:
            return day + _lowest(rest)
        for _ in range(HORIZON_MONTHS):
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if self.months >> month & 1 and (days := self._days_in(year, month)):
                return date(year, month, _lowest(days)).toordinal() - EPOCH_DAY
        return None

    def _day_until(self, day: int) -> int | None:
        start = date.fromordinal(day + EPOCH_DAY)
        year, month = start.year, start.month
        rest = self._days_in(year, month) & (2 << start.day) - 1
        if rest:
            return day - start.day + _highest(rest)
        for _ in range(HORIZON_MONTHS):
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            if self.months >> month & 1 and (days := self._days_in(year, month)):
                return date(year, month, _highest(days)).toordinal() - EPOCH_DAY
        return None

    def _days_in(self, year: int, month: int) -> int:
        """The matching days of a month; none when the month itself does not match."""
        near_year, near_month, days = self._near
        if near_month != month or near_year != year:
            days = self.month_days(year, month) if self.months >> month & 1 else 0
            self._near = year, month, days  # one tuple, so that no thread sees half of it
        return days

    def _time_from(self, second: int) -> int | None:
        """The first matching second of a day at or after `second`."""
        minute, s = divmod(second, 60)
        hour, m = divmod(minute, 60)
        if self.hours >> hour & 1:
            rest = self.seconds >> s
            if self.minutes >> m & 1 and rest:
                return second + _lowest(rest)
            rest = self.minutes >> m + 1
            if rest:
                return hour * 3600 + (m + 1 + _lowest(rest)) * 60 + _lowest(self.seconds)
        rest = self.hours >> hour + 1
        if rest:
            return (hour + 1 + _lowest(rest)) * 3600 + _lowest(self.minutes) * 60 + _lowest(self.seconds)
        return None

    def _time_until(self, second: int) -> int | None:
        """The last matching second of a day at or before `second`."""
        minute, s = divmod(second, 60)
        hour, m = divmod(minute, 60)
        if self.hours >> hour & 1:
            rest = self.seconds & (2 << s) - 1
            if self.minutes >> m & 1 and rest:
                return minute * 60 + _highest(rest)
            rest = self.minutes & (1 << m) - 1
            if rest:
                return hour * 3600 + _highest(rest) * 60 + _highest(self.seconds)
        rest = self.hours & (1 << hour) - 1
        if rest:
            return _highest(rest) * 3600 + _highest(self.minutes) * 60 + _highest(self.seconds)
        return None


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _highest(bits: int) -> int:
    return bits.bit_length() - 1


def _nth_weekday(weekday: int, nth: int, sunday_first: int, length: int) -> int:
    """The day number of a month's nth weekday (may exceed `length`); of its last one for nth = 0."""
    first = 1 + (weekday - sunday_first) % 7
    return first + 7 * (nth - 1 if nth else (length - first) // 7)


def _nearest_weekday(day: int, sunday_first: int, length: int) -> int:
    """The day from Monday to Friday nearest to `day` (0: the last one), without leaving the month."""
    if day > length:
        return 0
    day = day or length
    weekday = (sunday_first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else 3
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
