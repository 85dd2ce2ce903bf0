"""How does a beat put fires into a queue so that each happens once, with any number of beats?

Three calls: `adopt` (is my configuration the newest?), `enrol` (where are the cursors?), `emit` (queue
these fires if their cursors are still where I read them). Safety rests on the compare-and-set of the
cursor alone; who is leader only saves work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from onebeat.keys import QueueKeys
from onebeat.queue.enqueue import unique_field
from onebeat.queue.scripts import ADOPT, EMIT, ENROL, LOG_MAX, REVISE, WAIT_MAX
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.wire import Protocol, insist

STALE_MS = 5_000  # a configuration that no beat ran for so long gives way to an older one
EMIT_MAX = 128  # fires in one call
READING = ""  # no configuration: who only wants to read cursors
NO_RUNS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether this is the newest, at Redis time `now_ms`.

    `made`: the newest revision of what programs made, that any beat has brought to this queue. `born`: when
    the store began to know this queue's schedules, µs; another one after it lost its data.
    """

    now_ms: int
    newest: bool
    generation: int
    made: int = 0
    born: int = 0


class Fire(msgspec.Struct, frozen=True, gc=False):
    """One decision to carry out: move the cursor from `cursor_ms` (as read) to `to_ms`.

    `limit`: how many fires there may be in all; `pause_after`: failures in a row that pause the schedule.
    `record` is the message to queue, empty when the decision only skips, `task` what its event says of it.
    `skipped` are the JSON lines of skipped stretches, `skips` their reasons with the number of times:
    `window=4,excluded=1`. `unique` names a singleton that is queued once, until it is over.
    """

    schedule: str
    cursor_ms: int
    to_ms: int
    next_ms: int | None
    overlap: str
    limit: int | None = None
    pause_after: int | None = None
    record: bytes = b""
    task: str = ""
    skipped: bytes = b""
    skips: str = ""
    unique: str = ""


class Fate(StrEnum):
    """What became of a fire."""

    EMITTED = "emitted"
    SKIPPED = "skipped"
    MOVED = "moved"
    EARLY = "early"
    STALE = "stale"


class Answer(NamedTuple):
    """A fire's fate; `cursor_ms` is the stored cursor when it had moved, None when there is none."""

    fate: Fate
    cursor_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """Redis time and one answer per fire, in order."""

    now_ms: int
    answers: Sequence[Answer]


def adopt(
    keys: QueueKeys, config: str, *, within_s: float, stale_ms: int = STALE_MS, revision: int | None = None
) -> Protocol[Standing]:
    """Say that this beat runs configuration `config` (a hash), and `revision` of what programs made."""
    call = ADOPT.call(
        gen=keys.gen, seen=keys.seen, config=config, stale_ms=stale_ms, revision=_spelled(revision)
    )
    now, newest, generation, made, born = yield from insist(call, within_s=within_s)
    return Standing(int(now), bool(newest), int(generation), int(made), int(born))


def revise(keys: QueueKeys, revision: int, *ids: str, within_s: float) -> Protocol[bool]:
    """Make `revision` of what programs made the oldest that may emit; forget the state of `ids`.

    False, and nothing is done, when a newer one counts already.
    """
    call = REVISE.call(
        gen=keys.gen,
        sched=keys.sched,
        next=keys.next,
        paused=keys.paused,
        fails=keys.fails,
        runs=keys.runs,
        revision=revision,
        ids=ids,
    )
    return bool((yield from insist(call, within_s=within_s)))


def enrol(
    keys: QueueKeys,
    config: str,
    starts: Sequence[tuple[str, int | None]],
    *,
    within_s: float,
    start_ms: int | None = None,
    runs: Mapping[str, int] = NO_RUNS,
    revision: int | None = None,
    born: int | None = None,
) -> Protocol[tuple[int, list[int | None]]]:
    """Redis now and the cursor of each schedule of `starts`, in order.

    A schedule without a cursor gets its start (None: `start_ms`, or now) and the number of fires that it had
    until then, unless this configuration is not the newest, or the store has lost its data since `adopt` told
    `born`: then its cursor is None. Under `READING` none gets any.
    """
    rows = [
        id_ if start is None and id_ not in runs else f"{id_} {_spelled(start)} {runs.get(id_, '')}"
        for id_, start in starts
    ]
    now, *cursors = yield from insist(
        ENROL.call(
            gen=keys.gen,
            sched=keys.sched,
            runs=keys.runs,
            config=config,
            revision=_spelled(revision),
            born=_spelled(born),
            start=_spelled(start_ms),
            schedules=rows,
        ),
        within_s=within_s,
    )
    return int(now), [int(cursor) if cursor else None for cursor in cursors]


def emit(
    keys: QueueKeys,
    config: str,
    fires: Sequence[Fire],
    ring: KeyRing = NO_KEYS,
    *,
    within_s: float,
    revision: int | None = None,
) -> Protocol[Emitted]:
    """Carry out at most `EMIT_MAX` fires. A call that is sent again answers MOVED to where it moved."""
    now, *answers = yield from insist(
        EMIT.call(
            gen=keys.gen,
            sched=keys.sched,
            next=keys.next,
            live=keys.live,
            ready=keys.ready,
            due=keys.due,
            duerec=keys.duerec,
            waiting=keys.waiting,
            waitrec=keys.waitrec,
            cutoff=keys.cutoff,
            paused=keys.paused,
            fails=keys.fails,
            runs=keys.runs,
            bell=keys.bell,
            stats=keys.stats,
            log=keys.log,
            unique=keys.unique,
            parked=keys.parked,
            parkedof=keys.parkedof,
            config=config,
            revision=_spelled(revision),
            log_max=LOG_MAX,
            wait_max=WAIT_MAX,
            fires=_rows(fires, ring, keys.prefix),
        ),
        within_s=within_s,
    )
    return Emitted(int(now), [_PLAIN.get(text) or _answer(text) for text in answers])


def _spelled(number: int | None) -> int | str:
    return "" if number is None else number


_json = msgspec.json.Encoder().encode


def _rows(fires: Sequence[Fire], ring: KeyRing, prefix: str) -> list[tuple[str | bytes, ...]]:
    """Rows of `emit.lua`'s ARGV: few texts, each costs both sides more than its bytes."""
    rows: list[tuple[str | bytes, ...]] = []
    step, written = b"", None  # of the fire before: those that stand alike come one after the other
    for fire in fires:
        alike = (
            *(fire.cursor_ms, fire.to_ms, fire.next_ms, fire.overlap, fire.limit, fire.pause_after),
            *(fire.skips, fire.unique, fire.task, fire.skipped),
        )
        if alike != written:
            step, written = _step(fire), alike
        rows.append((fire.schedule, step, ring.seal(prefix, fire.record)))
    return rows


def _step(fire: Fire) -> bytes:
    words = (
        *(_spelled(fire.cursor_ms), _spelled(fire.to_ms), _spelled(fire.next_ms), fire.overlap),
        *(_spelled(fire.limit), _spelled(fire.pause_after), fire.skips, unique_field(fire.unique)),
    )
    return b"%s %s\n%s" % (" ".join(map(str, words)).encode(), _json(fire.task), fire.skipped)


_PLAIN = {fate.value.encode(): Answer(fate) for fate in Fate}


def _answer(text: bytes) -> Answer:
    word, _, cursor = text.decode().partition(" ")
    return Answer(Fate(word), int(cursor) if cursor else None)
