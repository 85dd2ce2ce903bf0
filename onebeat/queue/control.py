"""How does a person hold schedules back, start runs beside the plan, and end what is queued or runs?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from onebeat.events import Event
from onebeat.keys import QueueKeys
from onebeat.queue.enqueue import unique_field
from onebeat.queue.operators import shortened
from onebeat.queue.record import event_line
from onebeat.queue.scripts import BATCH_MAX, CANCEL, INSERT, LOG_MAX, PAUSE, RESUME, WAIT_MAX
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.wire import Protocol, insist

CANCEL_STANDS_MS = 86_400_000  # a message that stays in its list for longer runs after all
INSERT_KEPT_MS = 86_400_000  # a run that was asked for is not queued again for so long


class Inserted(StrEnum):
    """What became of a run that a person asked for."""

    EMITTED = "emitted"
    WAITS = "waits"  # for the end of the run before it
    SKIPPED = "skipped"  # the run before it is not over
    QUEUED = "queued"  # another message is queued for its singleton
    EXISTING = "existing"  # asked for before


@dataclass(frozen=True, slots=True)
class Ask:
    """A run to queue beside the plan. `fields`: JSON members (without braces) of its event.

    `unique` names a singleton that is queued once, until it is over.
    """

    id: str
    schedule: str
    nominal_ms: int
    overlap: str
    record: bytes
    fields: bytes
    unique: str = ""


def insert(
    keys: QueueKeys,
    asked: Sequence[Ask],
    ring: KeyRing = NO_KEYS,
    *,
    within_s: float,
    kept_ms: int = INSERT_KEPT_MS,
) -> Protocol[list[Inserted]]:
    """Queue runs; no cursor moves, and no id is queued again within `kept_ms`."""
    answers: list[Inserted] = []
    for start in range(0, len(asked), BATCH_MAX):
        some = asked[start : start + BATCH_MAX]
        call = INSERT.call(
            live=keys.live,
            ready=keys.ready,
            waiting=keys.waiting,
            waitrec=keys.waitrec,
            cancel=keys.cancel,
            cutoff=keys.cutoff,
            bell=keys.bell,
            stats=keys.stats,
            log=keys.log,
            unique=keys.unique,
            uniq=[keys.uniq(f"run:{one.id}") for one in some],
            token=secrets.token_hex(8),
            kept_ms=kept_ms,
            wait_max=WAIT_MAX,
            log_max=LOG_MAX,
            asked=[_row(one, ring.seal(keys.prefix, one.record)) for one in some],
        )
        answers += [Inserted(answer.decode()) for answer in (yield from insist(call, within_s=within_s))]
    return answers


def _row(one: Ask, record: bytes) -> tuple[str | int | bytes, ...]:
    """The row of `insert.lua`'s ARGV."""
    unique = unique_field(one.unique)
    return one.id, one.schedule, one.nominal_ms, one.overlap, record, one.fields, unique


def pause(
    keys: QueueKeys, schedule: str, *, reason: str, until_ms: int = 0, within_s: float
) -> Protocol[bool]:
    """Skip the fires of `schedule` from now on, those before `until_ms` or (0) until it is resumed.

    False when it is paused like this already.
    """
    why = shortened(reason)
    line = event_line(Event.PAUSED, schedule, schedule=schedule, reason=why, until_ms=until_ms or None)
    call = PAUSE.call(
        paused=keys.paused,
        log=keys.log,
        schedule=schedule,
        until_ms=until_ms,
        why=why,
        line=line,
        log_max=LOG_MAX,
    )
    return bool((yield from insist(call, within_s=within_s)))


def resume(keys: QueueKeys, schedule: str, *, within_s: float) -> Protocol[bool]:
    """Let `schedule` fire again; what it missed stays skipped. False when it was not paused."""
    line = event_line(Event.RESUMED, schedule, schedule=schedule)
    call = RESUME.call(
        paused=keys.paused, fails=keys.fails, log=keys.log, schedule=schedule, line=line, log_max=LOG_MAX
    )
    return bool((yield from insist(call, within_s=within_s)))


def cancel(
    keys: QueueKeys, ids: Sequence[str], *, within_s: float, stands_ms: int = CANCEL_STANDS_MS
) -> Protocol[list[bool]]:
    """End messages, in order: True when one is over at once, False when the worker that has it is told.

    What is in a list ends when a worker takes it. An id that nobody knows is forgotten after `stands_ms`.
    """
    over: list[bool] = []
    for start in range(0, len(ids), BATCH_MAX):
        call = CANCEL.call(
            ready=keys.ready,
            due=keys.due,
            duerec=keys.duerec,
            live=keys.live,
            waiting=keys.waiting,
            waitrec=keys.waitrec,
            cancel=keys.cancel,
            cutoff=keys.cutoff,
            bell=keys.bell,
            stats=keys.stats,
            log=keys.log,
            unique=keys.unique,
            parked=keys.parked,
            parkedof=keys.parkedof,
            awaited=keys.awaited,
            results=keys.results,
            kept=keys.kept,
            stands_ms=stands_ms,
            log_max=LOG_MAX,
            ids=ids[start : start + BATCH_MAX],
        )
        over += [answer == b"cancelled" for answer in (yield from insist(call, within_s=within_s))]
    return over
