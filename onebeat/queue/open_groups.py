"""Which groups are open, and which of their members are missing? Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from onebeat.keys import QueueKeys
from onebeat.queue.following import call_id
from onebeat.queue.pages import WITHIN, dated
from onebeat.wire import Command, Protocol

_PAGE = 512
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group of which `done` of `total` members are; `missing` are the first that are not."""

    id: str
    queue: str
    total: int
    done: int
    made_ms: int
    missing: tuple[str, ...]


def open_groups(keys: QueueKeys) -> Protocol[list[OpenGroup]]:
    """Those that are counted in the queue `keys`, the oldest first (≤ 1 000)."""
    found = []
    for id_, made_ms in (yield from dated("ZRANGE", keys.groups, WITHIN)):
        head = yield Command(("HGET", keys.members(id_), "#"))
        if head is not None:  # else it is complete since
            total = int(head.split()[0])
            done = int((yield Command(("HLEN", keys.members(id_))))) - 2
            missing = yield from _missing(keys, id_, total)
            found.append(OpenGroup(id_, keys.queue, total, done, made_ms, missing))
    return found


def _missing(keys: QueueKeys, group: str, total: int) -> Protocol[tuple[str, ...]]:
    missing: list[str] = []
    for start in range(0, total, _PAGE):
        ids = [call_id(group, number) for number in range(start, min(start + _PAGE, total))]
        there = yield Command(("HMGET", keys.members(group), *ids))
        missing += [id_ for id_, known in zip(ids, there, strict=True) if known is None]
        if len(missing) >= _SHOWN:
            break
    return tuple(missing[:_SHOWN])
