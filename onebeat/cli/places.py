"""Where is everything in the store? Queues and workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from onebeat.app import App
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, print_rows
from onebeat.cli.times import local_text, until_text, utc_text
from onebeat.queue import peek
from onebeat.queue.halt import Halt
from onebeat.wire.store_time import store_now_ms


@click.command()
@json_option
@opens()
def queues(app: App, as_json: bool) -> None:
    """List the queues and how full they are."""
    now_ms = app.store.run(store_now_ms())
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
            "waiting": row.waiting,
            "next_due": utc_text(row.next_due_ms),
            "paused": row.halt is not None,
            "paused_until": utc_text(row.halt.until_ms or None) if row.halt else None,
            "paused_by": row.halt.by.who or None if row.halt else None,
            "paused_reason": row.halt.by.reason or None if row.halt else None,
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
            Column("STATE", lambda row: pause_text(row.halt)),
        ],
        empty="nobody has used a queue yet",
    )


@click.command()
@json_option
@opens()
def workers(app: App, as_json: bool) -> None:
    """List the workers."""
    now_ms = app.store.run(store_now_ms())
    print_rows(
        "onebeat.workers/1",
        app.store.run(peek.workers(app.namespace.value)),
        as_json=as_json,
        record=lambda row: {
            "name": row.name,
            "alive": lease_ms(row, now_ms) > 0,
            "quiet": row.about.get("quiet") is True,
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
            Column("STATE", lambda row: _state(row, now_ms)),
        ],
        empty="no worker runs: start one with 'onebeat worker'",
    )


def pause_text(halt: Halt | None) -> str:
    """`open`, or since when a queue is held back and why."""
    if halt is None:
        return "open"
    end = f"until {local_text(halt.until_ms)}" if halt.until_ms else "until resumed"
    return f"paused {end}" + (f": {halt.by.reason}" if halt.by.reason else "")


def lease_ms(worker: peek.WorkerView, now_ms: int) -> int:
    """How long the worker's longest lease still lasts; not above 0 when it is gone."""
    ends = [end_ms for leases in worker.leases.values() for end_ms in leases.values()]
    return max(ends, default=now_ms) - now_ms


def _state(worker: peek.WorkerView, now_ms: int) -> str:
    if lease_ms(worker, now_ms) <= 0:
        return "gone"
    return "quiet" if worker.about.get("quiet") is True else "alive"


def queues_of(worker: peek.WorkerView) -> list[str]:
    """The queues that it says it works on."""
    told = worker.about.get("queues")
    return sorted(map(str, told)) if isinstance(told, dict) else []


def _ms(about: Mapping[str, Any], name: str) -> int | None:
    told = about.get(name)
    return told if isinstance(told, int) else None
