"""When does a one-off schedule fire?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from onebeat.errors import ConfigError
from onebeat.scheduler.instants import ceil_ms, floor_ms
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
        zone = load_zone(timezone).zone
        moment = _parse(when) if isinstance(when, str) else when
        if moment.microsecond % 1000:
            raise ConfigError(f"{when} is finer than a millisecond: round it")
        wall = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        self.timezone = timezone
        self.when = wall.astimezone(UTC).astimezone(zone)
        if moment.tzinfo is None and self.when.replace(tzinfo=None) != moment:
            raise ConfigError(
                f"{when} does not exist in {timezone}, where the clocks jump over it:"
                f" write {self.when.replace(tzinfo=None).isoformat()}"
            )

    def next(self, after: datetime) -> datetime | None:
        return self.when if floor_ms(after) < floor_ms(self.when) else None

    def prev(self, before: datetime) -> datetime | None:
        return self.when if floor_ms(self.when) < ceil_ms(before) else None

    def _arguments(self) -> Mapping[str, Any]:
        return {"when": self.when, "timezone": self.timezone}

    def __str__(self) -> str:
        return f"at {self.when.replace(tzinfo=None).isoformat()} in {self.timezone}"


def _parse(text: str) -> datetime:
    try:
        if len(text) < len("2026-12-31T23"):
            raise ValueError("a date alone leaves the time open")
        return datetime.fromisoformat(text)
    except ValueError as error:
        mend = "write it like 2026-12-31T23:00"
        raise ConfigError(f"{text[:60]!r} is not a date and time ({error}): {mend}") from error
