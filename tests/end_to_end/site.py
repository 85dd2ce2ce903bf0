"""How does a test run what a user runs? The real command line, in real processes, on one store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from examples.one_row import METADATA, ROWS
from onebeat import die_with_parent
from onebeat.keys import queue_keys
from onebeat.ledger import Historian, Run, create_tables, open_engine, runs
from onebeat.queue import Client
from tests.worker.running import PATIENCE_S, REPOSITORY, until

CONFIG = "onebeat.yaml"
_LEASING = "from onebeat.queue import liveness; liveness.LEASE_MS = {}; from onebeat.cli import main; main()"


class Span(NamedTuple):
    """One run of a task that takes its time; `end_s` None while, or if, it did not end."""

    run: str
    begin_s: float
    end_s: float | None


class Site:
    """A folder with a configuration, a database, and the processes that are ended with the test."""

    def __init__(self, folder: Path, url: str, namespace: str, config: str) -> None:
        self.folder, self.namespace = folder, namespace
        (folder / CONFIG).write_text(config)
        self.engine = open_engine(f"sqlite:///{folder / 'site.db'}")
        create_tables(self.engine)
        METADATA.create_all(self.engine)
        self._notes = folder / "notes"
        self._notes.touch()
        self.client = Client.from_url(url, namespace)
        self.keys = queue_keys(namespace, "default")
        self._env = {
            **os.environ,
            "ONEBEAT_REDIS_URL": url,
            "ONEBEAT_DB_URL": str(self.engine.url),
            "ONEBEAT_NAMESPACE": namespace,
            "NOTES": str(self._notes),
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, lease_ms: int = 0, url: str = "") -> subprocess.Popen[bytes]:
        """`onebeat WORDS…`, not awaited; its workers' lease and the store's URL as usual, or as said."""
        program = ["-c", _LEASING.format(lease_ms)] if lease_ms else ["-m", "onebeat"]
        argv = [sys.executable, *program, *words, "-c", str(self.folder / CONFIG)]
        with open(self.folder / f"{words[0]}{len(self._processes)}.log", "wb") as log:
            process = subprocess.Popen(
                die_with_parent.command(argv, signal.SIGKILL),
                cwd=REPOSITORY,
                env=self._env | ({"ONEBEAT_REDIS_URL": url} if url else {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def stop(self) -> list[int]:
        """TERM to everything that runs; the exit codes."""
        for process in self._processes:
            process.terminate()
        return [process.wait(PATIENCE_S) for process in self._processes]

    def tell(self, word: str) -> None:
        """What runs under `word` and waits may end."""
        Path(f"{self._notes}.{word}").touch()

    def log(self, name: str) -> str:
        """What all processes of `onebeat NAME` have printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob(f"{name}*.log")))

    def spans(self, word: str) -> list[Span]:
        """The runs that were given `word`, in the order in which they began."""
        begun: list[tuple[str, float]] = []
        ended: dict[str, float] = {}
        for line in self._notes.read_text().splitlines():
            what, noted, run, at_s = line.split()
            if noted == word and what == "begin":
                begun.append((run, float(at_s)))
            elif noted == word:
                ended[run] = float(at_s)
        return [Span(run, begin_s, ended.get(run)) for run, begin_s in begun]

    def rows(self) -> list[str]:
        """The committed effects."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(ROWS.c.run)))

    def history(self) -> list[Run]:
        """Every run, up to now."""
        Historian(self.client.store, self.engine, self.namespace).catch_up(["default"])
        return runs(self.engine, limit=100_000)

    def until_working(self, workers: int) -> None:
        """Return when so many workers have a lease."""
        redis = self.client.store.client
        until(lambda: redis.zcard(self.keys.lease) == workers, f"{workers} workers")

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.client.close()
        self.engine.dispose()
