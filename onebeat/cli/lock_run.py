"""How does any command run under a lock? As flock(1) does it, for many machines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import click

from onebeat import die_with_parent
from onebeat.app import App
from onebeat.cli.options import duration_ms, opens
from onebeat.cli.output import note
from onebeat.locks import Lease, Lock

BUSY, CANNOT_START, LOST, BY_SIGNAL = 1, 69, 1, 128  # flock's, the second is EX_UNAVAILABLE
KILL_AFTER_S = 10.0
FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


@click.command()
@click.argument("name")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.option(
    "--lease",
    callback=duration_ms,
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="The lock of a dead holder is free after it.",
)
@click.option("--wait", callback=duration_ms, metavar="DURATION", help="Wait so long at the most [no limit].")
@opens()
def run(app: App, name: str, command: Sequence[str], lease: int, wait: int | None) -> int:
    """Run a command while holding a lock, which is renewed as long as it runs.

    It finds the lock's fence in ONEBEAT_FENCE. When the lock is lost it is told by TERM, and by KILL ten
    seconds later. Signals are passed on to it. The exit code is the command's own, 128 + n when signal n
    ended it, 1 when the lock was not free in time or was lost, 69 when the command cannot be started.
    """
    if shutil.which(command[0]) is None:
        note(f"{command[0]}: there is no such command")
        return CANNOT_START
    signal.signal(signal.SIGTERM, _leave)  # so that whoever waits leaves the queue
    lock = Lock(app.store, name, lease / 1000, task=" ".join(command))
    held = lock.acquire(None if wait is None else wait / 1000)
    if held is None:
        note(f"{name} is held by {lock.peek() or 'one that just left'}: the command did not run")
        return BUSY
    try:
        code = _run_under(held, command)
    finally:
        lock.release(held)
    if held.lost:
        note(str(held.loss()))
        return code or LOST
    return code


def _run_under(lease: Lease, command: Sequence[str]) -> int:
    """The exit code of `command`, run to its end."""
    env = {**os.environ, "ONEBEAT_FENCE": str(lease.fence)}
    words = die_with_parent.command(command, signal.SIGTERM) if sys.platform == "linux" else [*command]
    child = subprocess.Popen(words, env=env)  # noqa: S603 - what this command is for
    for signum in FORWARDED:
        signal.signal(signum, lambda number, _frame: _pass_on(child, number))
    killer = threading.Timer(KILL_AFTER_S, child.kill)
    killer.daemon = True

    def stop(_reason: str) -> None:
        child.terminate()
        killer.start()

    lease.on_lost(stop)
    code = child.wait()
    killer.cancel()
    return code if code >= 0 else BY_SIGNAL - code


def _pass_on(child: subprocess.Popen[bytes], signum: int) -> None:
    """What a terminal sends to everybody in front of it, the child has got already."""
    typed = signum in (signal.SIGINT, signal.SIGQUIT)
    if not (typed and sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()):
        child.send_signal(signum)


def _leave(signum: int, _frame: Any) -> None:
    raise SystemExit(BY_SIGNAL + signum)
