"""Which fires are due? Triggers, the plan, and the beat that emits it.

Names are loaded when they are first used: a process that only reads schedules imports neither croniter
nor APScheduler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onebeat.scheduler.adapter import adapt
    from onebeat.scheduler.agenda import Agenda
    from onebeat.scheduler.any_of import AnyTrigger
    from onebeat.scheduler.at import AtTrigger
    from onebeat.scheduler.bounds import BoundedTrigger
    from onebeat.scheduler.calendar import CalendarTrigger
    from onebeat.scheduler.cron import CronTrigger, compile_cron
    from onebeat.scheduler.every import EveryTrigger
    from onebeat.scheduler.exclusions import ExceptTrigger
    from onebeat.scheduler.in_words import explain
    from onebeat.scheduler.jitter import JitterTrigger
    from onebeat.scheduler.lookout import recent, upcoming
    from onebeat.scheduler.manual import ManualTrigger
    from onebeat.scheduler.planner import Decision, Entry, Plan, plan
    from onebeat.scheduler.schedule import (
        CatchUp,
        CatchUpPolicy,
        Overlap,
        RetryRule,
        Schedule,
        SingletonRule,
        Trigger,
    )
    from onebeat.scheduler.stretches import Skipped

_ROOMS = {
    "adapter": ("adapt",),
    "agenda": ("Agenda",),
    "any_of": ("AnyTrigger",),
    "at": ("AtTrigger",),
    "bounds": ("BoundedTrigger",),
    "calendar": ("CalendarTrigger",),
    "cron": ("CronTrigger", "compile_cron"),
    "every": ("EveryTrigger",),
    "exclusions": ("ExceptTrigger",),
    "in_words": ("explain",),
    "jitter": ("JitterTrigger",),
    "lookout": ("recent", "upcoming"),
    "manual": ("ManualTrigger",),
    "planner": ("Decision", "Entry", "Plan", "plan"),
    "schedule": ("CatchUp", "CatchUpPolicy", "Overlap", "RetryRule", "Schedule", "SingletonRule", "Trigger"),
    "stretches": ("Skipped",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Agenda",
    "AnyTrigger",
    "AtTrigger",
    "BoundedTrigger",
    "CalendarTrigger",
    "CatchUp",
    "CatchUpPolicy",
    "CronTrigger",
    "Decision",
    "Entry",
    "EveryTrigger",
    "ExceptTrigger",
    "JitterTrigger",
    "ManualTrigger",
    "Overlap",
    "Plan",
    "RetryRule",
    "Schedule",
    "SingletonRule",
    "Skipped",
    "Trigger",
    "adapt",
    "compile_cron",
    "explain",
    "plan",
    "recent",
    "upcoming",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
