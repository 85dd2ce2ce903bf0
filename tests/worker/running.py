"""How does a test run a real worker, with real processes, on a real store?"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from onebeat.keys import queue_keys
from onebeat.queue import Client
from onebeat.worker.settings import WorkerSettings

T = TypeVar("T")
REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 90.0
_RUN = """
import logging, os, sys
from onebeat.worker.settings import from_json
from onebeat.worker.supervisor import Supervisor
logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(levelname)s %(name)s: %(message)s")
sys.exit(Supervisor(from_json(os.environ.pop("TEST_SETTINGS"))).run())
"""


def until(probe: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """The first true answer of `probe`."""
    end = time.monotonic() + within_s
    while not (answer := probe()):
        assert time.monotonic() < end, f"{what}: not within {within_s} s; last answer {answer!r}"
        time.sleep(0.01)
    return answer


class Workshop:
    """A database, a file of notes, a client, and workers that are ended with the test."""

    def __init__(self, folder: Path, url: str, namespace: str) -> None:
        self.folder, self.url, self.namespace = folder, url, namespace
        self.notes_file = folder / "notes"
        self.notes_file.touch()
        self.database = folder / "acts.db"
        with sqlite3.connect(self.database) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE acts (word TEXT)")
        db.close()
        self.client = Client.from_url(url, namespace)
        self.keys = queue_keys(namespace, "default")
        self._workers: list[subprocess.Popen[bytes]] = []

    def worker(self, **settings: object) -> subprocess.Popen[bytes]:
        """Start a worker; it is not awaited."""
        imports = ("tests.worker.acts", "tests.worker.computing", "tests.worker.returning")
        chosen = {"lease_ms": 4000, "concurrency": 4, "imports": imports, **settings}
        told = WorkerSettings(
            redis_url=self.url,
            database_url=f"sqlite:///{self.database}",
            namespace=self.namespace,
            **chosen,
        )
        env = {**os.environ, "TEST_SETTINGS": told.to_json(), "ACTS_FILE": str(self.notes_file)}
        log = open(self.folder / f"worker{len(self._workers)}.log", "wb")  # noqa: SIM115
        with log:
            process = subprocess.Popen(
                [sys.executable, "-c", _RUN],
                cwd=REPOSITORY,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._workers.append(process)
        return process

    def log(self, number: int = 0) -> str:
        return (self.folder / f"worker{number}.log").read_text()

    def notes(self) -> list[str]:
        return self.notes_file.read_text().splitlines()

    def tell(self, word: str) -> None:
        """What runs under `word` and waits may end."""
        Path(f"{self.notes_file}.{word}").touch()

    def words(self) -> list[str]:
        """The committed effects."""
        db = sqlite3.connect(self.database)
        try:
            return [row[0] for row in db.execute("SELECT word FROM acts ORDER BY rowid")]
        finally:
            db.close()

    def stats(self) -> dict[str, int]:
        redis = self.client.store.client
        return {k.decode(): int(v) for k, v in redis.hgetall(self.keys.stats).items()}

    def dead(self) -> dict[str, str]:
        """id → why, of the dead letters."""
        redis = self.client.store.client
        return {k.decode(): v.decode() for k, v in redis.hgetall(self.keys.deadwhy).items()}

    def enqueue(self, name: str, *args: object, **rules: object) -> str:
        place = "" if ":" in name else "tests.worker.acts:"
        return self.client.enqueue(f"{place}{name}", args, **rules).id

    def close(self) -> None:
        for process in self._workers:
            for pid in (*children_of(process.pid), process.pid):
                _signal(pid, signal.SIGCONT, signal.SIGKILL)
            process.wait()
        self.client.close()
        for number in range(len(self._workers)):  # shown beside a test that failed
            print(f"-- worker {number}\n{self.log(number)}")


def _signal(pid: int, *signums: int) -> None:
    for signum in signums:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return


def children_of(pid: int) -> list[int]:
    """The worker processes of a supervisor."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def alive(pids: Sequence[int]) -> list[int]:
    """Those that run (a zombie does not)."""
    if not pids:
        return []
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))],
        capture_output=True,
        text=True,
        check=False,
    )
    return [
        int(line.split()[0]) for line in listed.stdout.splitlines() if not line.split()[1].startswith("Z")
    ]
