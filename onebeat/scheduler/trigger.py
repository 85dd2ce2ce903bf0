"""What do onebeat's triggers share, and how do they serve APScheduler?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apscheduler.triggers.base import BaseTrigger

from onebeat.scheduler.instants import just_before


class PureTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """A rule without state: the same question always has the same answer.

    Two triggers are equal when they were made from equal arguments. They drop into an APScheduler 3 app,
    its job stores (which pickle) included.
    """

    __slots__ = ()

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """The first fire strictly after `after`, in the trigger's zone; None when there is none.

        Raises:
            ValueError: `after` has no time zone.
        """

    @abstractmethod
    def prev(self, before: datetime) -> datetime | None:
        """The last fire strictly before `before`, in the trigger's zone; None when there is none.

        Raises:
            ValueError: `before` has no time zone.
        """

    @abstractmethod
    def _arguments(self) -> Mapping[str, Any]:
        """What to call the class with for an equal trigger."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """APScheduler's question: the fire after the previous one, or else from `now` on, `now` included."""
        return self.next(just_before(now) if previous_fire_time is None else previous_fire_time)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._arguments() == other._arguments()

    def __hash__(self) -> int:
        return hash((type(self), *self._arguments().values()))

    def __getstate__(self) -> Mapping[str, Any]:  # asked by APScheduler's job stores and OrTrigger
        return dict(self._arguments())

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        type(self).__init__(self, **state)

    def __repr__(self) -> str:
        written = ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({written})"
