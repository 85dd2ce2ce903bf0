"""When does a schedule fire that spreads its fires, in an APScheduler app?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from onebeat.durations import format_ms
from onebeat.scheduler.adapter import adapt
from onebeat.scheduler.delay import delay_ms
from onebeat.scheduler.every import whole_ms
from onebeat.scheduler.instants import EPOCH, at_ms, ceil_ms, floor_ms
from onebeat.scheduler.trigger import PureTrigger


class JitterTrigger(PureTrigger):
    """For an APScheduler app: each fire of `trigger` up to `jitter` later, at a time that stays the same.

    In onebeat a schedule has `jitter` itself, and its nominal times stay those of its trigger.

    Raises:
        InvalidDuration: `jitter` (seconds or a timedelta) is no whole number of milliseconds.
    """

    __slots__ = ("jitter_ms", "key", "trigger")

    def __init__(self, trigger: Any, jitter: float | timedelta, key: str) -> None:
        self.trigger, self.key = adapt(trigger), key
        self.jitter_ms = whole_ms("jitter", jitter)

    def next(self, after: datetime) -> datetime | None:
        # A fire before `after` may be delayed beyond it; the one before that ends before this one begins.
        nominal = self.trigger.prev(at_ms(floor_ms(after) + 1))
        if nominal is not None and (found := self._delayed(nominal)) - EPOCH > after - EPOCH:
            return found
        nominal = self.trigger.next(after)
        return None if nominal is None else self._delayed(nominal)

    def prev(self, before: datetime) -> datetime | None:
        nominal = self.trigger.prev(before)
        if nominal is not None and floor_ms(self._delayed(nominal)) >= ceil_ms(before):
            nominal = self.trigger.prev(nominal)
        return None if nominal is None else self._delayed(nominal)

    def _delayed(self, nominal: datetime) -> datetime:
        following = self.trigger.next(nominal)
        next_ms = None if following is None else floor_ms(following)
        nominal_ms = floor_ms(nominal)
        late_ms = delay_ms(self.key, nominal_ms, next_ms, self.jitter_ms)
        return at_ms(nominal_ms + late_ms, nominal.tzinfo or UTC)

    def _arguments(self) -> Mapping[str, Any]:
        return {"trigger": self.trigger, "jitter": timedelta(milliseconds=self.jitter_ms), "key": self.key}

    def __str__(self) -> str:
        return f"{self.trigger} up to {format_ms(self.jitter_ms)} later"
