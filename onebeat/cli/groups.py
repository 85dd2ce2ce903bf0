"""Which groups wait for a member?"""

from __future__ import annotations

import click

from onebeat.app import App
from onebeat.cli.options import json_option, opens
from onebeat.cli.output import Column, print_rows
from onebeat.cli.times import span_text, utc_text
from onebeat.keys import queue_keys
from onebeat.queue.open_groups import OpenGroup, open_groups
from onebeat.queue.pages import names
from onebeat.wire.store_time import store_now_ms


@click.command()
@json_option
@opens()
def groups(app: App, as_json: bool) -> None:
    """List the groups that are open.

    A group is open until all of its members are done. Shown are the first that are not; a dead one is in
    'onebeat dead', and counts when it is run again.
    """
    now_ms = app.store.run(store_now_ms())
    found: list[OpenGroup] = []
    for queue in app.store.run(names(app.store.space.queues)):
        found += app.store.run(open_groups(queue_keys(app.namespace.value, queue)))
    print_rows(
        "onebeat.groups/1",
        found,
        as_json=as_json,
        record=lambda one: {
            "id": one.id,
            "queue": one.queue,
            "members": one.total,
            "done": one.done,
            "made": utc_text(one.made_ms),
            "missing": list(one.missing),
        },
        columns=[
            Column[OpenGroup]("GROUP", lambda one: one.id),
            Column[OpenGroup]("QUEUE", lambda one: one.queue),
            Column[OpenGroup]("DONE", lambda one: f"{one.done} of {one.total}", right=True),
            Column[OpenGroup]("AGE", lambda one: span_text(now_ms - one.made_ms), right=True),
            Column[OpenGroup]("MISSING", lambda one: ", ".join(one.missing)),
        ],
        empty="no group is open",
    )
