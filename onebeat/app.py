"""How is everything wired? Settings, schedules, store, database, beat and worker: here and nowhere else.

Each setting comes from the first of: a flag, the environment, the configuration file, a default.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, Unpack

from onebeat.client import AsyncClient, Client
from onebeat.errors import ConfigError
from onebeat.queue import KeyRing, ring_from
from onebeat.wire import AsyncStore, Store, find_store
from onebeat.wire.default import NAMESPACE
from onebeat.wire.locate import HOME, Found, live_home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from onebeat.catalog import Catalog, Declared
    from onebeat.config import Loaded
    from onebeat.config.declare import Keys
    from onebeat.decorated import Decorated
    from onebeat.running import Running
    from onebeat.scheduler.beat import Beat
    from onebeat.scheduler.past import Past
    from onebeat.scheduler.schedule import Schedule
    from onebeat.worker.settings import WorkerSettings
    from onebeat.worker.supervisor import Supervisor
    from onebeat.worker.task import Task

P = ParamSpec("P")
R = TypeVar("R")
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
    meant: str = ""  # the fingerprint of one that a person just started, whatever it drops
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    folder: Path = Path()
    _decorated: dict[str, Decorated] = field(default_factory=dict, repr=False, compare=False)

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
        path = here / named
        if not path.is_file():
            raise ConfigError(f"{named}: no such file; give the configuration with -c FILE")
        return cls(path, redis, environ=environ, folder=here)

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration file's content.

        Raises:
            ConfigError: there is no file. ConfigMistakes: it has mistakes; lists them all.
        """
        from onebeat.decorated import load_or_raise

        return load_or_raise(self.config, self.environ, self._decorated)

    @property
    def configured(self) -> bool:
        """Whether there is a file or a schedule in Python."""
        return self.config is not None or bool(self._decorated)

    @property
    def schedules(self) -> Sequence[Schedule]:
        """Those of file and decorators, disabled ones included."""
        return self.loaded.schedules

    def schedule(
        self, *, id: str | None = None, **keys: Unpack[Keys]
    ) -> Callable[[Callable[P, R] | Task[P, R]], Task[P, R]]:
        """Declare a schedule of a function: `@app.schedule(cron="0 9 * * *", timezone="Asia/Seoul")`.

        `id`: the function's name when it is None. The other arguments are the keys of a file's schedule, and
        mean the same. A plain function becomes a task, as with `@task`. The beat finds it with
        `onebeat beat --app module:app`.

        Raises:
            ConfigMistakes: lists everything that is wrong with the arguments, by name.
            ConfigError: the id is taken. BadArguments: the function does not take `args` and `kwargs`.
        """
        from onebeat.decorated import decorate

        vars(self).pop("loaded", None)
        return decorate(self._decorated, id, keys)

    @property
    def declared(self) -> Sequence[Declared]:
        """The schedules of files and of `@app.schedule`, and which of the two."""
        from onebeat.catalog import Declared

        here = self.schedules if self.configured else ()
        return [Declared(one, "python" if one.id in self._decorated else "file") for one in here]

    @property
    def catalog(self) -> Catalog:
        """All schedules: these, and those that programs made."""
        from onebeat.catalog import Catalog

        return Catalog(self.store.space, self.store.namespace, lambda: self.declared, self._past, self.ring)

    def _past(self) -> Past:
        from onebeat.scheduler.past import Past

        return Past(self.store, self.engine)

    def find(self, schedule_id: str) -> Declared:
        """The schedule called `schedule_id`, of the configuration or made by a program.

        Raises:
            NotFound: there is none; names the closest.
        """
        from onebeat.catalog import nobody

        here = {one.id: one for one in self.declared}
        try:
            return here.get(schedule_id) or self.store.run(self.catalog.find(schedule_id))
        except ConfigError:  # no store is named, so the configuration is all there is
            raise nobody(schedule_id, here) from None

    @cached_property
    def redis_url(self) -> Found:
        """The store's URL and where it was named.

        Raises:
            ConfigError: none is named and none runs here.
        """
        configured = self.loaded.settings.redis if self.configured else None
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
        """A client that queues calls and makes schedules."""
        return Client(self.store, self.ring, known=lambda: self.declared, history=self._past)

    def async_client(self) -> AsyncClient:
        """The asyncio twin of `client`; the caller closes it."""
        store = AsyncStore.open(self.redis_url.value, self.namespace.value)
        return AsyncClient(store, self.ring, known=lambda: self.declared, history=self._past)

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

    @cached_property
    def running(self) -> Running:
        """What a beat of this app sees of it."""
        from onebeat.running import Running

        return Running(self)

    def beat(self) -> Beat:
        """The beat of the declared schedules, which follows their files; call its `run`."""
        return self.running.beat()

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
        import msgspec

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
        chosen = {"concurrency": concurrency, "processes": processes}
        return msgspec.structs.replace(settings, **{k: v for k, v in chosen.items() if v is not None})

    @property
    def imports(self) -> Sequence[str]:
        """Modules that register tasks: the file's `imports`, and the modules that its tasks name."""
        if not self.configured:
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
        scheduled = [one.queue for one in self.schedules] if self.configured else []
        return tuple(dict.fromkeys(["default", *scheduled, *(one.queue for one in REGISTRY)]))
