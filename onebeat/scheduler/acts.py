"""How are runs of a schedule started beside its plan: one now, or those of past times?

One protocol for the command line and for programs, blocking and asyncio. It asks the history by `Look`,
which a driver performs where blocking does no harm.
"""

from __future__ import annotations

import secrets
import typing
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from onebeat.clock import SYSTEM
from onebeat.errors import ConfigError, Refused, StoreError
from onebeat.keys import SpaceKeys, queue_keys
from onebeat.queue.control import Inserted, insert
from onebeat.queue.known import make_known
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler.instants import floor_ms
from onebeat.scheduler.schedule import Overlap, Schedule
from onebeat.scheduler.wishes import Candidate, backfilled, candidates, triggered
from onebeat.wire import Effect, Pause, Protocol

if TYPE_CHECKING:
    from onebeat.ledger import Run

T = TypeVar("T")
WITHIN_S = 10.0
KEPT_MS = 600_000  # longer than the history lags: after that it knows what was queued
_LOOK_EVERY_S = 0.3


class History(typing.Protocol):
    """Where past runs are known; each call may block."""

    def catch_up(self) -> None: ...
    def fires(self, schedule: str, first_ms: int, last_ms: int) -> Mapping[int, Run]: ...
    def last(self, schedule: str, number: int) -> Sequence[Run]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the history; blocks."""

    ask: Callable[[], Any]


Act: TypeAlias = Generator[Effect | Look, Any, T]


@dataclass(frozen=True, slots=True)
class Place:
    """The namespace in which an act happens."""

    space: SpaceKeys
    namespace: str
    ring: KeyRing = NO_KEYS  # signs what is queued


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of a backfill while it goes on. `ended`: so many more runs are over."""

    ended: Callable[[int], object] = lambda count: None
    note: Callable[[str], object] = lambda text: None


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill found and did: the times that it ran, and state → how many ended in it."""

    times: Sequence[datetime]
    ended: Mapping[str, int] = field(default_factory=dict)


def trigger(place: Place, schedule: Schedule, overlap: Overlap) -> Protocol[tuple[str, Inserted]]:
    """Queue a run of `schedule` now: its id, and what became of it.

    Raises:
        Refused: a run of it is not over, and `overlap` says that this one is not to start then; or its
            singleton is queued.
        BadPayload: its arguments cannot be stored. StoreError: the store does not answer.
    """
    asked = triggered(schedule, SYSTEM.wall_ms(), secrets.token_hex(3), overlap)
    yield from make_known(place.space, schedule.queue, within_s=WITHIN_S)
    keys = queue_keys(place.namespace, schedule.queue)
    (answer,) = yield from insert(keys, [asked], place.ring, within_s=WITHIN_S)
    if answer is Inserted.SKIPPED:
        raise Refused(f"{schedule.id} did not start: a run of it is not over, and overlap is {overlap}")
    if answer is Inserted.QUEUED:
        raise Refused(f"{schedule.id} did not start: its singleton is queued or runs (scope: queued)")
    return asked.id, answer


def past_times(
    schedule: Schedule, first: datetime, until: datetime, history: History, *, failed: bool
) -> Act[list[Candidate]]:
    """The times of `schedule` from `first` until before `until`, and which of them a backfill would run.

    Raises:
        ConfigError: the first is not before the end.
    """
    if first >= until:
        raise ConfigError(f"{first.isoformat()} is not before {until.isoformat()}: exchange them")
    known = yield Look(lambda: history.fires(schedule.id, floor_ms(first), floor_ms(until)))
    past = {at: str(run.state) for at, run in known.items()}
    return candidates(schedule, first, until, past, failed=failed)


def backfill(
    place: Place,
    schedule: Schedule,
    wanted: Sequence[int],
    history: History,
    *,
    parallel: int,
    told: Told = Told(),
) -> Act[dict[str, int]]:
    """Run past times (nominal ms), `parallel` at a time, until they are over; state → how many ended in it.

    A time runs under the id that the beat would have given it: what another one queued is waited for.
    """
    yield from make_known(place.space, schedule.queue, within_s=WITHIN_S)
    waiting, under_way, ends = list(reversed(wanted)), set[int](), Counter[str]()
    before: dict[int, Run] = {}
    while waiting or under_way:
        some = [waiting.pop() for _ in range(min(parallel - len(under_way), len(waiting)))]
        before |= yield from _runs(schedule, some, history)
        yield from _queue(place, schedule, some, told)
        under_way |= set(some)
        over = yield from _over(schedule, under_way, before, history, told)
        ends.update(over.values())
        under_way -= over.keys()
        told.ended(len(over))
        if under_way and not over:
            yield Pause(_LOOK_EVERY_S)
    return dict(ends)


def _queue(place: Place, schedule: Schedule, some: Sequence[int], told: Told) -> Protocol[None]:
    keys = queue_keys(place.namespace, schedule.queue)
    asked = [backfilled(schedule, nominal_ms) for nominal_ms in some]
    answers = yield from insert(keys, asked, place.ring, within_s=WITHIN_S, kept_ms=KEPT_MS)
    twice = answers.count(Inserted.EXISTING)
    if twice:
        told.note(
            f"{twice} time{'' if twice == 1 else 's'} of these are queued by another backfill: "
            "waiting for them"
        )


def _over(
    schedule: Schedule, under_way: set[int], before: Mapping[int, Run], history: History, told: Told
) -> Act[dict[int, str]]:
    """Which of them have ended, and how; what is as it was before it was queued has not begun."""
    from onebeat.ledger.fold import TERMINAL

    try:
        yield Look(history.catch_up)
    except StoreError as problem:
        told.note(f"still waiting: {problem}")
    now = yield from _runs(schedule, list(under_way), history)
    return {at: str(run.state) for at, run in now.items() if run.state in TERMINAL and run != before.get(at)}


def _runs(schedule: Schedule, some: Sequence[int], history: History) -> Act[dict[int, Run]]:
    if not some:
        return {}
    found = yield Look(lambda: history.fires(schedule.id, min(some), max(some)))
    return {at: found[at] for at in some if at in found}
