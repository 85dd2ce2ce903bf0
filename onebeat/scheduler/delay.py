"""By how much does jitter delay a fire? Pure."""

from __future__ import annotations

from hashlib import blake2b

from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.schedule import Schedule


def actual_ms(schedule: Schedule, nominal_ms: int) -> int:
    """When the fire of `nominal_ms` is due: then, or later by what `jitter` draws for it."""
    if not schedule.jitter_ms:
        return nominal_ms
    following = schedule.trigger.next(at_ms(nominal_ms))
    next_ms = None if following is None else floor_ms(following)
    return nominal_ms + delay_ms(schedule.id, nominal_ms, next_ms, schedule.jitter_ms)


def delay_ms(key: str, nominal_ms: int, next_ms: int | None, jitter_ms: int) -> int:
    """From 0 to `jitter_ms`, and less than the time until the next fire; `key` is the schedule's id.

    A hash of `key` and `nominal_ms`: every process at every time has the same answer.
    """
    room_ms = jitter_ms if next_ms is None else min(jitter_ms, next_ms - nominal_ms - 1)
    draw = blake2b(f"jitter\0{key}\0{nominal_ms}".encode(), digest_size=8).digest()
    return int.from_bytes(draw, "big") % (max(0, room_ms) + 1)
