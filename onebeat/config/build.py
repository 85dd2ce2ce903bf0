"""Which `Schedule` does an entry stand for? Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

from onebeat.config.fingerprint import fingerprinted
from onebeat.config.model import Entry, Section
from onebeat.config.rules import rule_text
from onebeat.scheduler.schedule import (
    CatchUp,
    CatchUpPolicy,
    Overlap,
    RetryRule,
    Schedule,
    SingletonRule,
    Trigger,
)


def build_schedule(name: str, entry: Entry, trigger: Trigger, timezone: str) -> Schedule:
    """The schedule `name`; `entry` has the defaults and profiles in it."""
    return fingerprinted(
        Schedule(
            id=name,
            task=entry.task,
            trigger=trigger,
            queue=entry.queue,
            args=tuple(entry.args),
            kwargs=entry.kwargs,
            priority=entry.priority,
            overlap=Overlap(entry.overlap),
            catch_up=_catch_up(entry.catch_up.policy, entry.catch_up.window_ms, entry.catch_up.max),
            expires_ms=entry.expires_ms,
            timeout_ms=entry.timeout_ms,
            hard_timeout_ms=entry.hard_timeout_ms,
            retries=None if entry.retries is None else RetryRule(**_words(entry.retries)),
            singleton=None if entry.singleton is None else SingletonRule(**_words(entry.singleton)),
            jitter_ms=entry.jitter_ms or 0,
            limit=entry.limit,
            pause_after=entry.pause_after,
            enabled=entry.enabled,
            owner=entry.owner,
            tags=tuple(entry.tags),
            formerly=entry.formerly or "",
            timezone=timezone,
            trigger_text=rule_text(entry),
        )
    )


@cache
def _catch_up(policy: str, window_ms: int, most: int) -> CatchUp:
    """One for all that say the same: the beat decides once for schedules that are alike."""
    return CatchUp(CatchUpPolicy(policy), window_ms, most)


def _words(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_unset=True)
