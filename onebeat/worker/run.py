"""How does one message run? Lock, ledger, handler, verdict."""

from __future__ import annotations

import asyncio
import functools
import traceback
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from onebeat.errors import (
    BadPayload,
    Fenced,
    IdempotencyConflict,
    LeaseLost,
    LedgerMisuse,
    StoreError,
    UnknownTask,
)
from onebeat.failpoints import reach
from onebeat.ledger import Done
from onebeat.queue.record import Message
from onebeat.worker.bench import Bench, singleton_of
from onebeat.worker.outcome import End, Outcome, line_of, storable
from onebeat.worker.prepared import Grip, Ready
from onebeat.worker.retry import Retry
from onebeat.worker.threads import Cancelled
from onebeat.worker.turn import Conflict, Parked

if TYPE_CHECKING:
    from onebeat.worker.task import Task

_TOLD = (asyncio.CancelledError, Cancelled)  # how a run learns that its end is wanted


class Expired(Exception):
    """The message may not start any more."""


# Checked in order; what is not here is the task's own failure.
_ENDS: tuple[tuple[type[BaseException], End], ...] = (
    (Conflict, End.CONFLICT),
    (Parked, End.PARKED),
    (Expired, End.EXPIRED),
    (UnknownTask, End.UNKNOWN),
    (BadPayload, End.FATAL),
    (IdempotencyConflict, End.FATAL),
    (LedgerMisuse, End.FATAL),
    (LeaseLost, End.LOST),
    (Fenced, End.LOST),
    (StoreError, End.LOST),
    (Retry, End.RETRY),
)


async def run_one(message: Message, fence: int, now_ms: int, bench: Bench, queue: str) -> Outcome:
    """The outcome of running `message`, claimed of `queue` with `fence` at `now_ms` (Redis). Never raises."""
    started_ms = bench.clock.wall_ms()
    ready: Ready | None = None
    try:
        ready = _prepared(message, fence, now_ms, bench)
        rule = singleton_of(ready)
        if rule is None:
            result = await bench.perform(ready, None)
        else:
            async with bench.hold(ready, rule, queue) as lease:
                reach("run.held")
                result = await bench.perform(ready, lease)
        return _done(result, ready, started_ms, bench)
    except BaseException as problem:  # whatever a handler raises is an outcome, SystemExit included
        wanted = message.id in bench.cancelled
        task = ready.task if ready else None
        failed = outcome_of(problem, task, cut=bench.cutting(), cancelled=wanted)
        return replace(failed, started_ms=started_ms, ended_ms=bench.clock.wall_ms())


def run_here(message: Message, fence: int, now_ms: int, bench: Bench, lease: Grip | None = None) -> Outcome:
    """`run_one` of a task that blocks and has this thread for itself; others keep its `lease`."""
    started_ms = bench.clock.wall_ms()
    ready: Ready | None = None
    try:
        ready = _prepared(message, fence, now_ms, bench)
        work = functools.partial(bench.perform_here, ready, lease)
        if ready.hard_ms is None:
            result = bench.threads.cancellable(message.id, work, ready.timeout_s)
        else:
            with bench.limited(ready):
                result = bench.threads.cancellable(message.id, work, ready.timeout_s)
        return _done(result, ready, started_ms, bench)
    except BaseException as problem:
        task = ready.task if ready else None
        failed = outcome_of(problem, task, cut=False, cancelled=message.id in bench.cancelled)
        return replace(failed, started_ms=started_ms, ended_ms=bench.clock.wall_ms())


def _prepared(message: Message, fence: int, now_ms: int, bench: Bench) -> Ready:
    expires_at_ms = message.header.expires_at_ms
    if expires_at_ms is not None and now_ms > expires_at_ms:
        raise Expired(f"claimed {now_ms - expires_at_ms} ms after it expired")
    check_wanted(message, bench)
    ready = bench.prepare(message, fence)
    note_prepared()
    return ready


# The moments of every run, the short ones of `plain.py` too; each failpoint is one place.


def begins_s(bench: Bench) -> float:
    """A run begins: when, monotonic."""
    reach("run.claimed")
    return bench.clock.mono_s()


def note_prepared() -> None:
    """Its arguments are known, and its function is about to be called."""
    reach("run.prepared")


def ends_ms(bench: Bench, began_s: float) -> float:
    """It has ended: how long it took, ms."""
    reach("run.ended")
    return (bench.clock.mono_s() - began_s) * 1000


def check_wanted(message: Message, bench: Bench) -> None:
    """Return if nobody asked for its end.

    Raises:
        Cancelled: somebody did.
    """
    if message.id in bench.cancelled:
        raise Cancelled("it was cancelled before it began")


def _done(result: Any, ready: Ready, started_ms: int, bench: Bench) -> Outcome:
    if isinstance(result, Outcome):  # of another process
        return replace(result, started_ms=started_ms, ended_ms=bench.clock.wall_ms())
    replayed = isinstance(result, Done) and result.replayed
    if replayed and ready.wanted:  # an earlier attempt returned it
        ready.recall(result.result, result.note)
    return Outcome(
        End.DONE,
        ready.value,
        ready.keep_ms,
        replayed=replayed,
        started_ms=started_ms,
        ended_ms=bench.clock.wall_ms(),
    )


def outcome_of(
    problem: BaseException, task: Task[Any, Any] | None, *, cut: bool, cancelled: bool = False
) -> Outcome:
    """What `problem` means for the message; `task` when it was about to be called, `cut` when this worker is
    cancelling its runs, `cancelled` when somebody asked for the end of this one."""
    if cancelled and not cut:  # also what was to be tried again: nobody wants it any more
        return Outcome(End.CANCELLED, error="" if isinstance(problem, _TOLD) else line_of(problem))
    end = next((end for kind, end in _ENDS if isinstance(problem, kind)), End.FAILED)
    if isinstance(problem, asyncio.CancelledError) and task is not None:
        end = End.CUT if cut else End.FAILED
    if end is End.FAILED and task is not None and not task.wants_again(type(problem)):
        end = End.FATAL
    if isinstance(problem, Parked):
        return Outcome(
            end, error=str(problem), after_ms=problem.after_ms, lock=problem.lock, keep=problem.keep
        )
    if end in (End.CONFLICT, End.EXPIRED):  # answers, not errors
        return Outcome(end, error=str(problem))
    return Outcome(
        end, error=line_of(problem), trace=_trace(problem), after_ms=getattr(problem, "after_ms", None)
    )


def _trace(problem: BaseException) -> str:
    try:
        return storable("".join(traceback.format_exception(problem))[-16_384:])
    except Exception:  # an exception whose repr raises must not cost the message
        return storable("".join(traceback.format_tb(problem.__traceback__))[-16_384:])
