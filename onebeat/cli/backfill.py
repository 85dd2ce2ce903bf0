"""How does a person run past times of a schedule that did not run?"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

import click

from onebeat.app import App
from onebeat.cli import history
from onebeat.cli.acts import WITHIN_S, register
from onebeat.cli.coming import after_text
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import counted, note, print_json, progress
from onebeat.cli.times import local_text, utc_text
from onebeat.errors import ConfigError, RunFailed, StoreError
from onebeat.keys import queue_keys
from onebeat.ledger import Run, fires
from onebeat.ledger.fold import TERMINAL, RunState
from onebeat.queue.control import Inserted, insert
from onebeat.scheduler.instants import floor_ms
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.wishes import BACKFILL_MAX, Candidate, backfilled, candidates

_LOOK_EVERY_S = 0.3
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
    schedule = app.schedule(schedule_id)
    first, until = after_text(start, schedule.timezone), after_text(end, schedule.timezone)
    if first >= until:
        raise ConfigError(f"--from {start} is not before --to {end}")
    known = fires(history.fresh(app), app.namespace.value, schedule_id, floor_ms(first), floor_ms(until))
    past = {at: str(run.state) for at, run in known.items()}
    found = candidates(schedule, first, until, past, failed=failed)
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
    ends = _Backfill(app, schedule, parallel).run(wanted)
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


class _Backfill:
    """Keeps at most `parallel` of the runs in the queue or with a worker."""

    def __init__(self, app: App, schedule: Schedule, parallel: int) -> None:
        self._app, self._schedule, self._parallel = app, schedule, parallel
        self._keys = queue_keys(app.namespace.value, schedule.queue)

    def run(self, wanted: Sequence[int]) -> dict[str, int]:
        """State → how many of the times ended in it."""
        register(self._app, self._schedule.queue)
        waiting, under_way, ends = list(reversed(wanted)), set[int](), Counter[str]()
        before: dict[int, Run] = {}
        with progress("backfill", len(wanted)) as bar:
            while waiting or under_way:
                some = [waiting.pop() for _ in range(min(self._parallel - len(under_way), len(waiting)))]
                before |= self._runs(some)
                self._queue(some)
                under_way |= set(some)
                over = self._over(under_way, before)
                ends.update(over.values())
                under_way -= over.keys()
                bar.update(len(over))
                if under_way and not over:
                    time.sleep(_LOOK_EVERY_S)
        return dict(ends)

    def _queue(self, some: Sequence[int]) -> None:
        asked = [backfilled(self._schedule, nominal_ms) for nominal_ms in some]
        answers = self._app.store.run(
            insert(self._keys, asked, self._app.ring, within_s=WITHIN_S, kept_ms=_KEPT_MS)
        )
        twice = answers.count(Inserted.EXISTING)
        if twice:
            note(f"{counted(twice, 'time')} of these are queued by another backfill: waiting for them")

    def _over(self, under_way: set[int], before: dict[int, Run]) -> dict[int, str]:
        """Which of them have ended, and how; what is as it was before it was queued has not begun."""
        try:
            history.catch_up(self._app)
        except StoreError as problem:
            note(f"still waiting: {problem}")
        now = self._runs(list(under_way))
        return {
            at: str(run.state) for at, run in now.items() if run.state in TERMINAL and run != before.get(at)
        }

    def _runs(self, some: Sequence[int]) -> dict[int, Run]:
        if not some:
            return {}
        found = fires(self._app.engine, self._app.namespace.value, self._schedule.id, min(some), max(some))
        return {at: found[at] for at in some if at in found}


_KEPT_MS = 600_000  # longer than the history lags: after that it knows what was queued
