"""How is everything wired? Settings, schedules, store, database, beat and worker: here and nowhere else.

Each setting comes from the first of: a flag, the environment, the configuration file, a default.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from onebeat.errors import ConfigError, NotFound, Refused
from onebeat.queue import Client, KeyRing, ring_from
from onebeat.wire import Store, find_store
from onebeat.wire.default import NAMESPACE
from onebeat.wire.locate import HOME, Found, live_home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from onebeat.config import Live, Loaded
    from onebeat.scheduler.beat import Beat
    from onebeat.scheduler.desk import News
    from onebeat.scheduler.schedule import Schedule
    from onebeat.worker.settings import WorkerSettings
    from onebeat.worker.supervisor import Supervisor

CONFIG_NAMES = ("onebeat.yaml", "onebeat.yml", "config/onebeat.yaml")
DATABASE = "onebeat.db"


@dataclass(frozen=True)
class App:
    """A configured onebeat. Make it with `App.open()`; everything else is opened when first used.

    `config` is the file that is read, None when there is none; `redis` the URL that a flag gave, None to
    look further; `folder` where relative things are looked for.
    """

    config: Path | None = None
    redis: str | None = field(default=None, repr=False)  # may hold a password
    max_tasks: int = 0  # a worker process that ran so many is replaced; 0 is no limit
    max_memory_mib: int = 0  # and so is one that takes more
    allow_drop: bool = False  # a beat may take a configuration that drops more than half of the schedules
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    folder: Path = Path()

    @classmethod
    def open(
        cls,
        config: Path | str | None = None,
        *,
        redis: str | None = None,
        environ: Mapping[str, str] = os.environ,
        folder: Path | None = None,
    ) -> App:
        """An app for the configuration at `config`, else `ONEBEAT_CONFIG`, else `onebeat.yaml` here.

        Raises:
            ConfigError: the named file does not exist.
        """
        here = (folder or Path.cwd()).resolve()
        named = config or environ.get("ONEBEAT_CONFIG")
        if named is None:
            found = next((here / name for name in CONFIG_NAMES if (here / name).is_file()), None)
            return cls(found, redis, environ=environ, folder=here)
        path = Path(named) if Path(named).is_absolute() else here / named
        if not path.is_file():
            raise ConfigError(f"{named}: no such file; give the configuration with -c FILE")
        return cls(path, redis, environ=environ, folder=here)

    # -- what is configured ------------------------------------------------------------------------

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration file's content.

        Raises:
            ConfigError: there is no file. ConfigMistakes: it has mistakes; lists them all.
        """
        from onebeat.config import load_or_raise

        if self.config is None:
            raise ConfigError(
                "no configuration: give -c FILE or ONEBEAT_CONFIG, or write an onebeat.yaml in this folder "
                "('onebeat schema' tells editors what it may say)"
            )
        return load_or_raise([self.config], self.environ)

    @property
    def schedules(self) -> Sequence[Schedule]:
        """The declared schedules, disabled ones included."""
        return self.loaded.schedules

    def schedule(self, schedule_id: str) -> Schedule:
        """The schedule called `schedule_id`.

        Raises:
            NotFound: there is none; names the closest.
        """
        import difflib

        for one in self.schedules:
            if one.id == schedule_id:
                return one
        close = difflib.get_close_matches(schedule_id, [one.id for one in self.schedules], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "see 'onebeat list'"
        raise NotFound(f"no schedule is called {schedule_id!r}: {hint}")

    @cached_property
    def redis_url(self) -> Found:
        """The store's URL and where it was named.

        Raises:
            ConfigError: none is named and none runs here.
        """
        configured = self.loaded.settings.redis if self.config is not None else None
        return find_store(self.redis, config=configured, environ=self.environ, start=self.folder)

    @cached_property
    def database_url(self) -> Found:
        """The database of ledger and history: `ONEBEAT_DB_URL`, the file, or SQLite in `.onebeat/`."""
        if self.environ.get("ONEBEAT_DB_URL"):
            return Found(self.environ["ONEBEAT_DB_URL"], "ONEBEAT_DB_URL")
        if self.config is not None and self.loaded.settings.database:
            return Found(self.loaded.settings.database, str(self.config))
        home = live_home(self.folder) or self.folder / HOME
        return Found(f"sqlite:///{home / DATABASE}", "default")

    def _make_home(self) -> None:
        """The folder of the default database, made only by what is about to write there."""
        if self.database_url.source == "default":
            path = Path(self.database_url.value.removeprefix("sqlite:///"))
            path.parent.mkdir(mode=0o700, exist_ok=True)

    @cached_property
    def namespace(self) -> Found:
        """The prefix of every key: `ONEBEAT_NAMESPACE`, the file, or `onebeat`."""
        if self.environ.get("ONEBEAT_NAMESPACE"):
            return Found(self.environ["ONEBEAT_NAMESPACE"], "ONEBEAT_NAMESPACE")
        if self.config is not None and self.loaded.settings.namespace:
            return Found(self.loaded.settings.namespace, str(self.config))
        return Found(NAMESPACE, "default")

    # -- what is opened ----------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """A blocking store."""
        return Store.open(self.redis_url.value, self.namespace.value)

    @cached_property
    def ring(self) -> KeyRing:
        """The keys that sign messages, from the environment; a ConfigError when they cannot be read."""
        return ring_from(self.environ)

    @cached_property
    def client(self) -> Client:
        """A client that queues calls."""
        return Client(self.store, self.ring)

    @cached_property
    def engine(self) -> Engine:
        """The database, its tables made."""
        from onebeat.ledger import create_tables, open_engine

        self._make_home()
        engine = open_engine(self.database_url.value)
        create_tables(engine)
        return engine

    def close(self) -> None:
        """Close the store's and the database's connections; they are opened again when used."""
        opened = vars(self)
        if "store" in opened:
            self.store.close()
        if "engine" in opened:
            self.engine.dispose()

    # -- what runs ---------------------------------------------------------------------------------

    def beat(self) -> Beat:
        """The beat of the configured schedules, which follows their files; call its `run`."""
        from onebeat.scheduler.beat import Beat

        config, starts = self.loaded.fingerprint, self._starts
        return Beat(self.store, self._enabled, config=config, starts=starts, news=self._news, ring=self.ring)

    @property
    def _enabled(self) -> list[Schedule]:
        return [one for one in self.live.loaded.schedules if one.enabled]

    @cached_property
    def live(self) -> Live:
        """The configuration as it is edited."""
        from onebeat.config import Live

        assert self.config is not None
        return Live([self.config], self.loaded, self.environ, approved=self._approves)

    def _news(self) -> News:
        from onebeat.scheduler.desk import News

        self.live.look()
        return News(lambda: self._enabled, self.live.fingerprint, self.live.refused)

    def _approves(self, fingerprint: str) -> bool:
        """Whether a person said that this configuration may drop more than half of the schedules."""
        from onebeat.queue.settling import approved

        return self.allow_drop or self.store.run(approved(self.store.space)) == fingerprint

    def refuse_drop(self) -> None:
        """Return if the configuration may follow the one that ran last.

        Raises:
            Refused: it drops more than half of the schedules, and nobody said that this is meant.
        """
        from onebeat.config import dropped
        from onebeat.queue.settling import scheduled

        known = self.store.run(scheduled(self.store.space, self.namespace.value, self.loaded.fingerprint))
        gone = dropped(known, self.loaded)
        if gone and not self._approves(self.loaded.fingerprint):
            raise Refused(f"{gone}; so does --allow-drop")

    def _starts(self) -> dict[str, int]:
        """Where the history says that schedules are, for a store that lost its data."""
        from onebeat.ledger import cursors

        found: dict[str, int] = {}
        for queue in {one.queue for one in self._enabled}:
            found.update(cursors(self.engine, self.namespace.value, queue))
        return found

    def worker(
        self, *, queues: Sequence[str] = (), concurrency: int | None = None, processes: int | None = None
    ) -> Supervisor:
        """The supervisor of worker processes; call its `run`. `queues`: all that are known when empty."""
        from onebeat.worker.supervisor import Supervisor

        _ = self.ring  # its processes read the keys for themselves: bad ones are told here
        return Supervisor(self.worker_settings(queues, concurrency, processes))

    def worker_settings(
        self, queues: Sequence[str] = (), concurrency: int | None = None, processes: int | None = None
    ) -> WorkerSettings:
        """What the worker processes are told."""
        from onebeat.worker.settings import WorkerSettings

        self._make_home()
        settings = WorkerSettings(
            redis_url=self.redis_url.value,
            database_url=self.database_url.value,
            namespace=self.namespace.value,
            max_tasks=self.max_tasks,
            max_memory_mib=self.max_memory_mib,
            queues=tuple(queues) or self.known_queues(),
            imports=tuple(self.imports),
        )
        import msgspec

        chosen = {"concurrency": concurrency, "processes": processes}
        return msgspec.structs.replace(settings, **{k: v for k, v in chosen.items() if v is not None})

    @property
    def imports(self) -> Sequence[str]:
        """Modules that register tasks: the file's `imports`, and the modules that its tasks name."""
        if self.config is None:
            return ()
        named = [one.task.partition(":")[0] for one in self.schedules if ":" in one.task]
        return tuple(dict.fromkeys([*self.loaded.imports, *named]))

    def load_tasks(self) -> None:
        """Import the modules that register tasks, as a worker does.

        Raises:
            ConfigError: one cannot be imported.
        """
        from onebeat.worker.registry import import_all

        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        import_all(self.imports)

    def known_queues(self) -> tuple[str, ...]:
        """`default`, and every queue that a schedule or a registered task names."""
        from onebeat.worker.registry import REGISTRY

        self.load_tasks()
        scheduled = [one.queue for one in self.schedules] if self.config is not None else []
        return tuple(dict.fromkeys(["default", *scheduled, *(one.queue for one in REGISTRY)]))
