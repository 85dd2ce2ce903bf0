"""What follows from how a run ended? Pure.

One table from `End` to `Move`; everything that decides about trying again is here.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from onebeat.events import Event, SkipReason
from onebeat.queue.cycle import Settled, kept_value
from onebeat.queue.parking import parking
from onebeat.queue.record import LIVE, RECORDED, Message, RetryPolicy, event_line, pack
from onebeat.queue.states import MOVES, Move
from onebeat.worker.outcome import End, Outcome
from onebeat.worker.retry import delay_after

LOST_MAX = 3  # losing a lease is no fault of the task: it is tried so often whatever its policy says
LOST_DELAY_MS = 1_000
PARK_DELAY_MS = 10_000
PARK_MAX_MS = 3_600_000  # a task that no worker knows for an hour is dead


class Verdict(msgspec.Struct, frozen=True):
    """The move that a message makes; RETRY waits `delay_ms`; `counted` when an attempt was used up."""

    move: Move
    delay_ms: int = 0
    reason: str = ""
    counted: bool = True


FINISHED = Verdict(Move.FINISH)
# whatever the policy says
_ALWAYS = {
    End.DONE: FINISHED,
    End.CONFLICT: Verdict(Move.SKIP, reason=SkipReason.SINGLETON.value),
    End.UNBOUNDED: Verdict(Move.RELEASE, reason="concurrency", counted=False),
    End.EXPIRED: Verdict(Move.EXPIRE, reason=SkipReason.EXPIRED.value),
    End.CANCELLED: Verdict(Move.CANCEL, reason="cancelled"),
    End.CUT: Verdict(Move.RELEASE, reason="shutdown", counted=False),
}
_EVENTS = {Move.RETRY: Event.RETRIED, Move.PARK: Event.PARKED, Move.RELEASE: Event.RELEASED}


def after(message: Message, outcome: Outcome, policy: RetryPolicy, luck: float) -> Verdict:
    """The move of `message` after `outcome` under its retry `policy`; `luck` in [0, 1)."""
    tried = message.attempt + 1
    if outcome.end in _ALWAYS:
        return _ALWAYS[outcome.end]
    match outcome.end:
        case End.PARKED:
            return Verdict(Move.PARK, outcome.after_ms or 0, "parked", counted=False)
        case End.UNKNOWN if outcome.ended_ms - message.enqueued_ms < PARK_MAX_MS:
            return Verdict(Move.RETRY, PARK_DELAY_MS, "unknown task", counted=False)
        case End.LOST if tried <= max(policy.max, LOST_MAX):
            return Verdict(Move.RETRY, round(LOST_DELAY_MS * (1 + luck)), "lease lost")
        case End.FAILED | End.RETRY if tried <= policy.max:
            wait = outcome.after_ms if outcome.after_ms is not None else delay_after(tried, policy, luck)
            return Verdict(Move.RETRY, wait, "failed")
    return Verdict(Move.BURY, reason=outcome.end.value)


def settle(message: Message, outcome: Outcome, verdict: Verdict, worker: str) -> Settled:
    """What `cycle` is told: the verdict with the next record, the reason of a death, the event."""
    if verdict is FINISHED and not outcome.keep_ms and _smooth(message):
        return Settled(message.id, Move.FINISH, counted=_counted(message))
    record, why = b"", b""
    if verdict.move in (Move.RETRY, Move.BURY):
        # what failed once is followed to its end in the history
        flags = message.flags | RECORDED
        record = pack(replace(message, attempt=message.attempt + verdict.counted, flags=flags))
    if verdict.move is Move.RELEASE:
        record = outcome.record
    if verdict.move is Move.PARK:
        record, why = pack(message), parking(outcome.lock, outcome.keep)
    if verdict.move is Move.BURY:
        why = msgspec.json.encode(
            {"error": outcome.error, "reason": verdict.reason, "traceback": outcome.trace, "worker": worker}
        )
    return Settled(
        id=message.id,
        move=verdict.move,
        delay_ms=verdict.delay_ms,
        record=record,
        why=why,
        counted=_counted(message),
        event=_event(message, outcome, verdict, worker),
        lock=outcome.lock,
        more=kept_value(outcome.keep_ms, outcome.value) if outcome.keep_ms else b"",
    )


def _counted(message: Message) -> str:
    """The schedule whose count of living messages it leaves."""
    return message.header.schedule if message.flags & LIVE else ""


def _smooth(message: Message) -> bool:
    """Whether nothing about it needs telling so far: an ad-hoc call at its first try."""
    return not (message.attempt or message.deliveries or message.flags & RECORDED)


def _event(message: Message, outcome: Outcome, verdict: Verdict, worker: str) -> bytes:
    """Its line in the log: every run of a schedule, every failure, and the end of what once went wrong."""
    if _smooth(message) and verdict.move not in (Move.BURY, Move.RETRY):
        return b""
    header = message.header
    event = _EVENTS.get(verdict.move, Event.ENDED)
    ended = event is Event.ENDED
    return event_line(
        event,
        message.id,
        schedule=header.schedule or None,
        task=header.task,
        nominal_ms=header.nominal_ms,
        attempt=message.attempt + 1,
        worker=worker,
        started_ms=outcome.started_ms or None,
        ended_ms=outcome.ended_ms or None,
        error=outcome.error or None,
        delay_ms=None if ended else verdict.delay_ms,
        state=MOVES[verdict.move][1].value if ended else None,
        reason=verdict.reason or ("replayed" if outcome.replayed else None),
    )
