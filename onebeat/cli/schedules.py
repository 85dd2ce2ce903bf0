"""Which schedules are configured, and where is each of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from onebeat.app import App
from onebeat.catalog import Declared
from onebeat.cli import history
from onebeat.cli.checkup import living_beats, refusal
from onebeat.cli.coming import all_declared, explained, fires_of
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, counted, note, print_facts, print_json, print_rows, print_table
from onebeat.cli.times import local_text, until_text, utc_of, utc_text, wall_text
from onebeat.clock import SYSTEM
from onebeat.durations import format_ms
from onebeat.errors import ConfigError, StoreError
from onebeat.keys import queue_keys
from onebeat.ledger import runs
from onebeat.queue import peek
from onebeat.scheduler import Schedule
from onebeat.scheduler.instants import floor_ms

LOOK = 10  # fires and runs that `show` lists


@dataclass(frozen=True, slots=True)
class Standing:
    """A schedule, its next fire, and where the store has it (None: it is away, or has never seen it)."""

    schedule: Schedule
    next: datetime | None
    view: peek.ScheduleView | None
    source: str

    @property
    def paused(self) -> bool:
        """Whether its fires are skipped at this moment."""
        until_ms = self.view.paused_until_ms if self.view else None
        return until_ms is not None and (until_ms == 0 or until_ms > SYSTEM.wall_ms())

    @property
    def state(self) -> str:
        """One word: what it does at this moment, as far as it is known."""
        if not self.schedule.enabled:
            return "disabled"
        if self.view is None:
            return "unknown"
        if self.paused:
            return "paused"
        return "active" if self.view.live else "waiting"


@click.command("list")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only with this tag; may be repeated.")
@click.option("--owner", metavar="NAME", help="Only those of this owner.")
@json_option
@opens()
def list_(app: App, tags: Sequence[str], owner: str | None, as_json: bool) -> None:
    """List the schedules.

    Those of the configuration, and after them those that programs made (source: api).
    """
    now = datetime.now(UTC)
    wanted = [
        one
        for one in all_declared(app)
        if set(tags) <= set(one.schedule.tags) and owner in (None, one.schedule.owner)
    ]
    views = _views(app, *sorted({one.schedule.queue for one in wanted}))
    print_rows(
        "onebeat.schedules/1",
        [_standing(one, now, views) for one in wanted],
        as_json=as_json,
        record=_record,
        columns=[
            Column("SCHEDULE", lambda row: row.schedule.id),
            Column("TRIGGER", lambda row: row.schedule.trigger_text),
            Column("NEXT", lambda row: wall_text(row.next.astimezone()) if row.next else None),
            Column("QUEUE", lambda row: row.schedule.queue),
            Column("OWNER", lambda row: row.schedule.owner),
            Column("TAGS", lambda row: ", ".join(row.schedule.tags)),
            Column("STATE", lambda row: row.state),
            Column("SOURCE", lambda row: row.source),
        ],
        empty="no schedule has these tags and this owner" if tags or owner else "there are no schedules",
    )


@click.command()
@click.argument("schedule_id", metavar="ID")
@json_option
@opens()
def show(app: App, schedule_id: str, as_json: bool) -> None:
    """Show one schedule, its next fires and its last runs."""
    found = app.find(schedule_id)
    schedule, now = found.schedule, datetime.now(UTC)
    row = _standing(found, now, _views(app, schedule.queue))
    fires = [one.at for one in fires_of(schedule, now, LOOK)] if schedule.enabled else []
    past = runs(history.fresh(app), limit=LOOK, schedule=schedule_id, namespace=app.namespace.value)
    if as_json:
        last = [history.record(run) for run in past]
        upcoming_ = [utc_of(at) for at in fires]
        words = explained(schedule)
        rules = _rules(schedule)
        print_json(
            "onebeat.schedule/1", **_record(row), **rules, explanation=words, upcoming=upcoming_, runs=last
        )
        return
    print_facts(_facts(row))
    click.echo("\nnext fires")
    for at in fires:
        click.echo(f"  {wall_text(at)}  {until_text(floor_ms(at) - floor_ms(now))}")
    if not fires:
        click.echo("  none" if schedule.enabled else "  none: it is disabled")
    click.echo("\nlast runs")
    if past:
        print_table(past, history.COLUMNS)
    else:
        click.echo("  none")


def _views(app: App, *queues: str) -> Mapping[tuple[str, str], peek.ScheduleView]:
    """(queue, id) → where the store has it; empty, and said so, when the store is away."""
    found: dict[tuple[str, str], peek.ScheduleView] = {}
    try:
        for queue in queues:
            for id_, view in app.store.run(peek.schedules(queue_keys(app.namespace.value, queue))).items():
                found[queue, id_] = view
        for card in living_beats(app):
            if card.refused:
                note(refusal(card))
    except (StoreError, ConfigError) as problem:
        note(f"where the schedules are is not known: {problem}")
    return found


def _standing(found: Declared, now: datetime, views: Mapping[tuple[str, str], peek.ScheduleView]) -> Standing:
    schedule = found.schedule
    following = schedule.trigger.next(now) if schedule.enabled else None
    return Standing(schedule, following, views.get((schedule.queue, schedule.id)), found.source)


def _record(row: Standing) -> dict[str, object]:
    one, view = row.schedule, row.view
    return {
        "id": one.id,
        "task": one.task,
        "trigger": one.trigger_text,
        "timezone": one.timezone,
        "next": utc_of(row.next) if row.next else None,
        "queue": one.queue,
        "owner": one.owner or None,
        "tags": list(one.tags),
        "enabled": one.enabled,
        "state": row.state,
        "source": row.source,
        "cursor": utc_text(view.cursor_ms) if view else None,
        "live": view.live if view else None,
        "paused": row.paused,
        "paused_until": utc_text((view.paused_until_ms if view and row.paused else None) or None),
        "paused_reason": (view.paused_why if view and row.paused else None) or None,
        "failures_in_a_row": view.fails if view else None,
    }


def _rules(one: Schedule) -> dict[str, Any]:
    catch_up, retries, lock = one.catch_up, one.retries, one.singleton
    return {
        "args": list(one.args),
        "kwargs": dict(one.kwargs),
        "jitter_ms": one.jitter_ms,
        "priority": one.priority,
        "overlap": one.overlap.value,
        "catch_up": {"policy": catch_up.policy.value, "window_ms": catch_up.window_ms, "max": catch_up.max},
        "expires_ms": one.expires_ms,
        "limit": one.limit,
        "pause_after": one.pause_after,
        "timeout_ms": one.timeout_ms,
        "retries": retries
        and {
            "max": retries.max,
            "backoff": retries.backoff,
            "delay_ms": retries.delay_ms,
            "max_delay_ms": retries.max_delay_ms,
        },
        "singleton": lock
        and {
            "key": lock.key,
            "scope": lock.scope,
            "keep": lock.keep,
            "on_conflict": lock.on_conflict,
            "lease_ms": lock.lease_ms,
            "wait_ms": lock.wait_ms,
        },
    }


def _pause_text(row: Standing) -> str | None:
    if not row.paused or row.view is None:
        return None
    until = f"until {local_text(row.view.paused_until_ms)}" if row.view.paused_until_ms else "until resumed"
    return f"{until}: {row.view.paused_why}" if row.view.paused_why else until


def _facts(row: Standing) -> list[tuple[str, object]]:
    one, view = row.schedule, row.view
    catch_up, retries, lock = one.catch_up, one.retries, one.singleton
    tried = retries and f"{retries.max}, {retries.backoff} from {format_ms(retries.delay_ms)}"
    held = lock and f"{lock.key or one.task}, on conflict {lock.on_conflict}"
    return [
        ("schedule", one.id),
        ("task", one.task),
        ("trigger", f"{one.trigger_text} in {one.timezone}"),
        ("in words", explained(one)),
        ("state", row.state),
        ("source", row.source),
        ("paused", _pause_text(row)),
        ("last decided", local_text(view.cursor_ms) if view else None),
        ("not over yet", view.live if view else None),
        ("queue", one.queue),
        ("priority", one.priority),
        ("args", list(one.args) or None),
        ("kwargs", dict(one.kwargs) or None),
        ("overlap", one.overlap.value),
        ("catch up", f"{catch_up.policy.value} within {format_ms(catch_up.window_ms)}"),
        ("limit", one.limit and f"{view.runs if view else '?'} of {one.limit} fires so far"),
        ("pause after", one.pause_after and counted(one.pause_after, "failure") + " in a row"),
        ("failures in a row", (view.fails if view else 0) or None),
        ("expires", one.expires_ms and format_ms(one.expires_ms)),
        ("timeout", one.timeout_ms and format_ms(one.timeout_ms)),
        ("retries", tried),
        ("singleton", held),
        ("owner", one.owner),
        ("tags", ", ".join(one.tags)),
    ]
