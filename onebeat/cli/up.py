"""How does everything run in one terminal, and what does a person see of it?"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from onebeat.app import DATABASE, App
from onebeat.cli.coming import all_declared, soonest
from onebeat.cli.follow import EVERY_S, Follower
from onebeat.cli.history import sentence
from onebeat.cli.options import APP, is_verbose, opens
from onebeat.cli.output import one_line
from onebeat.cli.services import mistakes_first, sizes_workers
from onebeat.cli.times import until_text, wall_text
from onebeat.clock import SYSTEM
from onebeat.embedded import ChildSpec, run_up
from onebeat.scheduler.instants import floor_ms
from onebeat.wire.locate import HOME

NEXT_SHOWN = 3
TOLD_MAX = 20  # ends that are told in a row; of more only the number


@click.command()
@sizes_workers
@opens()
def up(app: App, concurrency: int | None, processes: int | None, max_tasks: int, max_memory: int) -> int:
    """Run a private store, a beat and a worker in this terminal.

    Everything is kept in .onebeat/ in this folder; other commands find the store from there. With --redis
    the beat and the worker run on that store instead. Ctrl-C stops the parts in order, a second one at once.
    """
    home = app.folder / HOME
    app = _at_home(app, home)
    mistakes_first(app)
    sizes = {"--concurrency": concurrency, "--processes": processes}
    sizes |= {"--max-tasks": max_tasks, "--max-memory": max_memory}
    options = [word for name, value in sizes.items() if value for word in (name, str(value))]
    # who starts it means what the files say now, not what becomes of them while it runs
    children = [_child(app, "beat", "--meant", app.loaded.fingerprint), _child(app, "worker", *options)]
    with _Narrator(app) as narrator:
        return run_up(home, children, say=narrator.say, redis_url=app.redis)


def _at_home(app: App, home: Path) -> App:
    """The app as its children will see it: with the database beside the store unless one is named."""
    home.mkdir(mode=0o700, exist_ok=True)
    database = app.database_url
    url = f"sqlite:///{home / DATABASE}" if database.source == "default" else database.value
    return replace(app, environ={**app.environ, "ONEBEAT_DB_URL": url})


def _child(app: App, command: str, *options: str) -> ChildSpec:
    verbose = ["-v"] if is_verbose() else []
    file = [] if app.config is None else ["-c", str(app.config)]
    argv = [sys.executable, "-m", "onebeat", command, *file, *verbose, *options]
    told = {name: app.environ[name] for name in (APP,) if name in app.environ}
    return ChildSpec(command, argv, env={**told, "ONEBEAT_DB_URL": app.database_url.value})


class _Narrator:
    """Prints what the supervisor says, the next fires when the beat is ready, and each run that ends."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._follower = Follower(app.engine, app.namespace.value, since_ms=SYSTEM.wall_ms())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="onebeat-runs", daemon=True)
        self._silent = False

    def __enter__(self) -> _Narrator:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=5)
        self._app.close()

    def say(self, line: str) -> None:
        """One line of the supervisor's."""
        click.echo(line)
        name, _, text = line.partition("|")
        if name.strip() == "beat" and text.strip().startswith("ready"):
            self._say_next()

    def _say_next(self) -> None:
        now = datetime.now(UTC)
        fires = soonest([one.schedule for one in all_declared(self._app)], now, NEXT_SHOWN)
        for fire in fires:
            ahead = until_text(floor_ms(fire.at) - floor_ms(now))
            click.echo(f"next   | {wall_text(fire.at.astimezone())} {fire.schedule} {ahead}")
        if not fires:
            click.echo("next   | no schedule fires by itself")

    def _follow(self) -> None:
        while not self._over.wait(EVERY_S):
            self._tell_ends()
        self._tell_ends()  # the worker's last words in the history

    def _tell_ends(self) -> None:
        try:
            ended = self._follower.look()
        except Exception as problem:  # the parts go on without being watched, and a person is told once
            if not self._silent:
                click.echo(f"run    | the history cannot be read: {one_line(problem)}")
            self._silent = True
            return
        self._silent = False
        for run in ended[:TOLD_MAX]:
            click.echo(f"run    | {one_line(sentence(run))}")
        if len(ended) > TOLD_MAX:
            click.echo(f"run    | and {len(ended) - TOLD_MAX} more")
