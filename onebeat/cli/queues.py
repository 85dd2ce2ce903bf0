"""How does a person hold a queue back, empty it, wait until it is empty, and look into it?"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from onebeat.app import App
from onebeat.cli.asking import agree, by, yes_option
from onebeat.cli.coming import after_text
from onebeat.cli.complain import verbose_option
from onebeat.cli.control import WITHIN_S
from onebeat.cli.letters import known_queues
from onebeat.cli.options import duration_ms, json_option, opens
from onebeat.cli.output import Column, counted, note, print_json, print_rows, progress
from onebeat.cli.places import pause_text
from onebeat.cli.times import span_text, until_text, utc_text
from onebeat.errors import BadPayload
from onebeat.keys import queue_keys
from onebeat.queue import Tally, Which, front
from onebeat.queue.front import Standing, left_text
from onebeat.queue.known import make_known
from onebeat.queue.pages import WITHIN
from onebeat.queue.payload import decode
from onebeat.queue.peek import QueueView
from onebeat.wire.store_time import store_now_ms

queue_argument = click.argument("name", metavar="QUEUE")


@click.group()
@verbose_option
def queue() -> None:
    """Pause, drain or empty one queue, or look into it."""


@queue.command()
@queue_argument
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever looks.")
@click.option("--for", "for_ms", callback=duration_ms, metavar="DURATION", help="Only for 2h, 3d, …")
@click.option("--until", metavar="TIME", help="Only until then, such as 2026-03-01T06:00.")
@json_option
@opens()
def pause(app: App, name: str, reason: str, for_ms: int | None, until: str | None, as_json: bool) -> None:
    """Let no worker claim from a queue.

    What a worker has claimed runs to its end, what is sent and emitted meanwhile waits. Other queues go on.
    The queue need not be in use yet.
    """
    if for_ms is not None and until is not None:
        raise click.UsageError("say --for or --until, not both")
    end = None if until is None else after_text(until, "UTC")
    halt = app.client.queue(name).pause(
        by(reason), until=end, for_s=None if for_ms is None else for_ms / 1000
    )
    app.store.run(make_known(app.store.space, name, within_s=WITHIN_S))
    if as_json:
        print_json(
            "onebeat.queue-paused/1",
            queue=name,
            until=utc_text(halt.until_ms or None),
            by=halt.by.who,
            reason=reason or None,
        )
        return
    note(f"{name} is {pause_text(halt)}")


@queue.command()
@queue_argument
@click.option("--reason", default="", metavar="TEXT", help="Why, for the event log.")
@json_option
@opens()
def resume(app: App, name: str, reason: str, as_json: bool) -> None:
    """Let workers claim from a paused queue again, at once."""
    known_queues(app, name)
    was_paused = app.client.queue(name).resume(by(reason))
    if as_json:
        print_json("onebeat.queue-resumed/1", queue=name, was_paused=was_paused)
        return
    note(f"{name} goes on" if was_paused else f"{name} was not paused")


@queue.command()
@queue_argument
@click.option("--wait", is_flag=True, help="Wait until nothing is left.")
@click.option(
    "--timeout", "timeout_ms", callback=duration_ms, metavar="DURATION", help="So long at the most."
)
@json_option
@opens()
def drain(app: App, name: str, wait: bool, timeout_ms: int | None, as_json: bool) -> None:
    """Tell what is left in a queue, or wait until it is empty.

    What is left is ready, delayed, waits for another run, or is with a worker; dead letters do not count.
    With --timeout the exit code is 6 when something was left.
    """
    known_queues(app, name)
    one = app.client.queue(name)
    view = one.look()
    if view.halt is not None:
        note(f"{name} is {pause_text(view.halt)}: nothing of it begins")
    if wait or timeout_ms is not None:
        one.drain(None if timeout_ms is None else timeout_ms / 1000, told=_line)
        view = one.look()
        _end_line()
    if as_json:
        print_json("onebeat.queue-drained/1", queue=name, left=view.left, **_counts(view))
        return
    note(f"{name}: {left_text(view)} left")


def _counts(view: QueueView) -> dict[str, int]:
    ready = sum(view.ready)
    return {"ready": ready, "claimed": view.claimed, "delayed": view.delayed, "waiting": view.waiting}


def _line(view: QueueView) -> None:
    """One line that is written over, where somebody can see it."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[Konebeat: {view.name}: {left_text(view)} left", err=True, nl=False)


def _end_line() -> None:
    if sys.stderr.isatty():
        click.echo(err=True)


@queue.command()
@queue_argument
@click.option("--ready", "ready", is_flag=True, help="What could begin now; the usual choice.")
@click.option("--delayed", is_flag=True, help="What is due later, or waits for another run.")
@click.option("--dead", "letters", is_flag=True, help="Dead letters.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the history.")
@yes_option
@json_option
@opens()
def purge(
    app: App, name: str, ready: bool, delayed: bool, letters: bool, reason: str, yes: bool, as_json: bool
) -> None:
    """End what is queued and has not begun.

    Each message ends as cancelled, and the history says who did it and why. What a worker has goes on: see
    'cancel'. As many are ended as are there now; what is sent meanwhile stays.
    """
    known_queues(app, name)
    one = app.client.queue(name)
    view = one.look()
    ready = ready or not (delayed or letters)
    counts = {
        "ready": sum(view.ready) if ready else 0,
        "delayed": view.delayed + view.waiting if delayed else 0,
        "dead": view.dead if letters else 0,
    }
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    tally, thrown = Tally(), Tally()
    if said:
        agree(f"end {said} of queue {name}", yes=yes)
        with progress("purge", sum(counts.values())) as bar:
            tally = one.purge(by(reason), ready=ready, delayed=delayed, told=bar.update)
            if letters:
                thrown = one.discard(Which(), by(reason), bar.update)
    if as_json:
        print_json("onebeat.queue-purged/1", queue=name, ended=tally.done, discarded=thrown.done)
        return
    note(
        f"{counted(tally.done, 'message')} of {name} ended, {counted(thrown.done, 'dead letter')} thrown away"
    )


@queue.command()
@queue_argument
@click.option(
    "-n", "--limit", type=click.IntRange(1, WITHIN), default=10, show_default=True, help="How many."
)
@click.option("--delayed", is_flag=True, help="What is due later, the first to be due first.")
@click.option("--payload", is_flag=True, help="Show the arguments, too.")
@json_option
@opens()
def peek(app: App, name: str, limit: int, delayed: bool, payload: bool, as_json: bool) -> None:
    """List what workers will claim next, and claim nothing.

    The arguments are shown only with --payload: they may be nobody's business.
    """
    known_queues(app, name)
    keys = queue_keys(app.namespace.value, name)
    found = app.store.run(front.later(keys, limit) if delayed else front.ahead(keys, limit))
    now_ms = app.store.run(store_now_ms())
    columns = [
        Column[Standing]("MESSAGE", lambda one: one.id),
        Column[Standing]("TASK", lambda one: one.message.header.task if one.message else "cannot be read"),
        Column[Standing]("PRIORITY", lambda one: one.priority, right=True),
        Column[Standing]("AGE", lambda one: span_text(_age_ms(one, now_ms)), right=True),
        Column[Standing]("ATTEMPTS", lambda one: one.message.attempt if one.message else None, right=True),
    ]
    if delayed:
        columns.append(Column("DUE", lambda one: until_text((one.due_ms or 0) - now_ms), right=True))
    if payload:
        columns.append(Column("ARGUMENTS", lambda one: json.dumps(_arguments(one))))
    print_rows(
        "onebeat.queue-peek/1",
        found,
        as_json=as_json,
        record=lambda one: _standing_record(one, now_ms, payload),
        columns=columns,
        empty=f"nothing is {'delayed' if delayed else 'ready'} in {name}",
    )


def _age_ms(one: Standing, now_ms: int) -> int | None:
    return now_ms - one.message.enqueued_ms if one.message else None


def _standing_record(one: Standing, now_ms: int, payload: bool) -> dict[str, object]:
    message = one.message
    record: dict[str, object] = {
        "id": one.id,
        "task": message.header.task if message else None,
        "schedule": message.header.schedule or None if message else None,
        "priority": one.priority,
        "age_ms": _age_ms(one, now_ms),
        "attempts": message.attempt if message else None,
        "deliveries": message.deliveries if message else None,
        "due": utc_text(one.due_ms),
    }
    return record | ({"arguments": _arguments(one)} if payload else {})


def _arguments(one: Standing) -> Any:
    """What the function would be called with; null when it cannot be read."""
    try:
        args, kwargs = decode(one.message.body) if one.message else (None, None)
    except BadPayload:
        return None
    return None if args is None else {"args": list(args), "kwargs": kwargs}
