"""Which instant does a date or wall time that a person wrote stand for, on the clocks of a zone? Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from onebeat.errors import ConfigError
from onebeat.scheduler.zones import ZoneTable

YEAR_MIN, YEAR_MAX = 1900, 2999
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_MS = timedelta(milliseconds=1)
_ONE_DAY = timedelta(days=1)


def moment(when: datetime | str, table: ZoneTable) -> datetime:
    """`when` on the clocks of the zone; text is ISO 8601, and one with an offset names its instant itself.

    A wall time that the clocks show twice means the first; `fold=1` on a datetime means the second.

    Raises:
        ConfigError: not a date and time, in a year that cannot be meant, finer than a millisecond, or
            jumped over by the clocks.
    """
    written = _parsed(when) if isinstance(when, str) else when
    _check_year(written)
    if written.microsecond % 1000:
        raise ConfigError(f"{when} is finer than a millisecond: round it")
    if written.tzinfo is not None:
        return written.astimezone(UTC).astimezone(table.zone)
    found = _on_clock(written, table)
    if found.replace(tzinfo=None) != written:
        raise ConfigError(
            f"{when} does not exist in {table.name}, where the clocks jump over it:"
            f" write {found.replace(tzinfo=None).isoformat()}"
        )
    return found


def first_moment(when: datetime | str, table: ZoneTable) -> datetime:
    """As `moment`; a date alone (as text) means the first instant of that day."""
    day = as_date(when)
    return moment(when, table) if day is None else day_start(day, table)


def last_moment(when: datetime | str, table: ZoneTable) -> datetime:
    """As `moment`; a date alone (as text) means the last millisecond of that day."""
    day = as_date(when)
    if day is None:
        return moment(when, table)
    return (day_start(day + _ONE_DAY, table).astimezone(UTC) - _ONE_MS).astimezone(table.zone)


def day_start(day: date, table: ZoneTable) -> datetime:
    """The first instant at which the clocks show `day` or, where they skip it, a later one."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 – a reading of the clock
    found = _on_clock(midnight, table)
    if found.replace(tzinfo=None) == midnight:
        return found
    return datetime.fromtimestamp(table.at(int(found.timestamp())).start_s, table.zone)


def as_date(when: datetime | str) -> date | None:
    """The day when `when` is a date without a time, as text; None when it is anything else.

    Raises:
        ConfigError: it looks like a date, and the calendar has no such day.
    """
    if not isinstance(when, str) or not _DATE.fullmatch(when):
        return None
    try:
        return _check_year(date.fromisoformat(when))
    except ValueError as error:
        raise ConfigError(f"{when!r} is not a date ({error}): write it like 2026-12-31") from error


def _check_year(day: date) -> date:
    if YEAR_MIN <= day.year <= YEAR_MAX:
        return day
    raise ConfigError(f"the year {day.year} cannot be meant: write one from {YEAR_MIN} to {YEAR_MAX}")


def _on_clock(wall: datetime, table: ZoneTable) -> datetime:
    return wall.replace(tzinfo=table.zone).astimezone(UTC).astimezone(table.zone)


def _parsed(text: str) -> datetime:
    try:
        if len(text) < len("2026-12-31T23"):
            raise ValueError("a date alone leaves the time open")
        return datetime.fromisoformat(text)
    except ValueError as error:
        mend = "write it like 2026-12-31T23:00"
        raise ConfigError(f"{text[:60]!r} is not a date and time ({error}): {mend}") from error
