"""When does a schedule fire that has several rules?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from onebeat.errors import ConfigError
from onebeat.scheduler.adapter import adapt
from onebeat.scheduler.instants import floor_ms
from onebeat.scheduler.trigger import PureTrigger


class AnyTrigger(PureTrigger):
    """Whenever one of `triggers` does; once where several do at the same time.

    Raises:
        ConfigError: no trigger, or one that `adapt` refuses.
    """

    __slots__ = ("triggers",)

    def __init__(self, triggers: Sequence[Any]) -> None:
        self.triggers = tuple(adapt(one) for one in triggers)
        if not self.triggers:
            raise ConfigError("any of no triggers never fires: give at least one")

    def next(self, after: datetime) -> datetime | None:
        found = [fire for one in self.triggers if (fire := one.next(after)) is not None]
        return min(found, key=floor_ms, default=None)

    def prev(self, before: datetime) -> datetime | None:
        found = [fire for one in self.triggers if (fire := one.prev(before)) is not None]
        return max(found, key=floor_ms, default=None)

    def _arguments(self) -> Mapping[str, Any]:
        return {"triggers": self.triggers}

    def __str__(self) -> str:
        return f"any of {', '.join(f'({one})' for one in self.triggers)}"
