"""How does a trigger that was made for APScheduler serve a schedule?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.interval import IntervalTrigger

from onebeat.errors import ConfigError
from onebeat.scheduler.instants import EPOCH, at_ms, ceil_ms, floor_ms
from onebeat.scheduler.trigger import PureTrigger

_LEAST = timedelta(microseconds=1)
_ONE_MS = timedelta(milliseconds=1)
_HORIZON_MS = 42 * 366 * 86_400_000


def adapt(trigger: Any) -> PureTrigger:
    """`trigger` itself when it is one of ours; any other APScheduler 3 trigger with `next` and `prev`.

    Raises:
        ConfigError: no trigger, or one whose answers differ from process to process: with their jitter,
            or an `IntervalTrigger` that counts from the moment it was made. Also an `AndTrigger`, which
            may search without end, and a trigger whose repr does not say what it is.
    """
    if isinstance(trigger, PureTrigger):
        return trigger
    if not isinstance(trigger, BaseTrigger):
        raise ConfigError(f"{trigger!r} is no trigger: give one of onebeat.scheduler or of apscheduler")
    if getattr(trigger, "jitter", None):
        raise ConfigError(f"{trigger!r} draws its jitter anew each time: give the schedule one instead")
    if isinstance(trigger, AndTrigger):
        raise ConfigError("an AndTrigger may search without end: write one cron expression")
    if isinstance(trigger, OrTrigger):  # theirs starts intervals anew at the fires of the others
        from onebeat.scheduler.any_of import AnyTrigger

        return AnyTrigger(trigger.triggers)
    if isinstance(trigger, IntervalTrigger) and trigger.start_date.microsecond % 1000:
        mend = "give it a start_date, or take EveryTrigger"
        raise ConfigError(f"{trigger!r} counts from the moment it was made, elsewhere from another: {mend}")
    if " at 0x" in repr(trigger):  # onebeat knows by it whether the rule has changed
        raise ConfigError(f"{type(trigger).__name__} does not say what it is: give it a __repr__ that does")
    return AdaptedTrigger(trigger)


class AdaptedTrigger(PureTrigger):
    """An APScheduler trigger, asked as if nothing had fired before; made by `adapt`.

    Its times are rounded to milliseconds. It must give the same answer to the same question.
    """

    __slots__ = ("trigger",)

    def __init__(self, trigger: Any) -> None:
        self.trigger = trigger

    def next(self, after: datetime) -> datetime | None:
        found = self._next_ms(floor_ms(after))
        return None if found is None else at_ms(*found)

    def prev(self, before: datetime) -> datetime | None:
        end_ms = ceil_ms(before)
        reach_ms = 1000  # how far back a fire is looked for; then it lies within the last doubling
        while (found := self._next_ms(end_ms - reach_ms)) is None or found[0] >= end_ms:
            reach_ms *= 2
            if reach_ms > _HORIZON_MS:
                return None
        low_ms, high_ms = found[0], end_ms
        while high_ms - low_ms > 1:  # `low_ms` is a fire, or has one between itself and the end
            middle_ms = (low_ms + high_ms) // 2
            later = self._next_ms(middle_ms)
            if later is not None and later[0] < end_ms:
                low_ms, found = later[0], later
            else:
                high_ms = middle_ms
        return at_ms(*found)

    def _next_ms(self, after_ms: int) -> tuple[int, tzinfo] | None:
        """The first fire after `after_ms`, with its zone."""
        after = at_ms(after_ms)
        found = self.trigger.get_next_fire_time(None, after + _LEAST)
        if found is not None and _rounded_ms(found) <= after_ms:
            # What lies behind is previous: a DateTrigger answers it whatever the time.
            found = self.trigger.get_next_fire_time(found, after + _ONE_MS)
        if found is None or (found_ms := _rounded_ms(found)) <= after_ms:
            return None
        return found_ms, found.tzinfo

    def _arguments(self) -> Mapping[str, Any]:
        return {"trigger": self.trigger}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AdaptedTrigger) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{type(self.trigger).__module__} {self.trigger!r}"


def _rounded_ms(when: datetime) -> int:
    return (when - EPOCH + _ONE_MS / 2) // _ONE_MS
