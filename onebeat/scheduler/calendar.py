"""When does a schedule fire that counts days, weeks, months or years?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal

from onebeat.errors import ConfigError
from onebeat.scheduler.calendar_wall import LAST, CalendarRule
from onebeat.scheduler.cron_zone import FOLDS, GAPS
from onebeat.scheduler.moments import as_date
from onebeat.scheduler.wall import WallTrigger

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MOST = {"days": 14_610, "weeks": 2_087, "months": 480, "years": 40}  # forty years
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
Days = int | str | Sequence[int | str]


class CalendarTrigger(WallTrigger):
    """Every n days, weeks, months or years at wall times on the clocks of `timezone`.

    Exactly one of `days`, `weeks`, `months`, `years`. `day`: `mon` … `sun` with weeks (default `mon`), 1 to
    31 or `last` with months and years (default 1; a day that a month does not have is left out), or
    several of them. `month`: 1 to 12 or `jan` … `dec`, with years (default `jan`). `at`: `18:00` or
    `18:00:30`, or several. Periods count from `anchor`, a date in the first one: they never start anew.
    `dst_gap` and `dst_fold` as in `CronTrigger`.

    Raises:
        ConfigError: none or two units, a day or time that does not exist, a rule that never fires.
        InvalidZone: `timezone` is not in the IANA list.
    """

    __slots__ = ("anchor", "at", "day", "every", "month", "unit")

    def __init__(
        self,
        *,
        days: int = 0,
        weeks: int = 0,
        months: int = 0,
        years: int = 0,
        day: Days | None = None,
        month: int | str | None = None,
        at: str | Sequence[str] = "00:00",
        anchor: date | str = "1970-01-01",
        timezone: str = "UTC",
        dst_gap: str = GAPS[0],
        dst_fold: str = FOLDS[0],
    ) -> None:
        units = {"days": days, "weeks": weeks, "months": months, "years": years}
        self.unit, self.every = _unit(units)
        self.day, numbers = _days(self.unit, day)
        self.month = _month(self.unit, month)
        self.at, times = _times(at)
        self.anchor = _anchor(anchor)
        rule = _rule(self.unit, self.every, self.month, self.anchor, numbers, times)
        super().__init__(rule, timezone, dst_gap, dst_fold)

    def _arguments(self) -> Mapping[str, Any]:
        words: dict[str, Any] = {self.unit: self.every, "at": self.at, "anchor": self.anchor.isoformat()}
        if self.unit != "days":
            words["day"] = self.day
        if self.unit == "years":
            words["month"] = self.month
        return {**words, "timezone": self.timezone, "dst_gap": self.dst_gap, "dst_fold": self.dst_fold}

    def __str__(self) -> str:
        return f"calendar {self.rule_text()} in {self.timezone}{self.dst_text()}"

    def rule_text(self) -> str:
        """The rule without its zone: `every 2 weeks on mon, thu at 09:00`."""
        every = f"every {self.unit[:-1]}" if self.every == 1 else f"every {self.every} {self.unit}"
        month = f" in {MONTHS[self.month - 1]}" if self.unit == "years" else ""
        on = f" on {', '.join(map(str, self.day))}" if self.unit != "days" else ""
        anchored = self.every > 1 and self.anchor != date(1970, 1, 1)
        since = f" counted from {self.anchor}" if anchored else ""
        return f"{every}{month}{on} at {', '.join(self.at)}{since}"


def _unit(units: Mapping[str, int]) -> tuple[str, int]:
    given = {name: every for name, every in units.items() if every}
    if len(given) != 1:
        raise ConfigError(f"a calendar counts one of {', '.join(units)}: write one, such as months: 1")
    ((name, every),) = given.items()
    if not 1 <= every <= MOST[name]:
        raise ConfigError(f"{name}: {every} is out of range: write 1 to {MOST[name]} (forty years)")
    return name, every


def _days(unit: str, day: Days | None) -> tuple[tuple[int | str, ...], tuple[int, ...]]:
    """The days as people write them, and their numbers, ascending."""
    if unit == "days":
        if day is not None:
            raise ConfigError("day: every n days has none: remove it, or count weeks or months")
        return (), ()
    default = "mon" if unit == "weeks" else 1
    written = [default] if day is None else [day] if isinstance(day, (int, str)) else list(day)
    numbers = {_day_number(unit, one): one.lower() if isinstance(one, str) else one for one in written}
    if not numbers:
        raise ConfigError("day: the list is empty: write a day, or remove it")
    ordered = sorted(numbers, key=lambda number: 32 if number == LAST and unit != "weeks" else number)
    return tuple(numbers[number] for number in ordered), tuple(sorted(numbers))


def _day_number(unit: str, day: int | str) -> int:
    if unit == "weeks":
        if isinstance(day, str) and day.lower() in WEEKDAYS:
            return WEEKDAYS.index(day.lower())
        raise ConfigError(f"day: {str(day)[:20]!r} is no weekday: write one of {', '.join(WEEKDAYS)}")
    if isinstance(day, str) and day.lower() == "last":
        return LAST
    if isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 31:
        return day
    raise ConfigError(f"day: {str(day)[:20]!r} is no day of a month: write 1 to 31, or last")


def _month(unit: str, month: int | str | None) -> int:
    if month is None:
        return 1
    if unit != "years":
        raise ConfigError("month: it belongs to years: remove it, or write years: 1")
    if isinstance(month, str) and month.lower() in MONTHS:
        return MONTHS.index(month.lower()) + 1
    if isinstance(month, int) and not isinstance(month, bool) and 1 <= month <= 12:
        return month
    raise ConfigError(f"month: {str(month)[:20]!r} is no month: write 1 to 12, or jan to dec")


def _times(at: str | Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The wall times as people write them, and as seconds of the day, ascending."""
    seconds: dict[int, str] = {}
    for text in [at] if isinstance(at, str) else at:
        found = _TIME.fullmatch(text)
        if not found:
            raise ConfigError(f"at: {text[:20]!r} is no time of day: write it like 18:00 or 18:00:30")
        hour, minute, second = (int(part or 0) for part in found.groups())
        seconds[hour * 3600 + minute * 60 + second] = text if second else text[:5]
    if not seconds:
        raise ConfigError('at: the list is empty: write a time such as "18:00", or remove it')
    return tuple(seconds[second] for second in sorted(seconds)), tuple(sorted(seconds))


def _anchor(anchor: date | str) -> date:
    if isinstance(anchor, datetime):
        return anchor.date()
    if isinstance(anchor, date):
        return anchor
    try:
        day = as_date(anchor)
    except ConfigError as error:
        raise ConfigError(f"anchor: {error}") from error
    if day is None:
        raise ConfigError(f"anchor: {anchor[:40]!r} is not a date: write it like 2026-01-05")
    return day


@lru_cache(maxsize=8192)
def _rule(
    unit: str, every: int, month: int, anchor: date, days: tuple[int, ...], times: tuple[int, ...]
) -> CalendarRule:
    kind: Literal["day", "week", "month"]
    if unit == "days":
        kind, first = "day", anchor.toordinal()
    elif unit == "weeks":
        kind, first = "week", (anchor.toordinal() - 1) // 7
    else:
        in_years = unit == "years"
        kind, first = "month", anchor.year * 12 + (month if in_years else anchor.month) - 1
        every *= 12 if in_years else 1
    rule = CalendarRule(kind, every, first, days, times)
    if not rule.ever():
        raise ConfigError(f"day {', '.join(map(str, days))} is in no month that it counts: it never fires")
    return rule
