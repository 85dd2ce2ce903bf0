"""Can the singleton of a schedule be meant? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.place import Place
from onebeat.scheduler.schedule import Overlap, Schedule

_MOOT = (Overlap.QUEUE_ONE, Overlap.QUEUE_ALL, Overlap.CANCEL_RUNNING)


def singleton_mistakes(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    """What contradicts `scope: queued`, for which the beat itself makes the key, without the task's code."""
    rule = schedule.singleton
    if rule is None or rule.scope != "queued":
        return
    if schedule.overlap in _MOOT:
        message = f"overlap: {schedule.overlap.value} queues a fire that scope: queued refuses"
        hint = "write overlap: skip, or scope: run"
        yield place.mistake(Code.CONTRADICTION, message, ("singleton", "scope"), hint)
    if rule.on_conflict == "replace":
        message = "scope: queued refuses what on_conflict: replace would start"
        yield place.mistake(Code.CONTRADICTION, message, ("singleton", "scope"), "write scope: run")
    if rule.key is not None:
        try:
            rule.key.format_map(schedule.kwargs)
        except (LookupError, AttributeError, ValueError, TypeError):
            message = "with scope: queued the key can only name what is in kwargs"
            known = ", ".join(f"{{{name}}}" for name in schedule.kwargs) or "there are none"
            yield place.mistake(Code.TEMPLATE, message, ("singleton", "key"), f"kwargs: {known}")
