"""When would Debian's cron have run it? A simulation that walks every minute of real zones.

Independent of onebeat on purpose: its own reading of fields, zoneinfo minute by minute, sets instead of
bits, and the daylight-saving rule told from the shown minutes, not from offsets.
"""

from __future__ import annotations

from calendar import day_abbr, month_abbr, monthrange
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DST_MAX = timedelta(hours=3)
NAMES = {
    3: {name.lower(): number for number, name in enumerate(month_abbr) if name},
    4: {name.lower(): (number + 1) % 7 for number, name in enumerate(day_abbr)},
}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

# Zones and days around which the clocks did something: forwards, backwards, by less than an hour, at
# midnight, by a whole day (Apia, Kwajalein), by as much as may be (Casey), with "winter time" as the
# exception (Dublin, Casablanca).
CHANGES = (
    ("America/New_York", date(2025, 3, 9)),
    ("America/New_York", date(2025, 11, 2)),
    ("Europe/London", date(2025, 3, 30)),
    ("Europe/London", date(2025, 10, 26)),
    ("Europe/Dublin", date(2024, 3, 31)),
    ("Europe/Dublin", date(2024, 10, 27)),
    ("Australia/Lord_Howe", date(2025, 4, 6)),
    ("Australia/Lord_Howe", date(2025, 10, 5)),
    ("Asia/Seoul", date(1987, 5, 10)),
    ("Asia/Seoul", date(1987, 10, 11)),
    ("Asia/Seoul", date(1988, 5, 8)),
    ("Asia/Seoul", date(1988, 10, 9)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Africa/Casablanca", date(2025, 2, 23)),
    ("Africa/Casablanca", date(2025, 4, 6)),
    ("Pacific/Apia", date(2011, 9, 24)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Kwajalein", date(1969, 9, 30)),  # back by 23 hours
    ("Antarctica/Casey", date(2009, 10, 17)),  # by exactly three hours
    ("Antarctica/Casey", date(2010, 3, 5)),
    ("America/Havana", date(2025, 3, 9)),
    ("America/Havana", date(2025, 11, 2)),
    ("Asia/Beirut", date(2025, 3, 30)),
    ("Asia/Beirut", date(2025, 10, 26)),
    ("Antarctica/Troll", date(2025, 3, 30)),
    ("Antarctica/Troll", date(2025, 10, 26)),
    ("America/Caracas", date(2016, 5, 1)),
    ("Asia/Pyongyang", date(2015, 8, 15)),
    ("Africa/Juba", date(2021, 2, 1)),
    ("Europe/Moscow", date(2014, 10, 26)),
    ("UTC", date(2025, 12, 31)),
)


@lru_cache(maxsize=64)
def minutes_around(zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """(UTC instant, naive wall time) of every minute of the 56 hours that hold `day` in any zone."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=19)
    info = ZoneInfo(zone)
    instants = (start + n * MINUTE for n in range(56 * 60))
    return tuple((instant, instant.astimezone(info).replace(tzinfo=None)) for instant in instants)


@lru_cache(maxsize=64)
def shown_twice(zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The two instants of every minute that the clocks show again within `DST_MAX`."""
    showings = defaultdict(list)
    for instant, wall in minutes_around(zone, day):
        showings[wall].append(instant)
    twice = (instants for instants in showings.values() if len(instants) == 2)
    return tuple((first, second) for first, second in twice if second - first <= DST_MAX)


@lru_cache(maxsize=64)
def jumps(zone: str, day: date) -> tuple[tuple[datetime, tuple[datetime, ...]], ...]:
    """The first instant after each gap of up to `DST_MAX`, with the minutes that the clocks left out."""
    found = []
    for (_, before), (instant, wall) in pairwise(minutes_around(zone, day)):
        lost = wall - before - MINUTE
        if timedelta(0) < lost <= DST_MAX:
            found.append((instant, tuple(before + n * MINUTE for n in range(1, lost // MINUTE + 1))))
    return tuple(found)


class Simulated:
    """A five-field expression, read naively."""

    def __init__(self, text: str) -> None:
        fields = text.split()
        self.sets = [_values(field, place) for place, field in enumerate(fields)]
        self.wildcard = fields[0].startswith("*") or fields[1].startswith("*")
        self.either = not fields[2].startswith("*") and not fields[4].startswith("*")
        self.days = fields[2].split(",")
        self.weekdays = fields[4].split(",")

    def matches(self, wall: datetime) -> bool:
        minutes, hours, _, months, _ = self.sets
        if wall.minute not in minutes or wall.hour not in hours:
            return False
        return wall.month in months and self.matches_day(wall.date())

    @lru_cache(maxsize=4096)  # noqa: B019 – dies with the test
    def matches_day(self, day: date) -> bool:
        by_day = any(_is_day(day, word) for word in self.days)
        by_weekday = any(_is_weekday(day, word) for word in self.weekdays)
        return by_day or by_weekday if self.either else by_day and by_weekday

    def fires(self, zone: str, around: date, gap: str, fold: str) -> list[datetime]:
        """Every fire of the minutes around `around`, in UTC."""
        minutes, hours = self.sets[:2]
        fires = {
            instant
            for instant, wall in minutes_around(zone, around)
            if wall.minute in minutes and wall.hour in hours and self.matches(wall)
        }
        if self.wildcard:
            return sorted(fires)
        if fold != "both":
            fires -= {instants[1 if fold == "first" else 0] for instants in shown_twice(zone, around)}
        if gap == "run-after":
            fires |= {end for end, lost in jumps(zone, around) if any(map(self.matches, lost))}
        return sorted(fires)


def _number(word: str, place: int) -> int:
    return NAMES[place][word] if place in NAMES and word in NAMES[place] else int(word)


def _values(field: str, place: int) -> set[int]:
    low, high = BOUNDS[place]
    values: set[int] = set()
    for word in field.split(","):
        body, _, step = word.partition("/")
        if body[:1] == "*":
            start, end = low, high
        elif "-" in body and not body.startswith("l"):
            first, last = body.split("-")
            start, end = _number(first, place), 7 if last == "sun" else _number(last, place)
        elif body.isalnum() and ("l" in body or "w" in body) and body not in NAMES.get(place, ()):
            continue  # days that only `_is_day` and `_is_weekday` know
        elif "#" in body or body.startswith("l"):
            continue
        else:
            start = _number(body, place)
            end = high if step else start
        values |= set(range(start, end + 1, int(step or 1)))
    return {value % 7 for value in values} if place == 4 else values


def _is_day(day: date, word: str) -> bool:
    length = monthrange(day.year, day.month)[1]
    working = [n for n in range(1, length + 1) if day.replace(day=n).weekday() < 5]
    if word == "lw":
        return day.day == working[-1]
    if word.endswith("w"):
        wanted = int(word[:-1])
        # Of two equally near days Saturday's Friday would be nearer than Monday: distances never tie.
        return wanted <= length and day.day == min(working, key=lambda n: abs(n - wanted))
    if word.startswith("l"):
        return day.day == length - int(word[2:] or 0)
    return day.day in _values(word, 2)


def _is_weekday(day: date, word: str) -> bool:
    weekday = day.isoweekday() % 7
    if "#" in word:
        wanted, nth = word.split("#")
        return weekday == _number(wanted, 4) % 7 and (day.day - 1) // 7 + 1 == int(nth)
    if word.endswith("l") and word != "l":
        return weekday == _number(word[:-1], 4) % 7 and (day + timedelta(days=7)).month != day.month
    return weekday in _values(word, 4)
