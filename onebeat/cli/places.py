"""Where is everything in the store? Queues, workers, dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from onebeat.app import App
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, print_rows
from onebeat.cli.runs import letter_record
from onebeat.cli.times import local_text, until_text, utc_text
from onebeat.errors import NotFound
from onebeat.keys import queue_keys
from onebeat.queue import peek
from onebeat.queue.pages import WITHIN, names
from onebeat.wire import Command, Store


@click.command()
@json_option
@opens()
def queues(app: App, as_json: bool) -> None:
    """List the queues and how full they are."""
    now_ms = store_now_ms(app.store)
    print_rows(
        "onebeat.queues/1",
        app.store.run(peek.queues(app.namespace.value)),
        as_json=as_json,
        record=lambda row: {
            "name": row.name,
            "ready": sum(row.ready),
            "ready_by_priority": list(row.ready),
            "delayed": row.delayed,
            "claimed": row.claimed,
            "dead": row.dead,
            "next_due": utc_text(row.next_due_ms),
            "stats": row.stats,
        },
        columns=[
            Column("QUEUE", lambda row: row.name),
            Column("READY", lambda row: sum(row.ready), right=True),
            Column("CLAIMED", lambda row: row.claimed, right=True),
            Column("DELAYED", lambda row: row.delayed, right=True),
            Column("DEAD", lambda row: row.dead, right=True),
            Column(
                "NEXT DUE",
                lambda row: None if row.next_due_ms is None else until_text(row.next_due_ms - now_ms),
                right=True,
            ),
        ],
        empty="nobody has used a queue yet",
    )


@click.command()
@json_option
@opens()
def workers(app: App, as_json: bool) -> None:
    """List the workers."""
    now_ms = store_now_ms(app.store)
    print_rows(
        "onebeat.workers/1",
        app.store.run(peek.workers(app.namespace.value)),
        as_json=as_json,
        record=lambda row: {
            "name": row.name,
            "alive": lease_ms(row, now_ms) > 0,
            "lease_ms": max(0, lease_ms(row, now_ms)),
            "host": row.about.get("host"),
            "pid": row.about.get("pid"),
            "queues": queues_of(row),
            "concurrency": row.about.get("concurrency"),
            "started": utc_text(_ms(row.about, "started_ms")),
        },
        columns=[
            Column("WORKER", lambda row: row.name),
            Column("PID", lambda row: row.about.get("pid"), right=True),
            Column("QUEUES", lambda row: ", ".join(queues_of(row))),
            Column("SLOTS", lambda row: row.about.get("concurrency"), right=True),
            Column("STARTED", lambda row: local_text(_ms(row.about, "started_ms"))),
            Column("STATE", lambda row: "alive" if lease_ms(row, now_ms) > 0 else "gone"),
        ],
        empty="no worker runs: start one with 'onebeat worker'",
    )


@click.command()
@click.argument("queue", metavar="[QUEUE]", required=False)
@click.option(
    "--limit", type=click.IntRange(1, WITHIN), default=20, show_default=True, help="How many in each queue."
)
@json_option
@opens()
def dead(app: App, queue: str | None, limit: int, as_json: bool) -> None:
    """List the messages that nobody will try again, the last to die first."""
    known = app.store.run(names(app.store.space.queues))
    if queue is not None and queue not in known:
        raise NotFound(f"nobody has used a queue {queue!r}: there are {', '.join(known) or 'none'}")
    letters = [
        (name, letter)
        for name in ([queue] if queue else known)
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


def store_now_ms(store: Store) -> int:
    """The time of the store's clock, which leases and due times are told in."""
    seconds, micros = store.perform(Command(("TIME",)))
    return int(seconds) * 1000 + int(micros) // 1000


def lease_ms(worker: peek.WorkerView, now_ms: int) -> int:
    """How long the worker's longest lease still lasts; not above 0 when it is gone."""
    ends = [end_ms for leases in worker.leases.values() for end_ms in leases.values()]
    return max(ends, default=now_ms) - now_ms


def queues_of(worker: peek.WorkerView) -> list[str]:
    """The queues that it says it works on."""
    told = worker.about.get("queues")
    return sorted(map(str, told)) if isinstance(told, dict) else []


def _ms(about: Mapping[str, Any], name: str) -> int | None:
    told = about.get(name)
    return told if isinstance(told, int) else None
