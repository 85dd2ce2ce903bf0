"""What ran, and how did it end?"""

from __future__ import annotations

import time

import click

from onebeat.app import App
from onebeat.cli import history
from onebeat.cli.follow import EVERY_S, Follower
from onebeat.cli.options import duration_ms, json_option, opens
from onebeat.cli.output import note, one_line, print_facts, print_json, print_rows
from onebeat.cli.times import local_text, span_text, utc_text
from onebeat.clock import SYSTEM
from onebeat.errors import ConfigError, NotFound, StoreError
from onebeat.keys import queue_keys
from onebeat.ledger import Run, RunState
from onebeat.ledger import run as find_run
from onebeat.ledger import runs as find_runs
from onebeat.ledger.fold import TERMINAL
from onebeat.queue.pages import WITHIN, names
from onebeat.queue.peek import DeadLetter, dead
from onebeat.queue.progress import Progress

_STATES = {**{state.value: state.value for state in RunState}, "failed": RunState.DEAD.value}


@click.command()
@click.argument("schedule_id", metavar="[SCHEDULE]", required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many.")
@click.option("--since", callback=duration_ms, metavar="DURATION", help="Only the last 24h, 90m, …")
@click.option("--state", type=click.Choice(list(_STATES)), help="Only those in this state.")
@click.option("--follow", is_flag=True, help="Go on, and tell of each run when it ends.")
@json_option
@opens()
def runs(
    app: App,
    schedule_id: str | None,
    limit: int,
    since: int | None,
    state: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """List what ran, the newest first.

    The history keeps the runs of schedules, failures, and calls of tasks that are declared with record=True.
    """
    if follow and as_json:
        raise click.UsageError("--follow tells people; programs ask for --json again and again")
    engine = history.fresh(app)
    wanted = _STATES[state] if state else None
    found = find_runs(
        engine,
        limit=limit,
        schedule=schedule_id,
        state=wanted,
        since_ms=None if since is None else SYSTEM.wall_ms() - since,
        namespace=app.namespace.value,
    )
    empty = "no runs" if schedule_id or state or since else "no runs yet: 'onebeat next' shows the first"
    print_rows(
        "onebeat.runs/1", found, as_json=as_json, record=history.record, columns=history.COLUMNS, empty=empty
    )
    if follow:
        _follow(app, schedule_id, wanted)


def _follow(app: App, schedule_id: str | None, state: str | None) -> None:
    follower = Follower(
        app.engine, app.namespace.value, since_ms=SYSTEM.wall_ms(), schedule=schedule_id, state=state
    )
    while True:
        history.fresh(app)
        for ended in follower.look():
            click.echo(one_line(history.sentence(ended)))
        time.sleep(EVERY_S)


@click.command()
@click.argument("run_id", metavar="RUN")
@json_option
@opens()
def run(app: App, run_id: str, as_json: bool) -> None:
    """Show one run, or one dead letter."""
    found = find_run(history.fresh(app), run_id, namespace=app.namespace.value)
    letter = _letter(app, run_id, found)
    if found is None and letter is None:
        raise NotFound(f"no run is called {run_id!r}: 'onebeat runs' and 'onebeat dead' list them")
    trace = letter.traceback if letter else None
    far = _progress(app, found)
    if as_json:
        content = history.record(found) if found else letter_record(letter)
        if far is not None:
            content = {**content, "progress": {"done": far.done, "total": far.total, "note": far.note}}
        print_json("onebeat.run/1", **content, traceback=trace or None)
        return
    print_facts([*_facts(found), ("progress", progress_text(far))] if found else _letter_facts(letter))
    if trace:
        click.echo()
        for line in trace.splitlines():
            click.echo("".join(char if char.isprintable() else "�" for char in line))


def _progress(app: App, run: Run | None) -> Progress | None:
    """How far it is, if it runs and has said so."""
    if run is None or run.state in TERMINAL or run.queue is None:
        return None
    try:
        return app.client.progress(run.id, run.queue)
    except (StoreError, ConfigError):  # said already: the history may lag behind
        return None


def progress_text(far: Progress | None) -> str:
    """`3 of 10 (30 %): loading`."""
    if far is None:
        return ""
    share = f" of {far.total:g} ({100 * far.done / far.total:.0f} %)" if far.total else ""
    return f"{far.done:g}{share}{': ' + far.note if far.note else ''}"


def _letter(app: App, run_id: str, known: Run | None) -> DeadLetter | None:
    """The dead letter of this id; None when there is none or nobody can say."""
    if known is not None and known.state != RunState.DEAD:
        return None
    try:
        queues = [known.queue] if known else app.store.run(names(app.store.space.queues))
        for queue in queues:
            for letter in app.store.run(dead(queue_keys(app.namespace.value, queue), WITHIN)):
                if letter.id == run_id:
                    return letter
    except (StoreError, ConfigError) as problem:
        note(f"dead letters cannot be seen: {problem}")
    return None


def letter_record(letter: DeadLetter | None) -> dict[str, object]:
    """A dead letter as JSON."""
    assert letter is not None
    return {
        "id": letter.id,
        "task": letter.task or None,
        "state": RunState.DEAD.value,
        "ended": utc_text(letter.died_ms),
        "attempt": letter.attempt,
        "deliveries": letter.deliveries,
        "error": letter.error or None,
        "reason": letter.reason or None,
    }


def _letter_facts(letter: DeadLetter | None) -> list[tuple[str, object]]:
    assert letter is not None
    return [
        ("run", letter.id),
        ("task", letter.task),
        ("state", RunState.DEAD.value),
        ("died", local_text(letter.died_ms)),
        ("attempts", letter.attempt),
        ("error", letter.error),
        ("reason", letter.reason),
    ]


def _facts(run: Run) -> list[tuple[str, object]]:
    def when(ms: int | None) -> str | None:
        return None if ms is None else local_text(ms)

    return [
        ("run", run.id),
        ("schedule", run.schedule),
        ("task", run.task),
        ("queue", run.queue),
        ("state", run.state),
        ("nominal", when(run.nominal_ms)),
        ("emitted", when(run.emitted_ms)),
        ("claimed", when(run.claimed_ms)),
        ("started", when(run.started_ms)),
        ("ended", when(run.ended_ms)),
        ("took", span_text(history.took_ms(run)) if history.took_ms(run) is not None else None),
        ("attempt", run.attempt),
        ("worker", run.worker),
        ("times", run.count if run.count > 1 else None),
        ("error", run.error),
        ("reason", run.reason),
    ]
