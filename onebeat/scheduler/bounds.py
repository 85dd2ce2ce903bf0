"""When does a schedule fire that begins or ends at some time?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onebeat.errors import ConfigError
from onebeat.scheduler.adapter import adapt
from onebeat.scheduler.instants import at_ms, ceil_ms, floor_ms
from onebeat.scheduler.moments import first_moment, last_moment
from onebeat.scheduler.trigger import PureTrigger
from onebeat.scheduler.zones import load_zone


class BoundedTrigger(PureTrigger):
    """`trigger` from `start` to `end`, both included: wall times in `timezone`, or aware datetimes.

    A date alone includes the whole day.

    Raises:
        ConfigError: not a date or time, one that the clocks jump over, or `start` after `end`.
        InvalidZone: `timezone` is not in the IANA list.
    """

    __slots__ = ("_end_ms", "_start_ms", "end", "start", "timezone", "trigger")

    def __init__(
        self,
        trigger: Any,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        timezone: str = "UTC",
    ) -> None:
        self.trigger, self.timezone = adapt(trigger), timezone
        table = load_zone(timezone)
        self.start = None if start is None else first_moment(start, table)
        self.end = None if end is None else last_moment(end, table)
        self._start_ms = None if self.start is None else floor_ms(self.start)
        self._end_ms = None if self.end is None else floor_ms(self.end)
        if self._start_ms is not None and self._end_ms is not None and self._start_ms > self._end_ms:
            raise ConfigError(f"it ends at {end}, before it starts at {start}: it never fires")

    def next(self, after: datetime) -> datetime | None:
        if self._start_ms is not None and floor_ms(after) < self._start_ms:
            after = at_ms(self._start_ms - 1)
        found = self.trigger.next(after)
        return found if found is not None and self._in_time(found) else None

    def prev(self, before: datetime) -> datetime | None:
        if self._end_ms is not None and ceil_ms(before) > self._end_ms:
            before = at_ms(self._end_ms + 1)
        found = self.trigger.prev(before)
        return found if found is not None and self._in_time(found) else None

    def _in_time(self, found: datetime) -> bool:
        found_ms = floor_ms(found)
        early = self._start_ms is not None and found_ms < self._start_ms
        return not early and (self._end_ms is None or found_ms <= self._end_ms)

    def _arguments(self) -> Mapping[str, Any]:
        start, end = (None if one is None else one.isoformat() for one in (self.start, self.end))
        return {"trigger": self.trigger, "start": start, "end": end, "timezone": self.timezone}

    def __str__(self) -> str:
        start = f" from {self.start.isoformat()}" if self.start is not None else ""
        end = f" until {self.end.isoformat()}" if self.end is not None else ""
        return f"{self.trigger}{start}{end}"
