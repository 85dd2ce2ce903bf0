"""When does a one-off schedule fire?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onebeat.scheduler.instants import ceil_ms, floor_ms
from onebeat.scheduler.moments import moment
from onebeat.scheduler.trigger import PureTrigger
from onebeat.scheduler.zones import load_zone


class AtTrigger(PureTrigger):
    """Once, at `when`: a wall time on the clocks of `timezone`, or an aware datetime; text is ISO 8601.

    A wall time that the clocks show twice means the first; `fold=1` on the datetime means the second.

    Raises:
        ConfigError: not a date and time, finer than a millisecond, or a wall time that the clocks of the
            zone jump over.
        InvalidZone: `timezone` is not in the IANA list.
    """

    __slots__ = ("timezone", "when")

    def __init__(self, when: datetime | str, timezone: str = "UTC") -> None:
        self.timezone = timezone
        self.when = moment(when, load_zone(timezone))

    def next(self, after: datetime) -> datetime | None:
        return self.when if floor_ms(after) < floor_ms(self.when) else None

    def prev(self, before: datetime) -> datetime | None:
        return self.when if floor_ms(self.when) < ceil_ms(before) else None

    def _arguments(self) -> Mapping[str, Any]:
        # with its offset: of two datetimes in one zone only the readings are compared
        return {"when": self.when.isoformat(), "timezone": self.timezone}

    def __str__(self) -> str:
        again = ", the second time" if self.when.fold else ""
        return f"at {self.when.replace(tzinfo=None).isoformat()} in {self.timezone}{again}"
