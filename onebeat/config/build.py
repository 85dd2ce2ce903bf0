"""Which `Schedule` does an entry stand for? Pure."""

from __future__ import annotations

from typing import Any

from onebeat.config.fingerprint import fingerprinted
from onebeat.config.model import Defaults, Entry, Section
from onebeat.config.trigger import trigger_text
from onebeat.scheduler.schedule import (
    CatchUp,
    CatchUpPolicy,
    Overlap,
    RetryRule,
    Schedule,
    SingletonRule,
    Trigger,
)

_FLAT = ("queue", "priority", "expires_ms", "timeout_ms", "owner")


def build_schedule(name: str, entry: Entry, defaults: Defaults, trigger: Trigger, timezone: str) -> Schedule:
    """The schedule `name`; what the entry leaves open comes from `defaults`, mappings key by key."""
    flat = {key: getattr(entry if key in entry.model_fields_set else defaults, key) for key in _FLAT}
    catch_up = _merged(defaults, entry, "catch_up") or {}
    policy = CatchUpPolicy(catch_up.pop("policy", CatchUp().policy))
    retries, singleton = _merged(defaults, entry, "retries"), _merged(defaults, entry, "singleton")
    chosen = entry if "overlap" in entry.model_fields_set else defaults
    tagged = entry if "tags" in entry.model_fields_set else defaults
    return fingerprinted(
        Schedule(
            id=name,
            task=entry.task,
            trigger=trigger,
            args=tuple(entry.args),
            kwargs=entry.kwargs,
            overlap=Overlap(chosen.overlap),
            catch_up=CatchUp(policy=policy, **catch_up),
            retries=None if retries is None else RetryRule(**retries),
            singleton=None if singleton is None else SingletonRule(**singleton),
            enabled=entry.enabled,
            tags=tuple(tagged.tags),
            timezone=timezone,
            trigger_text=trigger_text(entry),
            **flat,
        )
    )


def _merged(defaults: Defaults, entry: Entry, key: str) -> dict[str, Any] | None:
    """What is written in the section `key` of both, the entry's words last; None when it is absent.

    An entry that writes `null` takes the default back.
    """
    written: dict[str, Any] = {}
    present = False
    for source in (defaults, entry):
        if key not in source.model_fields_set:
            continue
        section: Section | None = getattr(source, key)
        if section is None:
            written, present = {}, False
        else:
            written |= section.model_dump(exclude_unset=True)
            present = True
    return written if present else None
