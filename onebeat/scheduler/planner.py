"""Which fires are due, which of the missed ones still run, and what does the cursor become? Pure.

A schedule's cursor is the nominal time that was decided last. Every time after it and up to now is
decided exactly once, in order: it becomes a fire, or part of a skipped stretch that is counted. The store
moves a cursor only from the value that was read, so each decision names the one it starts from.

- a fire is due at its nominal time, with `jitter` up to so much later, before the next one (`delay.py`);
  how late it is counts from there
- at most `LATE_MS` late: simply late, and run
- later than that: missed. Policy `latest` runs the newest due time alone (if that one is merely late, no
  missed one), `all` the newest `max` of them, `none` nothing; never one older than `window_ms`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from onebeat.events import SkipReason
from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Schedule, Trigger

LATE_MS = 10_000
SKIPS_MAX = 10_000  # skipped times that are counted one by one in a pass; the rest wait for the next pass


@runtime_checkable
class Countable(Protocol):
    """A trigger that knows how many fires a stretch holds without listing them."""

    def count(self, after: datetime, before: datetime) -> int:
        """How many fires lie strictly between the two."""


class Entry(NamedTuple):
    """A schedule and where it stands: `cursor_ms` is its last decided nominal time.

    `due_ms`: the first time after the cursor, when it is known already (saves asking the trigger).
    """

    schedule: Schedule
    cursor_ms: int
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of nominal times, both ends included, that will not run."""

    reason: SkipReason
    count: int
    first_ms: int
    last_ms: int


class Decision(NamedTuple):
    """One step of a schedule's cursor, from `cursor_ms` (as read) to `moved_ms`.

    `skipped` comes before `nominal_ms`, the fire; None when nothing runs in this step. `next_ms` is the
    following nominal time; it is already due when another decision of the same schedule follows.
    """

    schedule_id: str
    cursor_ms: int
    nominal_ms: int | None
    next_ms: int | None
    skipped: tuple[Skipped, ...] = ()

    @property
    def moved_ms(self) -> int:
        """The cursor after this step."""
        return self.skipped[-1].last_ms if self.nominal_ms is None else self.nominal_ms


class Plan(NamedTuple):
    """What to send, in order, and when to look again: None when nothing will be due by itself."""

    decisions: list[Decision]
    wake_at_ms: int | None


def plan(entries: Iterable[Entry], now_ms: int) -> Plan:
    """Decide everything that is due at `now_ms`. Disabled schedules are left where they are."""
    decisions: list[Decision] = []
    wake_at_ms: int | None = None
    follows = Following()
    known: dict[tuple[int, CatchUp, int, str], list[Decision]] = {}  # many schedules stand alike
    for schedule, cursor_ms, due_ms in entries:
        if not schedule.enabled:
            continue
        next_ms = follows(schedule.trigger, cursor_ms) if due_ms is None else due_ms
        if next_ms is not None and actual_ms(schedule, next_ms) <= now_ms:
            alone = schedule.id if schedule.jitter_ms else ""
            alike = id(schedule.trigger), schedule.catch_up, cursor_ms, alone
            steps = known.get(alike)
            if steps is None:
                steps = known[alike] = list(_decide(schedule, cursor_ms, next_ms, now_ms, follows))
            decisions += [Decision(schedule.id, *step[1:]) for step in steps]
            next_ms = steps[-1].next_ms
        if next_ms is None:
            continue
        due_ms = actual_ms(schedule, next_ms)
        if wake_at_ms is None or due_ms < wake_at_ms:
            wake_at_ms = due_ms
    return Plan(decisions, wake_at_ms)


class Following:
    """`trigger.next` in milliseconds, asked once where many schedules share a trigger and a time.

    It must not outlive the triggers that it was asked about.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], int | None] = {}

    def __call__(self, trigger: Trigger, after_ms: int) -> int | None:
        key = (id(trigger), after_ms)  # the entries keep their triggers alive for the whole pass
        if key not in self._known:
            found = trigger.next(at_ms(after_ms))
            self._known[key] = None if found is None else floor_ms(found)
        return self._known[key]


def _decide(
    schedule: Schedule, cursor_ms: int, due_ms: int, now_ms: int, follows: Following
) -> Iterator[Decision]:
    """The steps of one cursor, whose first due time is `due_ms`; at least one."""
    next_ms = follows(schedule.trigger, due_ms)
    following = next_ms is not None and actual_ms(schedule, next_ms) <= now_ms
    if not following and now_ms - actual_ms(schedule, due_ms) <= LATE_MS:
        yield Decision(schedule.id, cursor_ms, due_ms, next_ms)
        return
    end_ms = _end_of_due(schedule, now_ms)
    fires = _wanted(schedule, cursor_ms, end_ms, now_ms)
    skipped = _stretch(schedule.trigger, due_ms, fires[0] if fires else end_ms, follows)
    if skipped:
        next_ms = follows(schedule.trigger, skipped.last_ms)
        if not fires or next_ms != fires[0]:  # nothing runs, or the stretch continues in the next pass
            yield Decision(schedule.id, cursor_ms, None, next_ms, (skipped,))
            return
    before = (skipped,) if skipped else ()
    for nominal_ms in fires:
        yield Decision(schedule.id, cursor_ms, nominal_ms, follows(schedule.trigger, nominal_ms), before)
        cursor_ms, before = nominal_ms, ()


def _end_of_due(schedule: Schedule, now_ms: int) -> int:
    """Every nominal time before this one is due."""
    newest = schedule.trigger.prev(at_ms(now_ms + 1)) if schedule.jitter_ms else None
    if newest is not None and actual_ms(schedule, newest_ms := floor_ms(newest)) > now_ms:
        return newest_ms
    return now_ms + 1


def _wanted(schedule: Schedule, cursor_ms: int, end_ms: int, now_ms: int) -> list[int]:
    """The times after the cursor and before `end_ms` that will run, found from the newest backwards."""
    catch_up = schedule.catch_up
    missed_left = {CatchUpPolicy.LATEST: 1, CatchUpPolicy.ALL: catch_up.max, CatchUpPolicy.NONE: 0}
    left = missed_left[catch_up.policy]
    fires: list[int] = []
    at = end_ms
    while (found := schedule.trigger.prev(at_ms(at))) is not None and (at := floor_ms(found)) > cursor_ms:
        late_ms = now_ms - actual_ms(schedule, at)
        if late_ms > LATE_MS:
            merely_late = catch_up.policy is CatchUpPolicy.LATEST and fires
            if left == 0 or merely_late or late_ms > catch_up.window_ms:
                break
            left -= 1
        fires.append(at)
    return fires[::-1]


def _stretch(trigger: Trigger, first_ms: int, end_ms: int, follows: Following) -> Skipped | None:
    """The times from `first_ms`, a fire, until `end_ms` (not included); counted up to `SKIPS_MAX`."""
    if first_ms >= end_ms:
        return None
    if isinstance(trigger, Countable):
        last = trigger.prev(at_ms(end_ms))
        assert last is not None  # first_ms is one
        count = 1 + trigger.count(at_ms(first_ms), at_ms(end_ms))
        return Skipped(SkipReason.WINDOW, count, first_ms, floor_ms(last))
    count, last_ms = 1, first_ms
    while count < SKIPS_MAX and (found := follows(trigger, last_ms)) is not None and found < end_ms:
        count, last_ms = count + 1, found
    return Skipped(SkipReason.WINDOW, count, first_ms, last_ms)
