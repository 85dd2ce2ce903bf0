"""What does it cost to wait for the disk or for a replica? One by one, in bulk, and by many at once."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks.harness import Figures, Line, Stopwatch
from benchmarks.place import until
from onebeat.embedded.binary import find_binary
from onebeat.errors import StoreError
from onebeat.queue import Client
from onebeat.wire import Command, Store

LEVELS = ("default", "replicated", "fsync")
THREADS = 16


def durability_lines() -> list[Line]:
    """Each way of queuing at each level; `default` is the floor of the others."""
    ways: tuple[tuple[str, int, dict[str, int], Callable[[Client, int, str], None]], ...] = (
        ("enqueue", 400, {"fsync": 4}, _one_by_one),
        (f"enqueue by {THREADS} threads", 1_600, {"fsync": 64}, _by_threads),
        ("enqueue_many", 20_000, {"fsync": 2_000}, _in_bulk),
    )
    return [
        Line(
            f"durability: {name}, {level}",
            smaller.get(level, size),
            partial(_measure, way, level),
            "" if level == "default" else f"durability: {name}, default",
        )
        for name, size, smaller, way in ways
        for level in LEVELS
    ]


def _measure(way: Callable[[Client, int, str], None], level: str, size: int) -> Figures:
    with _pair() as url:
        client = Client.from_url(url)
        way(client, 1, level)  # connected, and the server asked whether it can
        with Stopwatch() as watch:
            way(client, size, level)
        client.close()
    return {"per_s": size / watch.wall_s}


def _one_by_one(client: Client, size: int, level: str) -> None:
    for number in range(size):
        client.enqueue("benchmarks.tasks:noop", (number,), durability=level)


def _by_threads(client: Client, size: int, level: str) -> None:
    each = max(1, size // THREADS)
    threads = [threading.Thread(target=_one_by_one, args=(client, each, level)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _in_bulk(client: Client, size: int, level: str) -> None:
    client.enqueue_many([("benchmarks.tasks:noop", (n,), None) for n in range(size)], durability=level)


@contextmanager
def _pair() -> Iterator[str]:
    """A master with `appendfsync everysec` and one replica; the URL of the master."""
    with tempfile.TemporaryDirectory(prefix="onebeat-pair-") as place:
        folders = [Path(place) / name for name in ("master", "replica")]
        sockets = [folder / "s" for folder in folders]
        port = _free_port()
        # a replica reaches its master by TCP only
        rest = [("--port", str(port)), ("--port", "0", "--replicaof", f"127.0.0.1 {port}")]
        servers = [_start(folder, *words) for folder, words in zip(folders, rest, strict=True)]
        try:
            with Store.open(f"unix://{sockets[0]}") as store:
                until(lambda: _answers(store, Command(("WAIT", 1, 100), block_s=0.1)), "a replica in step")
            yield f"unix://{sockets[0]}"
        finally:
            for server in servers:
                server.kill()
                server.wait()


def _start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    options = ["--bind", "127.0.0.1", "--unixsocket", str(folder / "s"), "--dir", str(folder), "--save", ""]
    options += ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"]
    binary = str(find_binary().path)
    return subprocess.Popen([binary, *options, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(store: Store, command: Command) -> bool:
    with suppress(StoreError):
        return int(store.perform(command)) >= 1
    time.sleep(0.05)
    return False
