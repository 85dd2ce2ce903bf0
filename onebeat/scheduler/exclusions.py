"""When does a schedule fire that leaves days out?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from onebeat.scheduler.adapter import adapt
from onebeat.scheduler.cron_wall import DAY_S, EPOCH_DAY
from onebeat.scheduler.cron_zone import FIRST_S, LAST_S
from onebeat.scheduler.days_off import DaysOff, days_off
from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.trigger import PureTrigger
from onebeat.scheduler.zones import Segment, load_zone

STRETCHES_MAX = 1000  # of days off, one after the other, before a rule is taken for one without other days
_NEAR_S = 2 * DAY_S  # no change of a zone's clocks is larger


class ExceptTrigger(PureTrigger):
    """`trigger` without its fires on `days`, as the clocks of `timezone` show them.

    `days`: dates (`2026-12-24`), ranges with both ends (`2026-12-24/2027-01-02`), and
    `{"holidays": "KR"}`, perhaps with a `"subdivision"`.

    Raises:
        ConfigError: another kind of day, or holidays that nobody knows here.
        InvalidZone: `timezone` is not in the IANA list.
    """

    __slots__ = ("_zone", "days", "timezone", "trigger")

    def __init__(self, trigger: Any, days: Iterable[Any] | DaysOff, timezone: str = "UTC") -> None:
        self.trigger, self.timezone = adapt(trigger), timezone
        self.days = days if isinstance(days, DaysOff) else days_off(days)
        self._zone = load_zone(timezone)

    def excludes(self, fire: datetime) -> bool:
        """Is this fire of `trigger` left out?"""
        return self.days.last_of(self._day(floor_ms(fire) // 1000)[0]) is not None

    def next(self, after: datetime) -> datetime | None:
        for _ in range(STRETCHES_MAX):
            found = self.trigger.next(after)
            if found is None or not FIRST_S < (found_s := floor_ms(found) // 1000) < LAST_S:
                return None
            day, segment = self._day(found_s)
            last = self.days.last_of(day)
            if last is None:
                return found
            over_s = (last + 1 - EPOCH_DAY) * DAY_S - segment.offset_s
            if over_s > segment.end_s:  # a change of the clocks may show an earlier day again
                far = segment.end_s - found_s > _NEAR_S
                over_s = max(segment.end_s, over_s - _NEAR_S) if far else segment.end_s
            after = at_ms(over_s * 1000 - 1)
        return None

    def prev(self, before: datetime) -> datetime | None:
        for _ in range(STRETCHES_MAX):
            found = self.trigger.prev(before)
            if found is None or not FIRST_S < (found_s := floor_ms(found) // 1000) < LAST_S:
                return None
            day, segment = self._day(found_s)
            first = self.days.first_of(day)
            if first is None:
                return found
            over_s = (first - EPOCH_DAY) * DAY_S - segment.offset_s
            if over_s < segment.start_s:
                far = found_s - segment.start_s > _NEAR_S
                over_s = min(segment.start_s, over_s + _NEAR_S) if far else segment.start_s
            before = at_ms(over_s * 1000)
        return None

    def next_excluded(self, after: datetime, before: datetime) -> datetime | None:
        """The first fire of `trigger` strictly between the two that is left out."""
        end_s = floor_ms(before) / 1000
        found = self.trigger.next(after)
        while found is not None and FIRST_S < (found_s := floor_ms(found) // 1000) < min(end_s, LAST_S):
            if self.excludes(found):
                return found
            found = self.trigger.next(at_ms(self._end_of_day_s(found_s) * 1000 - 1))
        return None

    def due(self, after: datetime) -> datetime | None:
        """The next fire; before it, of a day that is left out, the last time of `trigger` on that day.

        Then all that is left out on that day is told: soon, and not every second.
        """
        found = self.trigger.next(after)
        if found is None or not FIRST_S < (found_s := floor_ms(found) // 1000) < LAST_S:
            return None
        return self.trigger.prev(at_ms(self._end_of_day_s(found_s) * 1000)) if self.excludes(found) else found

    def _end_of_day_s(self, utc_s: int) -> int:
        """When the clocks show another day, or change."""
        day, segment = self._day(utc_s)
        return min(segment.end_s, (day + 1 - EPOCH_DAY) * DAY_S - segment.offset_s)

    def _day(self, utc_s: int) -> tuple[int, Segment]:
        """The day that the clocks show, as an ordinal, and the stretch of time with their offset."""
        segment = self._zone.at(utc_s)
        return (utc_s + segment.offset_s) // DAY_S + EPOCH_DAY, segment

    def _arguments(self) -> Mapping[str, Any]:
        return {"trigger": self.trigger, "days": self.days, "timezone": self.timezone}

    def __str__(self) -> str:
        return f"{self.trigger} except {self.days} in {self.timezone}"
