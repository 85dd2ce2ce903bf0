"""What does an event of the log change in the history's row of its run? Pure.

Each row remembers the place in the log of the last event it took in. What is older changes nothing
but the blanks, so a log that is read again, from its start even, leaves the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from onebeat.events import Event
from onebeat.keys import SCHEDULE_ID
from onebeat.ledger.log import Line


class RunState(StrEnum):
    """Where a run is; `TERMINAL` are the states that end it."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    DEAD = "dead"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_FIRE_ID = re.compile(
    rf"(?P<schedule>{SCHEDULE_ID.pattern})@(?P<nominal_ms>[0-9]{{1,15}})(?:-[A-Za-z0-9_-]+)?", re.ASCII
)
TERMINAL = frozenset({RunState.DONE, RunState.DEAD, RunState.SKIPPED, RunState.CANCELLED, RunState.EXPIRED})
_SPELLED = {"failed": "dead"}  # how a message died is in `reason`


@dataclass(frozen=True, slots=True)
class Run:
    """One row of the history. Times in ms since the epoch; None where no event has told it.

    A row with state `skipped` stands for `count` nominal times from `first_ms` to `nominal_ms`.
    """

    namespace: str
    id: str
    queue: str
    at_ms: int  # the nominal time, or the first event's: what lists are sorted by
    schedule: str | None = None
    task: str | None = None
    nominal_ms: int | None = None
    emitted_ms: int | None = None
    claimed_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    state: str = RunState.QUEUED
    attempt: int | None = None
    deliveries: int | None = None
    worker: str | None = None
    error: str | None = None
    reason: str | None = None
    count: int = 1
    first_ms: int | None = None
    seen: str = ""


def born(line: Line, namespace: str, queue: str) -> Run:
    """The row of a run that the history has not heard of; its `emitted` may have been trimmed."""
    schedule, nominal_ms = line.text("schedule"), line.number("nominal_ms")
    fire = _FIRE_ID.fullmatch(line.id)
    if fire:
        schedule = schedule or fire["schedule"]
        nominal_ms = int(fire["nominal_ms"]) if nominal_ms is None else nominal_ms
    at_ms = line.at_ms if nominal_ms is None else nominal_ms
    return Run(namespace, line.id, queue, at_ms, schedule=schedule, nominal_ms=nominal_ms)


def applied(run: Run, line: Line) -> Run:
    """`run` after `line`. Events that this version does not know change nothing."""
    change = _CHANGES.get(line.event)
    if change is None:
        return run
    changes = change(run, line)
    fresh = line.place > run.seen
    ends_it = changes.get("state") in TERMINAL and run.state not in TERMINAL
    if fresh or ends_it:  # an end counts even after the log began anew on a server whose clock is behind
        if run.state in TERMINAL and changes.get("state", run.state) not in TERMINAL:
            changes = {"ended_ms": None, "error": None, "reason": None} | changes  # redriven, or queued again
        run = replace(run, **changes, seen=max(line.place, run.seen))
    return _filled(run, line)


def _filled(run: Run, line: Line) -> Run:
    """Blanks that any event may fill, however old it is."""
    known: dict[str, Any] = {
        "schedule": line.text("schedule"),
        "task": line.text("task"),
        "nominal_ms": line.number("nominal_ms"),
        "emitted_ms": line.at_ms if line.event == Event.EMITTED else None,
    }
    blanks = {
        name: value for name, value in known.items() if value is not None and getattr(run, name) is None
    }
    return replace(run, **blanks) if blanks else run


def _emitted(_run: Run, line: Line) -> dict[str, Any]:
    told = {"state": RunState.QUEUED, "emitted_ms": line.at_ms}
    by = line.text("by")  # a person, not the plan
    return told | {"reason": by} if by else told


def _skipped(run: Run, line: Line) -> dict[str, Any]:
    if run.state in TERMINAL and run.state != RunState.SKIPPED:
        return {}  # decided again after the store lost data: it has run, whatever its policy says now
    return {
        "state": RunState.SKIPPED,
        "ended_ms": line.at_ms,
        "reason": line.text("reason"),
        "count": max(1, line.number("count") or 1),
        "first_ms": line.number("first_ms"),
    }


def _claimed(_run: Run, line: Line) -> dict[str, Any]:
    return {
        "state": RunState.RUNNING,
        "claimed_ms": line.at_ms,
        "worker": line.text("worker"),
        "deliveries": line.number("deliveries"),
    }


def _over(run: Run, line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {name: line.number(name) for name in ("attempt", "started_ms", "ended_ms")}
    told |= {name: line.text(name) for name in ("worker", "error", "reason")}
    told["ended_ms"] = told["ended_ms"] or line.at_ms
    # a later success keeps no error; what the event leaves out (a cancelled message has no worker) stays
    return {name: value for name, value in told.items() if value is not None or name == "error"}


def _ended(run: Run, line: Line) -> dict[str, Any]:
    state = (line.text("state") or RunState.DONE).lower()
    return _over(run, line) | {"state": _SPELLED.get(state, state)}


def _retried(run: Run, line: Line) -> dict[str, Any]:
    return _over(run, line) | {"state": RunState.RETRYING}


def _parked(_run: Run, line: Line) -> dict[str, Any]:
    return {"state": RunState.QUEUED, "worker": None, "error": line.text("error")}


def _returned(_run: Run, line: Line) -> dict[str, Any]:
    deliveries = line.number("deliveries")
    told = {"state": RunState.QUEUED, "worker": None}
    return told if deliveries is None else told | {"deliveries": deliveries}


def _redriven(_run: Run, line: Line) -> dict[str, Any]:
    told = {"state": RunState.QUEUED, "worker": None, "attempt": None, "deliveries": None}
    return told | {"reason": _by_whom("redriven", line)}


def _discarded(_run: Run, line: Line) -> dict[str, Any]:
    return {"state": RunState.DEAD, "reason": _by_whom("discarded", line)}


def _by_whom(act: str, line: Line) -> str:
    """`redriven by alice@web-1: the code is mended`."""
    by, reason = line.text("by"), line.text("reason")
    return act + (f" by {by}" if by else "") + (f": {reason}" if reason else "")


_CHANGES: Mapping[str, Callable[[Run, Line], dict[str, Any]]] = {
    Event.EMITTED: _emitted,
    Event.SKIPPED: _skipped,
    Event.CLAIMED: _claimed,
    Event.ENDED: _ended,
    Event.RETRIED: _retried,
    Event.PARKED: _parked,
    Event.RECOVERED: _returned,
    Event.RELEASED: _returned,
    Event.REDRIVEN: _redriven,
    Event.DISCARDED: _discarded,
    # LATE_ACK is not here: a former owner's end changed nothing, so it changes nothing here
}
