"""How does a person run past times of a schedule that did not run?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import click

from onebeat.app import App
from onebeat.cli import history
from onebeat.cli.coming import after_text
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import counted, note, print_json, progress
from onebeat.cli.times import local_text, utc_text
from onebeat.errors import ConfigError, RunFailed, StoreError
from onebeat.ledger.fold import RunState
from onebeat.scheduler.acts import Act, Look, Place, Told, past_times
from onebeat.scheduler.acts import backfill as run_past
from onebeat.scheduler.past import Past
from onebeat.scheduler.wishes import BACKFILL_MAX, Candidate
from onebeat.wire import drive

T = TypeVar("T")
_SHOWN = 10  # times that a plan lists at its beginning


@click.command()
@click.argument("schedule_id", metavar="ID")
@click.option(
    "--from", "start", metavar="TIME", required=True, help="The first time, such as 2026-03-01T00:00."
)
@click.option("--to", "end", metavar="TIME", required=True, help="Times before this one.")
@click.option("--dry-run", is_flag=True, help="Only tell what would run.")
@click.option("--parallel", type=click.IntRange(1, 256), default=1, show_default=True, help="Runs at a time.")
@click.option("--failed", is_flag=True, help="Run what failed again, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@opens()
def backfill(
    app: App,
    schedule_id: str,
    start: str,
    end: str,
    dry_run: bool,
    parallel: int,
    failed: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Run past times of a schedule that did not run.

    Tells first what would run, and asks. A time runs under the id that the beat would have given it, so
    nothing runs twice: not what ran before, and not what another backfill queued. Stopped, it goes on
    where it was when it is started again. It ends when the runs have; the exit code is 7 when one failed.
    """
    schedule = app.find(schedule_id).schedule
    first, until = after_text(start, schedule.timezone), after_text(end, schedule.timezone)
    if first >= until:
        raise ConfigError(f"--from {start} is not before --to {end}")
    past = Past(app.store, history.fresh(app))
    found = _perform(app, past_times(schedule, first, until, past, failed=failed))
    wanted = [one.nominal_ms for one in found if one.wanted]
    if as_json and dry_run:
        print_json(
            "onebeat.backfill/1", schedule=schedule_id, run=len(wanted), times=list(map(utc_text, wanted))
        )
        return
    _tell(found, wanted)
    if dry_run or not wanted:
        return
    if not yes:
        if not sys.stdin.isatty():
            note("nothing was queued: add --yes to run them")
            return
        click.confirm("run them?", abort=True, err=True)
    with progress("backfill", len(wanted)) as bar:
        told = Told(bar.update, note)
        place = Place(app.store.space, app.namespace.value, app.ring)
        ends = _perform(app, run_past(place, schedule, wanted, past, parallel=parallel, told=told))
    if as_json:
        print_json("onebeat.backfill/1", schedule=schedule_id, run=len(wanted), ended=ends)
    _demand_done(schedule_id, ends)


def _tell(found: Sequence[Candidate], wanted: Sequence[int]) -> None:
    """What a backfill would do."""
    left = Counter(one.state for one in found if not one.wanted)
    said = ", ".join(f"{count} {state}" for state, count in left.most_common())
    note(f"{counted(len(found), 'time')} in this range" + (f", left alone: {said}" if said else ""))
    if len(found) >= BACKFILL_MAX:
        note(f"only the first {BACKFILL_MAX} were looked at: run it again for the rest")
    for nominal_ms in wanted[:_SHOWN]:
        note(f"would run {local_text(nominal_ms)}")
    if len(wanted) > _SHOWN:
        note(f"… and {len(wanted) - _SHOWN} more, until {local_text(wanted[-1])}")


def _demand_done(schedule_id: str, ends: dict[str, int]) -> None:
    """Return if all were done.

    Raises:
        RunFailed: some ended in another way.
    """
    others = {state: count for state, count in ends.items() if state != RunState.DONE}
    if others:
        told = ", ".join(f"{count} {state}" for state, count in others.items())
        raise RunFailed(f"not all were done: {told}; 'onebeat runs {schedule_id}' shows them")


def _perform(app: App, act: Act[T]) -> T:
    """What the act returns; it may ask the history."""
    return drive(act, lambda e: e.ask() if isinstance(e, Look) else app.store.perform(e), StoreError)
