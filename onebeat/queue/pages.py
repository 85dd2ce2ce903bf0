"""How does one read a collection of unknown size without stalling the server? In pages, up to a limit."""

from __future__ import annotations

from typing import Any

from onebeat.wire import Command, Protocol

WITHIN = 1_000  # elements that one look returns at the most
_PAGE = 256  # elements asked for at a time


def dated(word: str, key: str, limit: int) -> Protocol[list[tuple[str, int]]]:
    """The first `limit` members of a sorted set and their times, in ms."""
    members = (yield Command((word, key, 0, limit - 1))) if limit > 0 else []
    times = (yield Command(("ZMSCORE", key, *members))) if members else []
    # a member that has left between the two reads has no time
    dated = zip(members, map(as_ms, times), strict=True)
    return [(member.decode(errors="replace"), ms) for member, ms in dated if ms is not None]


def names(key: str) -> Protocol[list[str]]:
    """What a set holds, sorted, read in pages; at most about `WITHIN`."""
    found: set[bytes] = set()
    cursor: Any = 0
    while True:
        cursor, page = yield Command(("SSCAN", key, cursor, "COUNT", _PAGE))
        found.update(page)
        if int(cursor) == 0 or len(found) >= WITHIN:
            return sorted(name.decode() for name in found)[:WITHIN]


def fields(key: str) -> Protocol[list[tuple[bytes, bytes]]]:
    """What a hash holds, sorted, read in pages; at most about `WITHIN`."""
    found: dict[bytes, bytes] = {}
    cursor: Any = 0
    while True:
        cursor, page = yield Command(("HSCAN", key, cursor, "COUNT", _PAGE))
        found.update(page)
        if int(cursor) == 0 or len(found) >= WITHIN:
            return sorted(found.items())[:WITHIN]


def as_ms(score: float | bytes | None) -> int | None:
    """A score, whether or not the driver has made a number of it."""
    return None if score is None else int(float(score))
