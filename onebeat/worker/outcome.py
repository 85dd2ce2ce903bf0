"""How can a run end? Pure."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class End(StrEnum):
    """The ways in which one execution ends."""

    DONE = "done"
    FAILED = "failed"
    RETRY = "retry"  # the task raised Retry
    FATAL = "fatal"  # trying again cannot help: bad arguments, idempotency conflict, misuse
    LOST = "lost"  # the lease or the fence was lost, or the store went away: the effect was rolled back
    CONFLICT = "conflict"  # the singleton is held and says `skip`
    PARKED = "parked"  # the singleton is held and says `park`
    UNBOUNDED = "unbounded"  # its task has bounds that it does not say yet
    UNKNOWN = "unknown"  # no such task here (a rolling deploy)
    EXPIRED = "expired"
    CANCELLED = "cancelled"  # somebody asked for its end
    CUT = "cut"  # shutdown: not over, goes back to the front


class Outcome(msgspec.Struct, frozen=True):
    """The end of one execution. `error` is one line for people, `trace` the whole traceback.

    `value` is what it returned, as it is stored, where that is kept for `keep_ms`. `lock` and `keep`: which
    lock a parked message waits for, and whether beside others. `record`: as what an unbounded one goes back.
    """

    end: End
    value: bytes = b""
    keep_ms: int = 0
    error: str = ""
    trace: str = ""
    after_ms: int | None = None
    lock: str = ""
    keep: str = ""
    record: bytes = b""
    replayed: bool = False
    started_ms: int = 0
    ended_ms: int = 0


def line_of(problem: BaseException) -> str:
    """`Type: text` in one line of at most 500 characters; survives an exception whose text raises."""
    try:
        text = " ".join(str(problem).split())
    except Exception as broken:
        text = f"(its text cannot be shown: {type(broken).__name__})"
    line = f"{type(problem).__name__}: {text}"[:500] if text else type(problem).__name__
    return storable(line)


def storable(text: str) -> str:
    """`text` as JSON can carry it: errors name files, and a name that is not UTF-8 has lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
