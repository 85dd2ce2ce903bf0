"""When does a schedule fire that only people start?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onebeat.scheduler.trigger import PureTrigger


class ManualTrigger(PureTrigger):
    """Never by itself."""

    __slots__ = ()

    def next(self, after: datetime) -> datetime | None:
        return None

    def prev(self, before: datetime) -> datetime | None:
        return None

    def _arguments(self) -> Mapping[str, Any]:
        return {}

    def __str__(self) -> str:
        return "manual"
