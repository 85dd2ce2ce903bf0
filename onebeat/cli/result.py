"""What did a call return?"""

from __future__ import annotations

import click
import msgspec

from onebeat.app import App
from onebeat.cli.letters import known_queues
from onebeat.cli.options import json_option, opens
from onebeat.errors import NoResult
from onebeat.keys import queue_keys
from onebeat.queue.results import knows

WITHIN_S = 10.0


@click.command()
@click.argument("message_id", metavar="MESSAGE")
@click.option("-q", "--queue", help="Where it is or was; found by itself in the queues that are in use.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Wait for its end, so long at the most.",
)
@json_option
@opens()
def result(app: App, message_id: str, queue: str | None, wait_s: float, as_json: bool) -> None:
    """Print what a call returned.

    Kept are results of tasks with result_ttl, and of calls that asked for it. The exit code is 7 when the run
    failed or was cancelled, 6 when it is not over, 3 when no result is kept.
    """
    for name in known_queues(app, queue):
        keys = queue_keys(app.namespace.value, name)
        if app.store.run(knows(keys, message_id, within_s=WITHIN_S)):
            value = msgspec.json.encode(app.client.result(message_id, name, wait_s))
            if as_json:
                told = {
                    "schema": "onebeat.result/1",
                    "id": message_id,
                    "queue": name,
                    "result": msgspec.Raw(value),
                }
                value = msgspec.json.format(msgspec.json.encode(told), indent=2)
            click.echo(value)
            return
    raise NoResult(
        f"no result of message {message_id!r} is kept: its task has no result_ttl, the result was kept long "
        "enough, or there is no such message"
    )
