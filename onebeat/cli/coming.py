"""When do schedules fire next? Answers from the configuration alone, or for an expression that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest
from zoneinfo import ZoneInfo

import click

from onebeat.app import App
from onebeat.catalog import Declared
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, note, print_rows
from onebeat.cli.times import until_text, utc_of, wall_text
from onebeat.decorated import NO_CONFIGURATION
from onebeat.durations import format_ms
from onebeat.errors import ConfigError, StoreError
from onebeat.scheduler import AtTrigger, CronTrigger, Schedule, explain, upcoming

_FROM = "a date or time such as 2026-03-28 or 2026-03-28T01:30, with or without an offset"


@dataclass(frozen=True, slots=True)
class Coming:
    """One fire that lies ahead of `after`; `schedule` is empty for an expression."""

    at: datetime
    schedule: str
    after: datetime


@click.command("next")
@click.argument("schedule_id", metavar="[ID]", required=False)
@click.option(
    "-n", "--number", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many fires."
)
@click.option("--cron", metavar="EXPRESSION", help="A cron expression instead of a schedule.")
@click.option("--tz", metavar="ZONE", default="UTC", show_default=True, help="The expression's time zone.")
@click.option("--key", metavar="ID", help="The schedule that H in the expression draws for.")
@click.option("--from", "start", metavar="TIME", help=f"Fires after {_FROM}; now when absent.")
@json_option
@opens(redis=False)
def coming(
    app: App,
    schedule_id: str | None,
    number: int,
    cron: str | None,
    tz: str,
    key: str | None,
    start: str | None,
    as_json: bool,
) -> None:
    """Show when schedules, or a cron expression, fire next.

    Times of one schedule are on the clocks of its zone, of several on those of this machine.
    """
    if cron is not None and schedule_id is not None:
        raise click.UsageError("give a schedule's ID or --cron, not both")
    rows, said = _asked(app, schedule_id, number, cron, tz, key, start)
    mixed = cron is None and schedule_id is None  # different zones side by side cannot be compared
    print_rows(
        "onebeat.next/1",
        rows,
        as_json=as_json,
        record=lambda row: {
            "schedule": row.schedule or None,
            "at": utc_of(row.at),
            "local": row.at.isoformat(),
        },
        columns=[
            Column("FIRES", lambda row: wall_text(row.at.astimezone() if mixed else row.at)),
            Column("", lambda row: until_text(_ms_between(row.after, row.at)), right=True),
            *([] if cron is not None else [Column[Coming]("SCHEDULE", lambda row: row.schedule)]),
        ],
        empty="it never fires by itself",
    )
    if said and rows and not as_json:
        click.echo(f"\n{said}")


def _asked(
    app: App,
    schedule_id: str | None,
    number: int,
    cron: str | None,
    tz: str,
    key: str | None,
    start: str | None,
) -> tuple[list[Coming], str]:
    """The fires that were asked for; of a single rule also what it says, in words."""
    if cron is not None:
        after, trigger = _after(start, tz), CronTrigger(cron, tz, key=key)
        return [Coming(at, "", after) for at in upcoming(trigger, after, number)], explain(trigger)
    if schedule_id is not None:
        one = app.find(schedule_id).schedule
        return fires_of(one, _after(start, one.timezone), number), explained(one)
    known = [one.schedule for one in all_declared(app)]
    return soonest(known, _after(start, tz), number), ""


def all_declared(app: App) -> Sequence[Declared]:
    """The schedules of the configuration and, where there is a store, those that programs made.

    Raises:
        ConfigError: there is neither a configuration nor a schedule of a program.
    """
    found = app.declared
    try:
        store = app.store
    except ConfigError:
        store = None  # none is named, so the configuration is all there is
    try:
        found = found if store is None else store.run(app.catalog.list())
    except StoreError as problem:
        note(f"only those of the configuration are known: {problem}")
    if not found and not app.configured:
        raise ConfigError(NO_CONFIGURATION)
    return found


def soonest(schedules: Sequence[Schedule], after: datetime, number: int) -> list[Coming]:
    """The next fires of all enabled schedules together."""
    fires = [row for one in schedules if one.enabled for row in fires_of(one, after, number)]
    return nsmallest(number, fires, key=lambda row: (row.at.timestamp(), row.schedule))


def fires_of(schedule: Schedule, after: datetime, number: int) -> list[Coming]:
    """The next fires of one schedule, on the clocks of its zone, whichever its trigger speaks."""
    zone = ZoneInfo(schedule.timezone)
    return [
        Coming(at.astimezone(zone), schedule.id, after) for at in upcoming(schedule.trigger, after, number)
    ]


def explained(schedule: Schedule) -> str:
    """When the schedule fires, in words."""
    jitter = format_ms(schedule.jitter_ms)
    later = f" Each fire is delayed by up to {jitter}, always by the same." if schedule.jitter_ms else ""
    return explain(schedule.trigger) + later


def _after(text: str | None, zone: str) -> datetime:
    """The start that was asked for, else now."""
    return datetime.now(UTC) if text is None else after_text(text, zone)


def after_text(text: str, zone: str) -> datetime:
    """The time that was written, on the clocks of `zone` unless it says its offset.

    Raises:
        ConfigError: it is none.
    """
    midnight = f"{text}T00:00" if len(text) == len("2026-03-28") else text
    try:
        return AtTrigger(midnight, zone).when
    except ConfigError as problem:
        raise ConfigError(f"{text[:60]!r}: {problem}; it takes {_FROM}") from None


def _ms_between(first: datetime, second: datetime) -> int:
    return round((second - first).total_seconds() * 1000)
