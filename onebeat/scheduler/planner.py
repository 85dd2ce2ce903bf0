"""Which fires are due, which of the missed ones still run, and what does the cursor become? Pure.

A schedule's cursor is the nominal time that was decided last. Every time after it and up to now is
decided exactly once, in order: it becomes a fire, or part of a skipped stretch that is counted. The store
moves a cursor only from the value that was read, so each decision names the one it starts from.

- a fire is due at its nominal time, with `jitter` up to so much later, before the next one (`delay.py`);
  how late it is counts from there
- at most `LATE_MS` late: simply late, and run
- later than that: missed. Policy `latest` runs the newest due time alone (if that one is merely late, no
  missed one), `all` the newest `max` of them, `none` nothing; never one older than `window_ms`
- a time that `except` leaves out never runs; it is decided with the last one of its day (`stretches.py`)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.schedule import CatchUpPolicy, Schedule
from onebeat.scheduler.stretches import Following, Skipped, complete, leaves_out, stretches

LATE_MS = 10_000


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A schedule and where it stands: `cursor_ms` is its last decided nominal time.

    `due_ms`: `Following.due` of the cursor, when it is known already (saves asking the trigger).
    """

    schedule: Schedule
    cursor_ms: int
    due_ms: int | None = None


class Decision(NamedTuple):
    """One step of a cursor, from `cursor_ms` (as read) to `moved_ms`; schedules that stand alike share it.

    `skipped` comes before `nominal_ms`, the fire; None when nothing runs in this step. `next_ms` is the
    following nominal time; it is already due when another decision of the same schedule follows.
    """

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

    decisions: list[tuple[Schedule, Decision]]
    wake_at_ms: int | None


def plan(entries: Iterable[Entry], now_ms: int) -> Plan:
    """Decide everything that is due at `now_ms`. Disabled schedules are left where they are."""
    decisions: list[tuple[Schedule, Decision]] = []
    wake_at_ms: int | None = None
    follows = Following()
    # many schedules stand alike: their steps, and when something follows
    known: dict[tuple[int, int, int, str], tuple[list[Decision], int | None]] = {}
    for entry in entries:
        schedule, cursor_ms, next_ms = entry.schedule, entry.cursor_ms, entry.due_ms
        if not schedule.enabled:
            continue
        if next_ms is None:
            next_ms = follows.due(schedule.trigger, cursor_ms)
        jitters = schedule.jitter_ms
        if next_ms is not None and (actual_ms(schedule, next_ms) if jitters else next_ms) <= now_ms:
            alike = id(schedule.trigger), id(schedule.catch_up), cursor_ms, schedule.id if jitters else ""
            found = known.get(alike)
            if found is None:
                steps = list(_decide(schedule, cursor_ms, next_ms, now_ms, follows))
                found = known[alike] = steps, follows.due(schedule.trigger, steps[-1].moved_ms)
            steps, next_ms = found
            for step in steps:
                decisions.append((schedule, step))
        if next_ms is None:
            continue
        due_ms = actual_ms(schedule, next_ms) if jitters else next_ms
        if wake_at_ms is None or due_ms < wake_at_ms:
            wake_at_ms = due_ms
    return Plan(decisions, wake_at_ms)


def _decide(
    schedule: Schedule, cursor_ms: int, due_ms: int, now_ms: int, follows: Following
) -> Iterator[Decision]:
    """The steps of one cursor, for which something is due since `due_ms`; at least one."""
    trigger = schedule.trigger
    next_ms = follows(trigger, due_ms)
    following = next_ms is not None and actual_ms(schedule, next_ms) <= now_ms
    is_fire = not leaves_out(trigger) or follows(trigger, cursor_ms) == due_ms
    if is_fire and not following and now_ms - actual_ms(schedule, due_ms) <= LATE_MS:
        yield Decision(cursor_ms, due_ms, next_ms)
        return
    end_ms = _end_of_due(schedule, cursor_ms, now_ms)
    fires = _wanted(schedule, cursor_ms, end_ms, now_ms)
    for fire_ms in fires:
        before = stretches(trigger, cursor_ms, fire_ms, follows)
        if not complete(trigger, before, fire_ms, follows):  # the stretches go on in the next pass
            yield Decision(cursor_ms, None, follows(trigger, before[-1].last_ms), before)
            return
        yield Decision(cursor_ms, fire_ms, follows(trigger, fire_ms), before)
        cursor_ms = fire_ms
    if not fires:
        before = stretches(trigger, cursor_ms, end_ms, follows)
        yield Decision(cursor_ms, None, follows(trigger, before[-1].last_ms), before)


def _end_of_due(schedule: Schedule, cursor_ms: int, now_ms: int) -> int:
    """Every nominal time from the cursor until before this one is due."""
    newest = schedule.trigger.prev(at_ms(now_ms + 1)) if schedule.jitter_ms else None
    newest_ms = cursor_ms if newest is None else floor_ms(newest)
    undue = newest_ms > cursor_ms and actual_ms(schedule, newest_ms) > now_ms
    return newest_ms if undue else now_ms + 1


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
