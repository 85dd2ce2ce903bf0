"""Where do zones change their clocks? Found by asking zoneinfo hour by hour, not from onebeat's tables."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tests.scheduler.oracle import CHANGES

# Forwards and backwards, by less than an hour, by three, at midnight, by a whole day, with "winter time" as
# the exception, suspended for a month, abolished, with other offsets in the past.
ZONES = (
    *("America/New_York", "Europe/London", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Seoul"),
    *("America/Sao_Paulo", "Africa/Casablanca", "Pacific/Apia", "America/Havana", "Asia/Beirut"),
    *("Antarctica/Troll", "Antarctica/Casey", "Asia/Gaza", "Africa/Cairo", "Asia/Tehran", "Europe/Moscow"),
    *("America/St_Johns", "America/Caracas", "Asia/Pyongyang", "Pacific/Kwajalein", "Africa/Juba"),
    *("America/Godthab", "Pacific/Chatham", "Asia/Kathmandu", "Europe/Lisbon", "America/Asuncion", "UTC"),
)
_FIRST, _LAST = datetime(1973, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def changes(zone: str) -> tuple[date, ...]:
    """The days (UTC) from 1973 to 2037 on which the zone's offset changes; its offsets are whole minutes."""
    info, found, at = ZoneInfo(zone), [], _FIRST
    before = at.astimezone(info).utcoffset()
    while at < _LAST:
        at += timedelta(hours=24)
        after = at.astimezone(info).utcoffset()
        if after != before:
            found.append(at.date())
        before = after
    return tuple(found)


def place(luck: random.Random) -> tuple[str, date]:
    """A zone and a day: mostly one on which its clocks change."""
    if luck.random() < 0.25:
        return luck.choice(CHANGES)
    zone = luck.choice(ZONES)
    if luck.random() < 0.9 and changes(zone):
        return zone, luck.choice(changes(zone))
    return zone, date(1973, 1, 2) + timedelta(days=luck.randrange(23_000))
