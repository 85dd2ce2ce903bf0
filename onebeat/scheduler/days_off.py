"""Which days are left out of a schedule?

Dates, ranges of dates, and the public holidays of a country or a stock exchange, which the package
`holidays` knows. Days are numbered as `date.toordinal` does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from onebeat.errors import ConfigError
from onebeat.scheduler.moments import as_date

STRETCH_MAX = 4_000  # days without a break, when holidays are among them
_WANTED = "write 2026-12-24, a range 2026-12-24/2027-01-02, or {holidays: KR}"


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of `calendar` (`KR`, `US`, `NYSE`), perhaps of its `subdivision` (`CA`)."""

    calendar: str
    subdivision: str | None = None

    def __str__(self) -> str:
        return f"holidays of {self.calendar}{'-' + self.subdivision if self.subdivision else ''}"

    def __contains__(self, day: int) -> bool:
        return day in _holidays_of(self.calendar, self.subdivision, date.fromordinal(day).year)

    def check(self) -> None:
        """Can they be looked up?

        Raises:
            ConfigError: unknown, or the package `holidays` is not installed.
        """
        _looked_up(self.calendar, self.subdivision, 2026)


@dataclass(frozen=True, slots=True)
class DaysOff:
    """Ranges of days, first and last included, that neither touch nor overlap; and holidays."""

    ranges: tuple[tuple[int, int], ...] = ()
    holidays: tuple[Holidays, ...] = ()

    def last_of(self, day: int) -> int | None:
        """The last day of the stretch without a break that `day` lies in; None when it is not left out."""
        return self._end_of(day, 1)

    def first_of(self, day: int) -> int | None:
        """The first day of that stretch; None when `day` is not left out."""
        return self._end_of(day, -1)

    def _end_of(self, day: int, step: int) -> int | None:
        found = None
        for _ in range(STRETCH_MAX):
            near = self._range_at(day)
            if near is not None:
                found = near[1 if step > 0 else 0]
            elif any(day in one for one in self.holidays):
                found = day
            else:
                break
            day = found + step
        return found

    def _range_at(self, day: int) -> tuple[int, int] | None:
        at = bisect_right(self.ranges, day, key=lambda one: one[0]) - 1
        return self.ranges[at] if at >= 0 and day <= self.ranges[at][1] else None

    def __str__(self) -> str:
        days = [_range_text(first, last) for first, last in self.ranges]
        return ", ".join([*days, *map(str, self.holidays)])


def days_off(written: Iterable[Any]) -> DaysOff:
    """What `except:` says: dates, `first/last`, `{holidays: KR, subdivision: …}`; as text, date or mapping.

    Raises:
        ConfigError: none of these, or holidays that cannot be looked up.
    """
    ranges, named = [], []
    for one in written:
        if isinstance(one, Holidays):
            named.append(one)
        elif isinstance(one, dict):
            named.append(_named(one))
        else:
            ranges.append(_range(one))
    for calendar in named:
        calendar.check()
    return DaysOff(tuple(_merged(ranges)), tuple(dict.fromkeys(named)))


def _named(words: dict[str, Any]) -> Holidays:
    calendar, subdivision = words.get("holidays"), words.get("subdivision")
    known = words.keys() <= {"holidays", "subdivision"}
    if not known or not isinstance(calendar, str) or not isinstance(subdivision, (str, type(None))):
        raise ConfigError(f"{str(words)[:60]} names no holidays: {_WANTED}")
    return Holidays(calendar, subdivision)


def _range(one: Any) -> tuple[int, int]:
    if isinstance(one, date):
        return one.toordinal(), one.toordinal()
    first, slash, last = str(one).partition("/")
    start = as_date(first)
    end = as_date(last) if slash else start
    if start is None or end is None:
        raise ConfigError(f"{str(one)[:40]!r} is no date: {_WANTED}")
    if end < start:
        raise ConfigError(f"{one} ends before it begins: write {last}/{first}")
    return start.toordinal(), end.toordinal()


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def _range_text(first: int, last: int) -> str:
    start, end = date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()
    return start if first == last else f"{start}/{end}"


@lru_cache(maxsize=4096)
def _holidays_of(calendar: str, subdivision: str | None, year: int) -> frozenset[int]:
    return frozenset(day.toordinal() for day in _looked_up(calendar, subdivision, year))


def _looked_up(calendar: str, subdivision: str | None, year: int) -> Iterable[date]:
    try:
        import holidays  # 100 ms, an extra, and few schedules leave holidays out
    except ImportError as error:
        mend = "pip install 'onebeat[holidays]'"
        raise ConfigError(f"holidays of {calendar} need the package holidays: {mend}") from error
    countries, exchanges = holidays.list_supported_countries(), holidays.list_supported_financial()
    if calendar not in countries and calendar not in exchanges:
        close = get_close_matches(calendar[:20].upper(), [*countries, *exchanges], n=1, cutoff=0.5)
        mend = f"did you mean {close[0]}?" if close else "write the code of a country, such as KR, or NYSE"
        raise ConfigError(f"no holidays of {calendar[:20]!r} are known: {mend}")
    known = countries[calendar] if calendar in countries else exchanges[calendar]
    if subdivision is not None and subdivision not in known:
        mend = f"write one of {', '.join(known)}" if known else "remove subdivision"
        raise ConfigError(f"{calendar} has no subdivision {subdivision[:20]!r}: {mend}")
    look_up = holidays.country_holidays if calendar in countries else holidays.financial_holidays
    found: Iterable[date] = look_up(calendar, subdiv=subdivision, years=year, expand=False)
    return found
