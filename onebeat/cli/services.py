"""How do a beat and a worker start, and what do they refuse to start on?"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click

from onebeat.app import App
from onebeat.cli.options import is_verbose, opens, split_names
from onebeat.cli.output import counted
from onebeat.cli.quiet import quiet
from onebeat.clock import SYSTEM
from onebeat.errors import Refused, Remedy, StoreError
from onebeat.vitals import Vitals, VitalsServer, parse_address
from onebeat.wire import Pause, Protocol
from onebeat.wire.health import Health, Problem, Severity, examine

LOG = logging.getLogger("onebeat")
F = TypeVar("F", bound=Callable[..., Any])
WAIT_S = 10.0  # for a store that is started at the same time
_AGAIN_S = 0.5

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="PROBLEM",
    help="Start in spite of this problem of the store, named as the refusal names it; may be repeated.",
)


health_option = click.option(
    "--health",
    metavar="[HOST:]PORT",
    help="Answer /livez, /readyz and /leader there; on this machine only unless a host is named.",
)


def sizes_workers(function: F) -> F:
    """How many worker processes there are, what each may do at a time, and when it is replaced."""
    for decorate in (
        click.option(
            "--max-memory",
            type=click.IntRange(0),
            default=0,
            metavar="MIB",
            help="Replace a process that takes more memory, when the runs that it has are over.",
        ),
        click.option(
            "--max-tasks",
            type=click.IntRange(0),
            default=0,
            help="Replace a process after so many runs, when those that it has are over.",
        ),
        click.option("--processes", type=click.IntRange(1, 256), help="Worker processes."),
        click.option("--concurrency", type=click.IntRange(1, 10_000), help="Runs at a time in each process."),
    ):
        function = decorate(function)
    return function


@click.command()
@click.option(
    "--allow-drop", is_flag=True, help="Take a configuration that drops more than half of the schedules."
)
@click.option("--meant", hidden=True, default="", help="The configuration that 'onebeat up' started with.")
@allow_option
@health_option
@opens()
def beat(app: App, allow: Sequence[str], health: str | None, allow_drop: bool, meant: str) -> None:
    """Queue the fires of the configured schedules.

    Any number may run: each nominal time is queued once. The files are read again when they change, and on
    HUP; what is wrong in them is told and changes nothing. TERM or Ctrl-C stops it.
    """
    log_to_stderr()
    app = replace(app, allow_drop=allow_drop, meant=meant)
    if warnings := mistakes_first(app):  # the worker and `up` say nothing
        LOG.warning("%s in %s: 'onebeat check' shows them", counted(warnings, "warning"), app.config)
    _check_store(app, allow)
    app.running.refuse_drop()
    running = app.beat()
    _serve(running.vitals, health)

    def look(*_: object) -> None:
        app.running.live.hurry()
        running.look()

    signal.signal(signal.SIGHUP, look)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: running.stop())
    running.run()
    LOG.info("the beat has stopped")


@click.group(invoke_without_command=True)
@click.option(
    "-q",
    "--queues",
    multiple=True,
    callback=split_names,
    metavar="A,B",
    help="All that schedules and tasks name when absent; may be given several times.",
)
@sizes_workers
@allow_option
@health_option
@opens()
def worker(
    app: App,
    queues: Sequence[str],
    concurrency: int | None,
    processes: int | None,
    max_tasks: int,
    max_memory: int,
    allow: Sequence[str],
    health: str | None,
) -> int:
    """Run the queued tasks.

    TERM or Ctrl-C lets running tasks finish and gives back the rest; a second one, or QUIT, cuts them short.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    log_to_stderr()
    mistakes_first(app)
    app.load_tasks()
    _check_store(app, allow)
    app = replace(app, max_tasks=max_tasks, max_memory_mib=max_memory)
    running = app.worker(queues=queues, concurrency=concurrency, processes=processes)
    _serve(running.vitals, health)
    status = running.run()
    LOG.info("the worker has stopped")
    return status


worker.add_command(quiet)


def _serve(vitals: Vitals, health: str | None) -> None:
    """Answer who asks for the health of this process, until it ends."""
    if health is not None:
        host, port = parse_address(health)
        LOG.info("health: http://%s:%d/readyz", host, VitalsServer(vitals, host, port).port)


def log_to_stderr() -> None:
    """One format for every line of a service."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if is_verbose() else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def mistakes_first(app: App) -> int:
    """A wrong configuration is told before a store is looked for, all of it; how many warnings it has."""
    return len(app.loaded.warnings)


def _check_store(app: App, allowed: Sequence[str]) -> None:
    """Return if the store can keep what onebeat promises.

    Raises:
        Refused: it cannot, and nobody allowed that by name.
        StoreError: it did not answer for `WAIT_S`.
    """
    health = app.store.run(_patiently())
    refusals: list[Problem] = []
    for problem in health.problems:
        if problem.severity is Severity.REFUSE and problem.name not in allowed:
            refusals.append(problem)
        else:
            LOG.warning("the store: %s: %s [%s]", problem.text, problem.mend, problem.name)
    if refusals:
        reasons = "; ".join(f"{one.text}: {one.mend}" for one in refusals)
        options = " ".join(f"--allow {one.name}" for one in refusals)
        raise Refused(f"this store cannot keep what onebeat promises: {reasons} (or start with {options})")


def _patiently() -> Protocol[Health]:
    until_s = SYSTEM.mono_s() + WAIT_S
    while True:
        try:
            return (yield from examine())
        except StoreError as problem:
            if problem.remedy is Remedy.FATAL or SYSTEM.mono_s() + _AGAIN_S >= until_s:
                raise
            LOG.warning("waiting: %s", problem)
        yield Pause(_AGAIN_S)
