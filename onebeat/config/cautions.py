"""What is allowed but rarely meant? Pure.

Each caution is a mistake of severity `warning`: it stops nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from onebeat.config.mistakes import Code, Mistake
from onebeat.config.page import SECRET_NAME, has_password
from onebeat.config.place import Place
from onebeat.config.tree import Node
from onebeat.durations import format_ms
from onebeat.scheduler.at import AtTrigger
from onebeat.scheduler.bounds import BoundedTrigger
from onebeat.scheduler.cron import CronTrigger
from onebeat.scheduler.every import EveryTrigger
from onebeat.scheduler.exclusions import ExceptTrigger
from onebeat.scheduler.manual import ManualTrigger
from onebeat.scheduler.schedule import Overlap, Schedule, Trigger
from onebeat.scheduler.wall import WallTrigger

HERD = 25  # schedules on the same moment that are worth a word
_HINTS = {
    "redis": "remove the key, and give ONEBEAT_REDIS_URL",
    "database": "remove the key, and give ONEBEAT_DB_URL",
}
_TWO_YEARS = timedelta(days=731)
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # a fixed start, so that the same file always says the same

_THEN = {
    Overlap.SKIP: "it will be skipped",
    Overlap.QUEUE_ONE: "it waits, and what comes while it waits is skipped",
    Overlap.QUEUE_ALL: "each waits for its turn",
    Overlap.CANCEL_RUNNING: "that run is cancelled",
    Overlap.ALLOW: "both will run",
}


def cautions(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    """What is odd about one schedule."""
    yield from _long_timeout(place, schedule)
    yield from _either_day(place, schedule)
    yield from _twice(place, schedule)
    yield from _never(place, schedule)
    yield from _clock_changes(place, schedule)
    for key in ("args", "kwargs"):
        if place.node.value.get(key):
            yield from secrets_below(place.node.value[key], f"schedules.{place.origin or place.id}.{key}")


def herds(read: Sequence[tuple[Place, Schedule]]) -> Iterator[Mistake]:
    """Cron schedules that all fire at the same moment, told once at the first of them."""
    together: dict[object, list[Place]] = defaultdict(list)
    for place, schedule in read:
        if isinstance(schedule.trigger, CronTrigger) and schedule.enabled and not schedule.jitter_ms:
            together[schedule.trigger].append(place)
    for places in together.values():
        if len(places) >= HERD:
            message = f"{len(places)} schedules fire at the same moment"
            hint = "write H for the minute: it spreads them by their ids"
            yield places[0].mistake(Code.SAME_MINUTE, message, ("cron",), hint)


def secrets_below(root: Node, path: str) -> Iterator[Mistake]:
    """Literals under a key that names a secret, and URLs with a password in them; never repeats one."""
    for way, node in root.scalars():
        if not isinstance(node.value, str) or not node.value or node.filled:
            continue
        name = next((str(step) for step in reversed(way) if isinstance(step, str)), "")
        if SECRET_NAME.search(name) or has_password(node.value):
            message = (
                f"{name or path.rpartition('.')[2]} holds a secret that everyone who reads the file can read"
            )
            hint = _HINTS.get(path, "let the task read it from its environment")
            where = ".".join([path, *map(str, way)])
            yield node.mistake(Code.SECRET, message, hint=hint, path=where)


def _long_timeout(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    period_ms = _period_ms(schedule)
    if schedule.timeout_ms and period_ms and schedule.timeout_ms > period_ms:
        most, period = format_ms(schedule.timeout_ms), format_ms(period_ms)
        message = f"a run may last {most}, and the next one is due after {period}"
        then = _THEN[schedule.overlap]
        hint = f"overlap: {schedule.overlap} means {then}"
        yield place.mistake(Code.LONG_TIMEOUT, message, ("timeout",), hint)


def _period_ms(schedule: Schedule) -> int | None:
    """The period, or the first gap of a cron rule; None when it fires once or never."""
    if isinstance(schedule.trigger, EveryTrigger):
        return schedule.trigger.period_ms
    first = schedule.trigger.next(_ANY_DAY)
    second = first and schedule.trigger.next(first)
    return (second - first) // timedelta(milliseconds=1) if first and second else None


def _rule(schedule: Schedule) -> Trigger:
    """Its trigger without `start`, `end` and `except`."""
    trigger = schedule.trigger
    while isinstance(trigger, (BoundedTrigger, ExceptTrigger)):
        trigger = trigger.trigger
    return trigger


def _either_day(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    rule = _rule(schedule)
    if not isinstance(rule, CronTrigger):
        return
    written = rule.expr.split()
    if len(written) < 5:
        return
    day, weekday = written[-3], written[-1]
    if day[0] not in "*?" and weekday[0] not in "*?":
        message = (
            f"day-of-month {day} and day-of-week {weekday}: it fires when either matches (as cron always did)"
        )
        yield place.mistake(Code.EITHER_DAY, message, ("cron",), "write * in one of them, or two schedules")


def _twice(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    rule = _rule(schedule)
    if not isinstance(rule, AtTrigger):
        return
    when = rule.when
    written = datetime.fromisoformat(str(place.full.value["at"].value))
    if written.tzinfo is None and when.replace(fold=0).utcoffset() != when.replace(fold=1).utcoffset():
        message = f"the clocks of {schedule.timezone} show this time twice; it fires at the first"
        yield place.mistake(Code.TWICE, message, ("at",), "add the offset: 2026-11-01T01:30-05:00")


def _never(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    if not isinstance(schedule.trigger, ManualTrigger) and schedule.trigger.next(_ANY_DAY) is None:
        message = f"it never fires after {_ANY_DAY:%Y-%m-%d}"
        yield place.mistake(Code.NEVER, message, (), "remove it, or write manual: true")


def _clock_changes(place: Place, schedule: Schedule) -> Iterator[Mistake]:
    """The first jump and the first repeated hour that meet a fixed time, unless `dst` decides on it."""
    rule = _rule(schedule)
    if not isinstance(rule, WallTrigger) or not schedule.enabled:
        return
    told = {gap for gap, key in ((True, "gap"), (False, "fold")) if place.says("dst", key)}
    for wall, shift in rule.met_by_changes(_ANY_DAY, _ANY_DAY + _TWO_YEARS):
        if (shift > timedelta(0)) in told:
            continue
        told.add(shift > timedelta(0))
        key = "cron" if isinstance(rule, CronTrigger) else "calendar"
        if shift > timedelta(0):
            then = "is skipped" if rule.dst_gap == "skip" else "runs right after the change"
            message = f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d} in {rule.timezone}: it {then}"
            yield place.mistake(
                Code.GAP, message, (key,), "choose another time, or say dst: {gap: run-after} or {gap: skip}"
            )
        else:
            then = {"first": "the first time", "second": "the second time"}.get(rule.dst_fold, "both times")
            message = f"{wall:%H:%M} comes twice on {wall:%Y-%m-%d} in {rule.timezone}: it runs {then}"
            hint = "choose another time, or say dst: {fold: first}, second or both"
            yield place.mistake(Code.FOLD, message, (key,), hint)
