"""What would a person see who looks into the queues? Reads only, bounded, never a key listing.

Protocols, so that the blocking and the asyncio command share them: `store.run(queues(store.namespace))`.
What they show is not one snapshot: a message may be on its way between two reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from onebeat.errors import BadPayload
from onebeat.keys import QueueKeys, SpaceKeys, queue_keys
from onebeat.queue.halt import Halt
from onebeat.queue.halt import read as read_halt
from onebeat.queue.pages import WITHIN, as_ms, dated, fields, names
from onebeat.queue.record import unpack
from onebeat.wire import Command, Protocol
from onebeat.wire.store_time import store_now_ms


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue. `ready` has a count per priority, 0 first; `next_due_ms` is Redis ms; `stats` by name.

    `waiting`: until the run before them is over; `halt`: a person holds the queue back.
    """

    name: str
    ready: tuple[int, ...]
    delayed: int
    claimed: int
    dead: int
    next_due_ms: int | None
    stats: dict[str, int]
    waiting: int = 0
    halt: Halt | None = None

    @property
    def left(self) -> int:
        """What is not over: ready, delayed, waiting for another run, or with a worker."""
        return sum(self.ready) + self.delayed + self.waiting + self.claimed


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody will try again. `task` is empty when its record cannot be read."""

    id: str
    task: str
    died_ms: int
    attempt: int
    deliveries: int
    error: str
    reason: str
    traceback: str


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker process. `leases`: queue → incarnation → end of its lease, Redis ms; none: it is gone."""

    name: str
    about: dict[str, Any]
    leases: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """Where a schedule is: the last decided nominal time, the next one, and its messages not yet over.

    `paused_until_ms`: None when it is not paused, 0 until somebody resumes it; `fails`: failures in a row;
    `runs`: its fires so far, counted only where it has a limit.
    """

    cursor_ms: int
    next_ms: int | None
    live: int
    paused_until_ms: int | None = None
    paused_why: str = ""
    fails: int = 0
    runs: int = 0


def queues(namespace: str) -> Protocol[list[QueueView]]:
    """Every queue that anyone ever used, by name."""
    views = []
    for name in (yield from names(SpaceKeys(namespace).queues)):
        views.append((yield from queue(queue_keys(namespace, name))))
    return views


def queue(keys: QueueKeys) -> Protocol[QueueView]:
    """One queue, whether or not anyone used it."""
    ready = []
    for key in keys.ready:
        ready.append(int((yield Command(("LLEN", key)))))
    delayed = yield Command(("ZCARD", keys.due))
    soonest = yield from dated("ZRANGE", keys.due, 1)
    dead = yield Command(("ZCARD", keys.dead))
    claimed = 0
    for wid in (yield from _leases(keys)):
        claimed += yield from _held(keys, wid)
    waiting = yield Command(("ZCARD", keys.waiting))
    stats = yield from fields(keys.stats)
    halt = yield Command(("GET", keys.halt))
    at_ms = yield from store_now_ms()
    return QueueView(
        name=keys.queue,
        ready=tuple(ready),
        delayed=int(delayed),
        claimed=claimed,
        dead=int(dead),
        next_due_ms=soonest[0][1] if soonest else None,
        stats={name.decode(): int(count) for name, count in stats},
        waiting=int(waiting),
        halt=read_halt(halt or b"", at_ms),
    )


def dead(keys: QueueKeys, limit: int = 100) -> Protocol[list[DeadLetter]]:
    """The dead letters of a queue, last died first, at most `limit` (≤ 1 000)."""
    died = yield from dated("ZREVRANGE", keys.dead, min(limit, WITHIN))
    letters = []
    for id_, died_ms in died:
        record = yield Command(("HGET", keys.deadrec, id_))
        why = yield Command(("HGET", keys.deadwhy, id_))
        letters.append(_letter(id_, died_ms, record or b"", why or b""))
    return letters


def _letter(id_: str, died_ms: int, record: bytes, why: bytes) -> DeadLetter:
    """A dead letter stays visible whatever its record is worth."""
    known = _json(why)
    told = [str(known.get(name) or "") for name in ("error", "reason", "traceback")]
    try:
        message = unpack(record)
    except BadPayload as problem:
        return DeadLetter(id_, "", died_ms, 0, 0, told[0] or str(problem), *told[1:])
    return DeadLetter(id_, message.header.task, died_ms, message.attempt, message.deliveries, *told)


def workers(namespace: str) -> Protocol[list[WorkerView]]:
    """Who said that it works, by name, with the leases that it holds.

    A worker writes JSON about itself under its name into the namespace's `workers` hash; the member
    `queues` of it maps each queue to the incarnations (wids) that it has there.
    """
    told = yield from fields(SpaceKeys(namespace).workers)
    abouts = {name.decode(errors="replace"): _json(text) for name, text in told}
    ends: dict[str, dict[str, int]] = {}
    views = []
    for name, about in abouts.items():
        leases: dict[str, dict[str, int]] = {}
        for queue, wids in _incarnations(about).items():
            if queue not in ends:
                ends[queue] = yield from _leases(queue_keys(namespace, queue))
            leases[queue] = {wid: ends[queue][wid] for wid in wids if wid in ends[queue]}
        views.append(WorkerView(name, about, leases))
    return views


def held(namespace: str, worker: WorkerView) -> Protocol[int]:
    """How many messages a worker has claimed and not ended."""
    count = 0
    for queue, wids in _incarnations(worker.about).items():
        for wid in wids:
            count += yield from _held(queue_keys(namespace, queue), wid)
    return count


def _held(keys: QueueKeys, wid: str) -> Protocol[int]:
    # `#` is not a message but the number of the worker's last cycle
    numbered = yield Command(("HEXISTS", keys.own(wid), "#"))
    return int((yield Command(("HLEN", keys.own(wid))))) - int(numbered)


def _incarnations(about: dict[str, Any]) -> dict[str, list[str]]:
    queues_ = about.get("queues")
    if not isinstance(queues_, dict):
        return {}
    return {queue: [str(wid) for wid in wids] for queue, wids in queues_.items() if isinstance(wids, list)}


def schedules(keys: QueueKeys) -> Protocol[dict[str, ScheduleView]]:
    """The schedules that feed this queue, by id (at most 1 000)."""
    cursors = yield from fields(keys.sched)
    paused = dict((yield from fields(keys.paused)))
    fails, runs = dict((yield from fields(keys.fails))), dict((yield from fields(keys.runs)))
    views = {}
    for id_, cursor in cursors:
        next_ms = yield Command(("ZSCORE", keys.next, id_))
        live = yield Command(("HGET", keys.live, id_))
        numbers = live, fails.get(id_), runs.get(id_)
        views[id_.decode()] = _schedule(int(cursor), next_ms, paused.get(id_), numbers)
    return views


def schedule(keys: QueueKeys, id_: str) -> Protocol[ScheduleView | None]:
    """One of them; None when no beat has begun with it. (It can be paused before.)"""
    told = []
    for key in (keys.sched, keys.paused, keys.live, keys.fails, keys.runs):
        told.append((yield Command(("HGET", key, id_))))
    cursor, paused, *numbers = told
    next_ms = yield Command(("ZSCORE", keys.next, id_))
    if cursor is None and paused is None:
        return None
    return _schedule(int(cursor or 0), next_ms, paused, numbers)


def _schedule(
    cursor_ms: int, next_ms: float | bytes | None, paused: bytes | None, numbers: Sequence[bytes | None]
) -> ScheduleView:
    until, _, why = (paused or b"").decode(errors="replace").partition(" ")
    live, fails, runs = (int(number or 0) for number in numbers)
    until_ms = int(until) if until.isdigit() else None
    return ScheduleView(cursor_ms, as_ms(next_ms), live, until_ms, why, fails, runs)


def _leases(keys: QueueKeys) -> Protocol[dict[str, int]]:
    """wid → end of its lease, Redis ms."""
    return dict((yield from dated("ZRANGE", keys.lease, WITHIN)))


def _json(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`; what people cannot be shown properly is shown as empty."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
