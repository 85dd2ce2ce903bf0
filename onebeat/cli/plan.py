"""What would a configuration change, and how is it put into force?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import click

from onebeat.app import App
from onebeat.cli.checkup import living_beats
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, counted, note, one_line, print_json, print_table
from onebeat.clock import SYSTEM
from onebeat.config import dropped
from onebeat.errors import Refused, WaitTimeout
from onebeat.keys import queue_keys
from onebeat.queue.pages import names
from onebeat.queue.settling import approve, cursors, forget
from onebeat.scheduler.changes import Change, Kind, changes
from onebeat.scheduler.declarations import Made, look
from onebeat.scheduler.declared import declared

_REFUSED = Refused.exit_code
_LOOK_EVERY_S = 0.2
_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~", Kind.RENAMED: ">"}
_WITHIN_S = 10.0


@click.command()
@json_option
@opens()
def plan(app: App, as_json: bool) -> int:
    """Show what the configuration would change in what the beats run.

    A schedule that is changed, renamed (formerly) or moved to another queue goes on where it was; a new one
    starts now. Exit code 4 when no beat would take it, because more than half of the schedules would be gone.
    """
    found, refused = _compared(app)
    for id_ in sorted({one.id for one in app.schedules} & set(_made(app))):
        note(f"a program made {id_} too: what the configuration says of it counts")
    if as_json:
        _print(found, refused)
    else:
        print_table(found, _COLUMNS) if found else note("nothing would change")
        if refused:
            note(refused)
    return _REFUSED if refused else 0


@click.command()
@json_option
@opens()
def diff(app: App, as_json: bool) -> int:
    """Show field by field what the configuration would change; exit code 1 when it would."""
    found, refused = _compared(app)
    if as_json:
        _print(found, refused)
    for change in () if as_json else found:
        known = f" (formerly {change.before_id})" if change.before_id else ""
        click.echo(f"{_SIGNS[change.kind]} {change.id}{known}")
        for name, before, after in change.details:
            if before:
                click.echo(f"    - {name}: {one_line(before)}")
            if after:
                click.echo(f"    + {name}: {one_line(after)}")
    return 1 if found else 0


@click.command()
@click.option("--allow-drop", is_flag=True, help="Also when more than half of the schedules will be gone.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), metavar="SECONDS", default=30.0, show_default=True,
    help="How long to wait for a beat that runs it.",
)  # fmt: skip
@json_option
@opens()
def apply(app: App, allow_drop: bool, wait_s: float, as_json: bool) -> None:
    """Say that a configuration is meant, and wait until a beat runs it.

    Beats read the files themselves, and at once when this is said; this is for what they refuse without a
    word from a person, and for knowing that a deploy has arrived. Exit code 4 when it drops more than half of
    the schedules and --allow-drop is not given, 6 when no beat ran it in time.
    """
    found, refused = _compared(app)
    if refused and not allow_drop:
        raise Refused(f"{refused.partition(': ')[0]}: give --allow-drop if this is meant")
    app.store.run(approve(app.store.space, app.loaded.fingerprint))
    until_s = SYSTEM.mono_s() + wait_s
    while wait_s and not (running := _runs(app)):
        if SYSTEM.mono_s() >= until_s:
            raise WaitTimeout(f"no beat ran this configuration within {wait_s:g} s: {_why_not(app)}")
        time.sleep(_LOOK_EVERY_S)
    if as_json:
        _print(found, "")
    else:
        note(f"{counted(len(found), 'change')}; {'a beat runs it' if wait_s and running else 'approved'}")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@opens()
def prune(app: App, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget schedules that are not declared any more.

    Their cursors, pauses and counts go; what they queued and their history stay. Until then a schedule that
    comes back goes on where it was. Only for the configuration that the beats run: exit code 4 else.
    """
    gone = _gone(app)
    if gone and not dry_run:
        if not yes and not click.confirm(f"forget {counted(len(gone), 'schedule')}?", err=True):
            raise Refused("nothing was forgotten: give --yes")
        _forget(app, gone)
    if as_json:
        items = [{"id": id_, "queue": queue} for queue, id_, _ in gone]
        print_json("onebeat.pruned/1", dry_run=dry_run, items=items)
        return
    for _, id_, _ in gone:
        click.echo(id_)
    note(f"{counted(len(gone), 'schedule')} {'would be' if dry_run else 'were'} forgotten")


_COLUMNS = (
    Column[Change]("", lambda row: _SIGNS[row.kind]),
    Column[Change]("SCHEDULE", lambda row: row.id),
    Column[Change]("CHANGE", lambda row: row.kind.value),
    Column[Change]("WHAT", lambda row: _what(row)),
)


def _what(row: Change) -> str:
    if row.kind in (Kind.ADDED, Kind.REMOVED):
        return next((after or before for name, before, after in row.details if name == "trigger"), "")
    told = [f"{name}: {before or 'none'} → {after or 'none'}" for name, before, after in row.details]
    return "; ".join([*([f"formerly {row.before_id}"] if row.before_id else []), *told])


def _compared(app: App) -> tuple[list[Change], str]:
    """The changes, and why no beat would take them."""
    known = app.store.run(declared(app.store.space))
    if known.schedules is None:
        raise Refused("the beats run too many schedules to compare them one by one: see 'onebeat list'")
    after = [one for one in app.schedules if one.enabled or one.id in known.schedules]
    same = known.config == app.loaded.fingerprint
    return changes(known.schedules, after), "" if same else dropped(known.schedules.keys(), app.loaded)


def _made(app: App) -> Mapping[str, Made]:
    """What programs made, which no configuration adds, changes or removes."""
    found = app.store.run(look(app.store.space, within_s=_WITHIN_S))
    if found is None:
        raise Refused("the schedules of programs change without a pause: try again later")
    return found.schedules


def _print(found: Sequence[Change], refused: str) -> None:
    items = [
        {
            "change": one.kind.value,
            "id": one.id,
            "formerly": one.before_id or None,
            "fields": [{"name": name, "before": old, "after": new} for name, old, new in one.details],
        }
        for one in found
    ]
    print_json("onebeat.plan/1", refused=refused or None, items=items)


def _runs(app: App) -> bool:
    return any(card.newest and card.config == app.loaded.fingerprint for card in living_beats(app))


def _why_not(app: App) -> str:
    beats = living_beats(app)
    if not beats:
        return "none is alive, start 'onebeat beat'"
    alive = counted(len(beats), "beat")
    return f"{alive} on another one; do they have this file? 'onebeat doctor' tells what they refuse"


def _gone(app: App) -> list[tuple[str, str, str]]:
    """(queue, id, cursor) of what is stored and not declared."""
    kept = {one.id for one in app.schedules} | {one.formerly for one in app.schedules}
    kept |= set(_made(app))
    found = []
    for queue in app.store.run(names(app.store.space.queues)):
        stored = app.store.run(cursors(queue_keys(app.namespace.value, queue), within_s=_WITHIN_S))
        found += [(queue, id_, cursor) for id_, cursor in sorted(stored.items()) if id_ not in kept]
    return found


def _forget(app: App, gone: Sequence[tuple[str, str, str]]) -> None:
    forgotten = 0
    for queue in sorted({queue for queue, _, _ in gone}):
        rows = [(id_, cursor) for there, id_, cursor in gone if there == queue]
        keys = queue_keys(app.namespace.value, queue)
        forgotten += app.store.run(forget(keys, app.loaded.fingerprint, rows, within_s=_WITHIN_S))
    if forgotten < len(gone):
        left = counted(len(gone) - forgotten, "schedule")
        raise Refused(
            f"{left} stayed: the beats run another configuration than this one; "
            "deploy it first, 'onebeat plan' shows the difference"
        )
