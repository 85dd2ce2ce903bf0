"""Which times between two of a schedule will not run, and why? Pure.

Stretches of times without a break are counted, not listed: a second's schedule that leaves a week out is a
few rows of the history. `except` leaves out whole days, and what it leaves out on a day is decided with the
last time of that day, so nobody waits for the next fire to be told, and nobody is told every second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol, TypeGuard, runtime_checkable

from onebeat.events import SkipReason
from onebeat.scheduler.instants import at_ms, floor_ms
from onebeat.scheduler.schedule import Trigger

SKIPS_MAX = 10_000  # times that are counted one by one in a pass; the rest wait for the next pass
STRETCHES_MAX = 100  # in one step of a cursor


@runtime_checkable
class Countable(Protocol):
    """A trigger that knows how many fires a stretch holds without listing them."""

    def count(self, after: datetime, before: datetime) -> int:
        """How many fires lie strictly between the two."""


class Excluding(Trigger, Protocol):
    """A trigger that leaves out times of another one, `trigger`."""

    trigger: Trigger

    def excludes(self, fire: datetime) -> bool:
        """Is this fire of `trigger` left out?"""

    def next_excluded(self, after: datetime, before: datetime) -> datetime | None:
        """The first fire of `trigger` strictly between the two that is left out."""

    def due(self, after: datetime) -> datetime | None:
        """The next fire, or before it the time at which what is left out has to be told."""


def leaves_out(trigger: Trigger) -> TypeGuard[Excluding]:
    """Does it leave out times of another trigger?"""
    return _leaves_out(type(trigger))


@cache
def _leaves_out(kind: type) -> bool:  # to look into a protocol takes as long as many answers of a trigger
    return hasattr(kind, "next_excluded")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of nominal times, both ends included, that will not run."""

    reason: SkipReason
    count: int
    first_ms: int
    last_ms: int


class Following:
    """`trigger.next` in milliseconds, asked once where many schedules share a trigger and a time.

    It must not outlive the triggers that it was asked about.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], int | None] = {}
        self._due: dict[tuple[int, int], int | None] = {}

    def __call__(self, trigger: Trigger, after_ms: int) -> int | None:
        key = (id(trigger), after_ms)  # the entries keep their triggers alive for the whole pass
        try:
            return self._known[key]
        except KeyError:
            found = trigger.next(at_ms(after_ms))
            next_ms = self._known[key] = None if found is None else floor_ms(found)
            return next_ms

    def due(self, trigger: Trigger, after_ms: int) -> int | None:
        """When something has to be decided: at the next fire, or before it for times that are left out."""
        key = (id(trigger), after_ms)
        try:
            return self._due[key]
        except KeyError:
            if leaves_out(trigger):
                found = trigger.due(at_ms(after_ms))
                due_ms = None if found is None else floor_ms(found)
            else:
                due_ms = self(trigger, after_ms)
            self._due[key] = due_ms
            return due_ms


def stretches(trigger: Trigger, after_ms: int, end_ms: int, follows: Following) -> tuple[Skipped, ...]:
    """The stretches of times strictly between the two, in order; perhaps only the first of them.

    Where they end too early, the first time that is missing comes with the next pass.
    """
    return tuple(_found(trigger, after_ms, end_ms, follows))


def _found(trigger: Trigger, after_ms: int, end_ms: int, follows: Following) -> Iterator[Skipped]:
    left = SKIPS_MAX
    excluding = trigger if leaves_out(trigger) else None
    times = excluding.trigger if excluding else trigger
    for _ in range(STRETCHES_MAX):
        first_ms = follows(times, after_ms)
        if first_ms is None or first_ms >= end_ms or left <= 0:
            return
        reason, stop_ms = SkipReason.WINDOW, end_ms
        if excluding and excluding.excludes(at_ms(first_ms)):
            reason = SkipReason.EXCLUDED
            fire_ms = follows(trigger, first_ms)
            stop_ms = end_ms if fire_ms is None else min(end_ms, fire_ms)
        elif excluding and (found := excluding.next_excluded(at_ms(first_ms), at_ms(end_ms))):
            stop_ms = floor_ms(found)
        count, after_ms = _counted(times, first_ms, stop_ms, left, follows)
        left -= 0 if isinstance(times, Countable) else count
        yield Skipped(reason, count, first_ms, after_ms)


def _counted(times: Trigger, first_ms: int, stop_ms: int, left: int, follows: Following) -> tuple[int, int]:
    """How many times from `first_ms`, which is one, until before `stop_ms`; and the last that was counted."""
    if isinstance(times, Countable):
        last = times.prev(at_ms(stop_ms))
        assert last is not None  # first_ms is one
        return 1 + times.count(at_ms(first_ms), at_ms(stop_ms)), floor_ms(last)
    count, last_ms = 1, first_ms
    while count < left and (found := follows(times, last_ms)) is not None and found < stop_ms:
        count, last_ms = count + 1, found
    return count, last_ms


def complete(trigger: Trigger, found: tuple[Skipped, ...], fire_ms: int, follows: Following) -> bool:
    """Do the stretches before the fire reach to it?"""
    times = trigger.trigger if leaves_out(trigger) else trigger
    return not found or follows(times, found[-1].last_ms) == fire_ms
