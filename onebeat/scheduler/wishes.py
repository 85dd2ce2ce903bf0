"""What does a person's wish for a run put into a queue, and which times would a backfill run? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from onebeat.queue.control import Ask
from onebeat.queue.record import LIVE, RECORDED, pack
from onebeat.scheduler.fires import Mould, fire_id
from onebeat.scheduler.instants import floor_ms
from onebeat.scheduler.schedule import Overlap, Schedule

BACKFILL_MAX = 100_000  # times that one backfill looks at
RAN = frozenset({"queued", "running", "retrying", "done"})  # states that a backfill leaves alone
FAILED = "dead"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A past nominal time; `state` is what the history has of it, None when it knows nothing."""

    nominal_ms: int
    state: str | None
    wanted: bool


def triggered(schedule: Schedule, now_ms: int, token: str, overlap: Overlap) -> Ask:
    """A run beside the plan, now; `token` tells two of one millisecond apart.

    Raises:
        BadPayload: its arguments cannot be stored.
    """
    return _ask(Mould(schedule), f"{fire_id(schedule.id, now_ms)}-{token}", now_ms, overlap, "trigger")


def backfilled(schedule: Schedule, nominal_ms: int) -> Ask:
    """The run of a past time, under the id that the beat would have given it.

    It holds no other fire back, and never comes too late. Raises as `triggered`.
    """
    mould = Mould(replace(schedule, expires_ms=None))
    return _ask(mould, fire_id(schedule.id, nominal_ms), nominal_ms, Overlap.ALLOW, "backfill")


def _ask(mould: Mould, id_: str, nominal_ms: int, overlap: Overlap, by: str) -> Ask:
    schedule = mould.schedule
    flags = RECORDED if overlap is Overlap.ALLOW else RECORDED | LIVE
    about = {"id": id_, "schedule": schedule.id, "task": schedule.task, "nominal_ms": nominal_ms, "by": by}
    message = mould.message(id_, nominal_ms, flags)
    return Ask(
        id=id_,
        schedule=schedule.id,
        nominal_ms=nominal_ms,
        overlap=overlap.value,
        record=pack(message),
        fields=msgspec.json.encode(about)[1:-1],
        unique=message.header.unique,
    )


def candidates(
    schedule: Schedule, first: datetime, until: datetime, known: Mapping[int, str], *, failed: bool = False
) -> list[Candidate]:
    """The times of `schedule` from `first` until before `until`, the oldest first, at most `BACKFILL_MAX`.

    `known`: nominal ms → state of what the history has. Wanted is what did not run, with `failed` also what
    failed.
    """
    found: list[Candidate] = []
    at = schedule.trigger.next(first - datetime.resolution)
    while at is not None and at < until and len(found) < BACKFILL_MAX:
        nominal_ms = floor_ms(at)
        state = known.get(nominal_ms)
        found.append(Candidate(nominal_ms, state, state not in RAN and (failed or state != FAILED)))
        at = schedule.trigger.next(at)
    return found
