"""How does a person start work? Trigger a schedule, or queue one call of a task."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import msgspec

from onebeat.app import App
from onebeat.cli import history
from onebeat.cli.options import duration_ms, json_option, opens
from onebeat.cli.output import note, print_json
from onebeat.clock import SYSTEM
from onebeat.errors import BadPayload, ConfigError, RunFailed, StoreError, WaitTimeout
from onebeat.keys import checked
from onebeat.ledger import Run, RunState
from onebeat.ledger import run as find_run
from onebeat.ledger.fold import TERMINAL
from onebeat.queue import Handle
from onebeat.queue.client import draft
from onebeat.queue.record import RECORDED, Header

if TYPE_CHECKING:
    from onebeat.scheduler.schedule import Schedule
    from onebeat.worker.task import Task

_LOOK_EVERY_S = 0.2


@click.command()
@click.argument("schedule_id", metavar="ID")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Wait for its end, so long at the most.",
)
@click.option(
    "--overlap",
    type=click.Choice(["allow", "skip", "queue-one", "queue-all", "cancel-running"]),
    default="allow",
    show_default=True,
    help="When a run of the schedule is not over.",
)
@click.option("--args", metavar="JSON", help="Arguments instead of the schedule's, a list.")
@click.option(
    "--kwargs", metavar="JSON", help="Arguments by name that come before the schedule's, an object."
)
@json_option
@opens()
def trigger(
    app: App,
    schedule_id: str,
    wait_s: float | None,
    overlap: str,
    args: str | None,
    kwargs: str | None,
    as_json: bool,
) -> None:
    """Run a schedule now.

    A run beside the plan: the schedule's next fire stays where it is, and a pause does not hold it back. With
    --wait the exit code is 7 when the run failed, and 6 when it was not over in time.
    """
    from onebeat.queue.control import Inserted
    from onebeat.scheduler.acts import Place
    from onebeat.scheduler.acts import trigger as start
    from onebeat.scheduler.schedule import Overlap

    schedule = _with_arguments(app.find(schedule_id).schedule, args, kwargs)
    place = Place(app.store.space, app.namespace.value, app.ring)
    run_id, answer = app.store.run(start(place, schedule, Overlap(overlap)))
    if answer is Inserted.WAITS:
        note(f"{schedule_id} starts when the run before it is over")
    sent = Handle(run_id)
    if wait_s is None:
        _tell(sent, schedule.queue, None, as_json)
        return
    run = _awaited(app, sent.id, wait_s)
    _tell(sent, schedule.queue, run, as_json)
    _demand_done(sent.id, run, wait_s)


def _with_arguments(schedule: Schedule, args: str | None, kwargs: str | None) -> Schedule:
    """The schedule with what --args and --kwargs say."""
    if args is not None:
        schedule = replace(schedule, args=tuple(_json("--args", args, list)))
    if kwargs is not None:
        schedule = replace(schedule, kwargs={**schedule.kwargs, **_json("--kwargs", kwargs, dict)})
    return schedule


@click.command()
@click.argument("name", metavar="TASK")
@click.option("--args", metavar="JSON", default="[]", help="Arguments, a list: '[1, \"a\"]'.")
@click.option("--kwargs", metavar="JSON", default="{}", help="Arguments by name, an object: '{\"day\": 1}'.")
@click.option("-q", "--queue", help="The task's own when absent.")
@click.option("--key", help="Idempotency key: the same key within a day is queued once.")
@click.option("--delay", callback=duration_ms, metavar="DURATION", help="Not before 5m, 1h30m, …")
@json_option
@opens()
def enqueue(
    app: App,
    name: str,
    args: str,
    kwargs: str,
    queue: str | None,
    key: str | None,
    delay: int | None,
    as_json: bool,
) -> None:
    """Queue one call of a task.

    With a configuration the name and the arguments are checked against the registered tasks.
    """
    given = _json("--args", args, list), _json("--kwargs", kwargs, dict)
    known = _task(app, name)
    fitted = known.signature.fit(*given) if known else {}
    target = checked("queue", queue or (known.queue if known else "default"))
    one = draft(
        name,
        *given,
        key=key,
        delay=None if delay is None else delay / 1000,
        priority=known.priority if known else 0,
        flags=RECORDED,  # a person asked for this very call and will look for it
        unique=known.unique(fitted) if known else None,
        header=Header(name, result_ttl_ms=(known.result_ttl_ms or None) if known else None),
    )
    _tell(app.client.send_drafts(target, [one])[0], target, None, as_json)


def _task(app: App, name: str) -> Task[Any, Any] | None:
    """The registered task; None, and said so, when this place cannot know the tasks."""
    from onebeat.worker.registry import REGISTRY

    if app.config is None:
        note(f"no configuration here, so whether a task is called {name!r} was not checked")
        return None
    try:
        app.load_tasks()
    except ConfigError as problem:
        note(f"{name} was not checked: {problem}")
        return None
    return REGISTRY.find(name)


def _json(option: str, text: str, kind: type[Any]) -> Any:
    wanted = "a list, such as '[1, \"a\"]'" if kind is list else "an object, such as '{\"day\": 1}'"
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as problem:
        raise BadPayload(f"{option} is not JSON ({problem}): write {wanted}") from None
    if not isinstance(value, kind):
        raise BadPayload(f"{option} must be {wanted}, not {text[:60]!r}")
    return value


def _awaited(app: App, run_id: str, wait_s: float) -> Run | None:
    """The run as it is when it is over, or when `wait_s` seconds are; None when nobody knows of it."""
    until_s = SYSTEM.mono_s() + wait_s
    while True:
        run = _look(app, run_id)
        if (run is not None and run.state in TERMINAL) or SYSTEM.mono_s() >= until_s:
            return run
        time.sleep(_LOOK_EVERY_S)


def _demand_done(run_id: str, run: Run | None, waited_s: float) -> None:
    """Return if it was done.

    Raises:
        WaitTimeout: it is not over.
        RunFailed: it ended in another way.
    """
    mend = f"'onebeat run {run_id}' shows it"
    if run is None or run.state not in TERMINAL:
        seen = f"it is {run.state}" if run else "no worker has taken it"
        raise WaitTimeout(f"{run_id} was not over in {waited_s:g} s ({seen}): {mend}")
    if run.state != RunState.DONE:
        why = history.outcome(run)
        raise RunFailed(f"{run_id} is {run.state}{f' ({why})' if why else ''}: {mend}")


def _look(app: App, run_id: str) -> Run | None:
    try:
        history.catch_up(app)
    except StoreError as problem:
        note(f"still waiting: {problem}")
    return find_run(app.engine, run_id, namespace=app.namespace.value)


def _tell(sent: Handle, queue: str, ended: Run | None, as_json: bool) -> None:
    if as_json:
        over = history.record(ended) if ended else None
        print_json(
            "onebeat.queued/1",
            id=sent.id,
            queue=queue,
            existing=sent.existing,
            refused=sent.refused,
            run=over,
        )
        return
    click.echo(sent.id)
    if sent.existing:
        note("this key was used before: the id is that call's, nothing new was queued")
    if sent.refused:
        note("its singleton is queued or runs: the id is that call's, nothing new was queued")
    if ended is not None:
        note(history.sentence(ended))
