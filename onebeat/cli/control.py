"""How does a person hold a schedule back, and end what is queued or runs?"""

from __future__ import annotations

import click

from onebeat.app import App
from onebeat.cli import history
from onebeat.cli.options import duration_ms, json_option, opens
from onebeat.cli.output import note, print_json
from onebeat.cli.times import local_text, utc_text
from onebeat.clock import SYSTEM
from onebeat.errors import NotFound, Refused
from onebeat.keys import queue_keys
from onebeat.ledger import run as find_run
from onebeat.ledger.fold import TERMINAL
from onebeat.queue import control
from onebeat.queue.pages import names

WITHIN_S = 10.0


@click.command()
@click.argument("schedule_id", metavar="ID")
@click.option("--reason", default="", help="Why, for whoever looks.")
@click.option("--for", "for_ms", callback=duration_ms, metavar="DURATION", help="Only for 2h, 3d, …")
@json_option
@opens()
def pause(app: App, schedule_id: str, reason: str, for_ms: int | None, as_json: bool) -> None:
    """Skip the fires of a schedule until it is resumed.

    Each fire that would have come is recorded as skipped. What is queued or runs goes on: see 'cancel'.
    """
    schedule = app.find(schedule_id).schedule
    until_ms = 0 if for_ms is None else SYSTEM.wall_ms() + for_ms
    keys = queue_keys(app.namespace.value, schedule.queue)
    app.store.run(control.pause(keys, schedule_id, reason=reason, until_ms=until_ms, within_s=WITHIN_S))
    if as_json:
        print_json(
            "onebeat.paused/1", schedule=schedule_id, until=utc_text(until_ms or None), reason=reason or None
        )
        return
    end = f"until {local_text(until_ms)}" if until_ms else f"until 'onebeat resume {schedule_id}'"
    note(f"{schedule_id} is paused {end}")


@click.command()
@click.argument("schedule_id", metavar="ID")
@json_option
@opens()
def resume(app: App, schedule_id: str, as_json: bool) -> None:
    """Let a paused schedule fire again.

    What it missed stays skipped: 'backfill' runs it.
    """
    schedule = app.find(schedule_id).schedule
    keys = queue_keys(app.namespace.value, schedule.queue)
    was_paused = app.store.run(control.resume(keys, schedule_id, within_s=WITHIN_S))
    if as_json:
        print_json("onebeat.resumed/1", schedule=schedule_id, was_paused=was_paused)
        return
    note(f"{schedule_id} fires again" if was_paused else f"{schedule_id} was not paused")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("-q", "--queue", help="Where it is; found by itself when the history knows the run.")
@json_option
@opens()
def cancel(app: App, run_id: str, queue: str | None, as_json: bool) -> None:
    """End a run, or a message that has not begun.

    An async task is cancelled, a blocking one gets the exception Cancelled at its next step of Python. What
    waits in a queue ends when a worker comes to it.
    """
    known = find_run(history.fresh(app), run_id, namespace=app.namespace.value)
    if known is not None and known.state in TERMINAL:
        raise Refused(f"{run_id} is over: it is {known.state}")
    there = queue or (known.queue if known else None)
    if there is None:
        raise NotFound(
            f"no run is called {run_id!r}: 'onebeat runs' lists them; for an ad-hoc call say its --queue"
        )
    if there not in app.store.run(names(app.store.space.queues)):
        raise NotFound(f"nobody has used a queue {there!r}")
    keys = queue_keys(app.namespace.value, there)
    (over,) = app.store.run(control.cancel(keys, [run_id], within_s=WITHIN_S))
    if as_json:
        print_json("onebeat.cancelled/1", id=run_id, queue=there, over=over)
        return
    note(
        f"{run_id} is cancelled"
        if over
        else f"{run_id} ends as soon as the worker that has it, or takes it, hears of it"
    )
