"""How does a person tell the workers of this host to claim nothing more, and wait until they are idle?"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence

import click

from onebeat.app import App
from onebeat.cli.options import duration_ms, json_option, opens
from onebeat.cli.output import note, print_json
from onebeat.cli.places import lease_ms
from onebeat.clock import SYSTEM
from onebeat.errors import NotFound, Refused, WaitTimeout
from onebeat.queue import peek
from onebeat.wire.store_time import store_now_ms

_LOOK_EVERY_S = 0.2


@click.command()
@click.argument("names", metavar="[WORKER]...", nargs=-1)
@click.option("--wait", is_flag=True, help="Wait until nothing runs in them any more.")
@click.option(
    "--timeout", "timeout_ms", callback=duration_ms, metavar="DURATION", help="So long at the most."
)
@json_option
@opens()
def quiet(app: App, names: Sequence[str], wait: bool, timeout_ms: int | None, as_json: bool) -> None:
    """Let the workers of this host claim nothing more.

    What runs goes on, and they stay alive: a step before they are stopped. All of this host, or those whose
    names 'onebeat workers' tells, with the other processes of the same 'onebeat worker'. HUP ends it.
    With --timeout the exit code is 6 when something still ran.
    """
    pids = _pids(_here(app, names))
    for pid in pids:
        _tell(pid)
    if wait or timeout_ms is not None:
        _wait(app, pids, timeout_ms)
    told = sorted(row.name for row in _of(app, pids))
    if as_json:
        print_json("onebeat.quiet/1", workers=told, waited=wait or timeout_ms is not None)
        return
    done = "are idle" if wait or timeout_ms is not None else "claim nothing more"
    note(f"{len(told)} worker process(es) of this host: they {done}")


def _here(app: App, names: Sequence[str]) -> list[peek.WorkerView]:
    """The workers that are meant.

    Raises:
        NotFound: there is none, or none of a name. Refused: it runs on another host.
    """
    now_ms, host = app.store.run(store_now_ms()), socket.gethostname()
    alive = {row.name: row for row in _all(app) if lease_ms(row, now_ms) > 0}
    unknown = [name for name in names if name not in alive]
    if unknown:
        raise NotFound(f"no worker {', '.join(map(repr, unknown))} is alive: 'onebeat workers' lists them")
    away = {name: alive[name].about.get("host") for name in names if alive[name].about.get("host") != host}
    if away:
        there = ", ".join(f"{name} on {where}" for name, where in away.items())
        raise Refused(f"a signal reaches only this host ({host}), and {there} runs elsewhere: do it there")
    found = [
        row for row in alive.values() if row.about.get("host") == host and (not names or row.name in names)
    ]
    if not found:
        raise NotFound(f"no worker runs on this host ({host}): 'onebeat workers' lists them")
    return found


def _pids(rows: Sequence[peek.WorkerView]) -> list[int]:
    """The processes that look after them."""
    told = {row.about.get("pid") for row in rows}
    return sorted(pid for pid in told if isinstance(pid, int) and pid > 1)


def _tell(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTSTP)
    except ProcessLookupError:
        raise NotFound(f"process {pid} is gone: its workers end when their leases do") from None
    except PermissionError:
        raise Refused(f"process {pid} belongs to another user: do it as that user") from None


def _wait(app: App, pids: Sequence[int], timeout_ms: int | None) -> None:
    until_s = None if timeout_ms is None else SYSTEM.mono_s() + timeout_ms / 1000
    while True:
        busy = [row.name for row in _of(app, pids) if not _idle(app, row)]
        if not busy:
            return
        if until_s is not None and SYSTEM.mono_s() >= until_s:
            raise WaitTimeout(
                f"still busy: {', '.join(busy)}; they claim nothing more, 'onebeat runs' may tell"
            )
        time.sleep(_LOOK_EVERY_S)


def _all(app: App) -> list[peek.WorkerView]:
    return app.store.run(peek.workers(app.namespace.value))


def _of(app: App, pids: Sequence[int]) -> list[peek.WorkerView]:
    host, now_ms = socket.gethostname(), app.store.run(store_now_ms())
    return [
        row
        for row in _all(app)
        if row.about.get("pid") in pids and row.about.get("host") == host and lease_ms(row, now_ms) > 0
    ]


def _idle(app: App, row: peek.WorkerView) -> bool:
    """It has said that it claims nothing more, and it holds nothing."""
    return row.about.get("quiet") is True and not app.store.run(peek.held(app.namespace.value, row))
