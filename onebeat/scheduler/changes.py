"""What would another configuration change? Pure.

A schedule is described by words per field, those that are as usual left out. Arguments may be secrets:
only a digest of them is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

from onebeat.scheduler.schedule import Schedule

_SILENT = {"id", "trigger", "fingerprint", "formerly", "args", "kwargs"}
_NAMES = {"trigger_text": "trigger"}
_USUAL = {field.name: field.default for field in fields(Schedule)}
Words = Mapping[str, str]


class Kind(StrEnum):
    """What happens to a schedule."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    REMOVED = "removed"


class Change(NamedTuple):
    """One schedule: `details` are (field, before, after); `before_id` is the id that a renamed one had."""

    kind: Kind
    id: str
    details: tuple[tuple[str, str, str], ...] = ()
    before_id: str = ""


def described(schedule: Schedule) -> dict[str, str]:
    """The words of one schedule."""
    words = {
        _NAMES.get(name, name): _spelled(value)
        for name in _USUAL
        if name not in _SILENT and (value := getattr(schedule, name)) != _USUAL[name]
    }
    words["timezone"] = schedule.timezone
    if schedule.args or schedule.kwargs:
        words["arguments"] = _digest((list(schedule.args), dict(schedule.kwargs)))
    return words


def changes(before: Mapping[str, Words], after: Iterable[Schedule]) -> list[Change]:
    """What changes on the way to the schedules `after`, by id."""
    found, kept = [], set[str]()
    for schedule in after:
        words = described(schedule)
        known = schedule.id if schedule.id in before else schedule.formerly
        old = before.get(known)
        if old is None:
            found.append(Change(Kind.ADDED, schedule.id, _details({}, words)))
            continue
        kept.add(known)
        details = _details(old, words)
        if known != schedule.id:
            found.append(Change(Kind.RENAMED, schedule.id, details, known))
        elif details:
            found.append(Change(Kind.CHANGED, schedule.id, details))
    found += [Change(Kind.REMOVED, id_, _details(before[id_], {})) for id_ in before.keys() - kept]
    return sorted(found, key=lambda change: change.id)


def _details(old: Words, new: Words) -> tuple[tuple[str, str, str], ...]:
    names = sorted({*old, *new})
    return tuple(
        (name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)
    )


def _spelled(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        told = ", ".join(f"{name}: {_spelled(one)}" for name, one in asdict(value).items())
        return f"{{{told}}}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_spelled, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _digest(value: object) -> str:
    return f"digest {blake2b(repr(value).encode(), digest_size=6).hexdigest()}"
