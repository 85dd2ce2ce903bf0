"""Did a configuration change what happens? Pure.

Two files with equal fingerprints emit the same fires with the same content, however they are laid out.
Owner and tags are for people, so they do not count; the order of schedules does not either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from hashlib import blake2b
from typing import Any

from onebeat.scheduler.schedule import Schedule

_BYTES = 16
_FOR_PEOPLE = {"owner", "tags", "trigger_text", "fingerprint", "trigger", "formerly"}


def fingerprint_of(schedule: Schedule) -> str:
    """32 hexadecimal digits over everything in `schedule` that changes what happens.

    Raises:
        TypeError: an argument is not text, number, boolean, null, list or mapping of text.
    """
    names = (field.name for field in fields(schedule) if field.name not in _FOR_PEOPLE)
    words = {name: getattr(schedule, name) for name in names}
    return _digest({**words, "trigger": " ".join(str(schedule.trigger).split())})


def fingerprinted(schedule: Schedule) -> Schedule:
    """`schedule` with its fingerprint filled in."""
    return replace(schedule, fingerprint=fingerprint_of(schedule))


def fingerprint_of_all(schedules: Iterable[Schedule]) -> str:
    """32 hexadecimal digits over the fingerprints of `schedules`, in any order."""
    return _digest({schedule.id: schedule.fingerprint for schedule in schedules})


def _digest(words: dict[str, Any]) -> str:
    text = json.dumps(words, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_spelled)
    return blake2b(text.encode("ascii"), digest_size=_BYTES).hexdigest()


def _spelled(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(
        f"{type(value).__name__} cannot be part of a schedule: use text, numbers, lists, mappings"
    )
