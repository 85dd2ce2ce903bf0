"""Which fires come next, and which were the last? Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from onebeat.scheduler.schedule import Trigger


def upcoming(trigger: Trigger, after: datetime, n: int) -> list[datetime]:
    """Up to `n` fires strictly after `after`, the earliest first."""
    return _walk(trigger.next, after, n)


def recent(trigger: Trigger, before: datetime, n: int) -> list[datetime]:
    """Up to `n` fires strictly before `before`, the latest first."""
    return _walk(trigger.prev, before, n)


def _walk(step: Callable[[datetime], datetime | None], start: datetime, n: int) -> list[datetime]:
    fires: list[datetime] = []
    while len(fires) < n and (found := step(fires[-1] if fires else start)) is not None:
        fires.append(found)
    return fires
