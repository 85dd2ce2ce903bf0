"""Where do the benchmarks run? On a private store, started as `onebeat up` starts it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import cpu_of
from onebeat.embedded import StoreProcess
from onebeat.keys import queue_keys
from onebeat.queue import Client

REPOSITORY = Path(__file__).parent.parent
PATIENCE_S = 120.0


class Place:
    """A store, and a fresh namespace for each measurement."""

    def __init__(self, store: StoreProcess, folder: Path) -> None:
        self.url, self.pid, self.folder = store.url, store.pid, folder

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client in a namespace of its own, emptied afterwards."""
        client = Client.from_url(self.url, f"bench{secrets.token_hex(4)}")
        try:
            yield client
        finally:
            client.store.client.flushall()
            client.close()

    @contextmanager
    def worker(self, client: Client, concurrency: int = 8) -> Iterator[int]:
        """One worker with one process on `default`; yields the pid of that process."""
        env = {
            **os.environ,
            "ONEBEAT_REDIS_URL": self.url,
            "ONEBEAT_NAMESPACE": client.store.namespace,
            "ONEBEAT_DB_URL": f"sqlite:///{self.folder}/bench.db",
        }
        words = ["worker", "-c", "benchmarks/bench.yaml", "-q", "default", "--concurrency", str(concurrency)]
        process = subprocess.Popen(
            [sys.executable, "-m", "onebeat", *words], cwd=REPOSITORY, env=env, stderr=subprocess.DEVNULL
        )
        try:
            yield child_of(process.pid)
        finally:
            process.terminate()
            process.wait(60)

    def finished(self, client: Client) -> int:
        """Messages that were finished in this namespace."""
        keys = queue_keys(client.store.namespace, "default")
        return int(client.store.client.hget(keys.stats, "finish") or 0)

    def store_cpu_s(self) -> float:
        """Processor seconds of the store."""
        return cpu_of(self.pid)


def child_of(pid: int) -> int:
    """The worker process that a supervisor started."""
    return until(lambda: _children(pid), "the worker process")[0]


def parent_of(pid: int) -> int:
    """The supervisor of a worker process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listed.read_text().split()] if listed.exists() else []


def until(probe: Callable[[], Any], what: str) -> Any:
    """The first true answer of `probe`."""
    end = time.monotonic() + PATIENCE_S
    while not (answer := probe()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE_S:g} s")
        time.sleep(0.002)
    return answer


@contextmanager
def private_place() -> Iterator[Place]:
    """A store of its own in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="ob-bench-") as folder:
        store = StoreProcess(Path(folder) / "home")
        store.start()
        try:
            yield Place(store, Path(folder))
        finally:
            store.stop()
