"""Which messages will nobody try again, and what does a person do with them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from onebeat.app import App
from onebeat.cli.asking import agree, by, yes_option
from onebeat.cli.complain import verbose_option
from onebeat.cli.family import Family
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, counted, note, print_json, print_rows, progress
from onebeat.cli.runs import letter_record
from onebeat.cli.times import local_text
from onebeat.errors import NotFound
from onebeat.keys import queue_keys
from onebeat.queue import Queue, Tally, Which, peek
from onebeat.queue.pages import WITHIN, as_ms, names
from onebeat.wire import Command

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Family)
@verbose_option
def dead() -> None:
    """List dead letters, run them again, or throw them away.

    They are the messages that nobody will try again by itself.
    """


@dead.command("list")
@click.argument("queue", metavar="[QUEUE]", required=False)
@click.option(
    "--limit", type=click.IntRange(1, WITHIN), default=20, show_default=True, help="How many in each queue."
)
@json_option
@opens()
def list_(app: App, queue: str | None, limit: int, as_json: bool) -> None:
    """List the messages that nobody will try again, the last to die first."""
    letters = [
        (name, letter)
        for name in known_queues(app, queue)
        for letter in app.store.run(peek.dead(queue_keys(app.namespace.value, name), limit))
    ]
    print_rows(
        "onebeat.dead/1",
        sorted(letters, key=lambda row: -row[1].died_ms),
        as_json=as_json,
        record=lambda row: {"queue": row[0], **letter_record(row[1]), "traceback": row[1].traceback or None},
        columns=[
            Column("MESSAGE", lambda row: row[1].id),
            Column("TASK", lambda row: row[1].task),
            Column("QUEUE", lambda row: row[0]),
            Column("DIED", lambda row: local_text(row[1].died_ms)),
            Column("ATTEMPTS", lambda row: row[1].attempt, right=True),
            Column("WHY", lambda row: row[1].error or row[1].reason),
        ],
        empty="no dead letters",
    )


def _choosing(function: F) -> F:
    """The arguments that say which dead letters are meant."""
    for decorate in (
        click.option("--all", "every", is_flag=True, help="All that are dead now."),
        click.option("--died-of", metavar="REASON", default="", help="Those that died of it: failed, …"),
        click.option("--task", default="", help="Those of this task."),
        click.option("-q", "--queue", help="Only in this queue."),
        click.argument("ids", metavar="[MESSAGE]...", nargs=-1),
    ):
        function = decorate(function)
    return function


@dead.command()
@_choosing
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@yes_option
@json_option
@opens()
def retry(
    app: App,
    ids: Sequence[str],
    queue: str | None,
    task: str,
    died_of: str,
    every: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Queue dead letters again.

    By their ids, or a group, or all: those that are dead now, so one that dies again stays dead. They keep
    their ids and begin as if they were new, with all their attempts. Of a singleton that is queued once,
    one that would be the second stays dead.
    """
    which = _which(ids, task, died_of, every)
    chosen = list(_queues_of(app, which, queue))
    if chosen and not which.ids:
        agree(f"queue {_spelled(which, chosen)} again", yes=yes)
    said = by(reason)
    tally = _each(app, chosen, lambda one, which, told: one.redrive(which, said, told))
    _tell("onebeat.redriven/1", tally, "queued again", as_json)


@dead.command()
@_choosing
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the history.")
@yes_option
@json_option
@opens()
def discard(
    app: App,
    ids: Sequence[str],
    queue: str | None,
    task: str,
    died_of: str,
    every: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Throw dead letters away.

    What they would have done is not done. The history keeps that they died, and who threw them away and why.
    """
    which = _which(ids, task, died_of, every)
    chosen = list(_queues_of(app, which, queue))
    if chosen:
        agree(f"throw {_spelled(which, chosen)} away", yes=yes)
    said = by(reason)
    tally = _each(app, chosen, lambda one, which, told: one.discard(which, said, told))
    _tell("onebeat.discarded/1", tally, "thrown away", as_json)


def _which(ids: Sequence[str], task: str, died_of: str, every: bool) -> Which:
    if bool(ids) + bool(task or died_of) + every != 1:
        raise click.UsageError("say which: ids of messages, --task and --died-of, or --all")
    return Which(tuple(dict.fromkeys(ids)), task, died_of)


def _queues_of(app: App, which: Which, queue: str | None) -> Iterator[tuple[str, int, Which]]:
    """Where letters are that may be meant: the queue, how many are dead there, and what is wanted of it.

    Raises:
        NotFound: an id is of no dead letter.
    """
    missing = list(which.ids)
    for name in known_queues(app, queue):
        key = queue_keys(app.namespace.value, name).dead
        if not which.ids:
            total = int(app.store.perform(Command(("ZCARD", key))))
            if total:
                yield name, total, which
            continue
        times = app.store.perform(Command(("ZMSCORE", key, *which.ids)))
        here = tuple(id_ for id_, at in zip(which.ids, map(as_ms, times), strict=True) if at is not None)
        missing = [id_ for id_ in missing if id_ not in here]
        if here:
            yield name, len(here), Which(here)
    if missing:
        raise NotFound(f"no dead letter is called {', '.join(map(repr, missing))}: 'onebeat dead' lists them")


def known_queues(app: App, queue: str | None = None) -> list[str]:
    """The queues that anyone used, or only `queue`.

    Raises:
        NotFound: nobody used that one.
    """
    known = app.store.run(names(app.store.space.queues))
    if queue is None:
        return known
    if queue not in known:
        raise NotFound(f"nobody has used a queue {queue!r}: there are {', '.join(known) or 'none'}")
    return [queue]


def _spelled(which: Which, chosen: Sequence[tuple[str, int, Which]]) -> str:
    """What is asked about, in words."""
    where = f"in {', '.join(name for name, _, _ in chosen)}"
    group = " and ".join(
        words
        for words, said in (
            (f"of task {which.task}", which.task),
            (f"that died of {which.died_of!r}", which.died_of),
        )
        if said
    )
    letters = counted(sum(count for _, count, _ in chosen), "dead letter")
    return f"those of {letters} {where} {group}" if group else f"{letters} {where}"


def _each(
    app: App,
    chosen: Sequence[tuple[str, int, Which]],
    act: Callable[[Queue, Which, Callable[[int], None]], Tally],
) -> Tally:
    whole = Tally()
    with progress("dead letters", sum(count for _, count, _ in chosen)) as bar:
        for name, _, wanted in chosen:
            one = act(app.client.queue(name), wanted, bar.update)
            whole.done += one.done
            whole.unreadable += one.unreadable
            whole.refused += one.refused
            whole.ids += one.ids
    return whole


def _tell(schema: str, tally: Tally, done: str, as_json: bool) -> None:
    if as_json:
        stayed = {"unreadable": tally.unreadable, "refused": tally.refused}
        print_json(schema, count=tally.done, **stayed, ids=tally.ids)
        return
    note(f"{counted(tally.done, 'dead letter')} {done}")
    if tally.unreadable:
        note(f"{counted(tally.unreadable, 'dead letter')} cannot be read by this version and stayed")
    if tally.refused:
        letters = counted(tally.refused, "dead letter")
        note(
            f"{letters} stayed: another call is queued for the same singleton (scope: queued); "
            "try again when it is over, or discard"
        )
