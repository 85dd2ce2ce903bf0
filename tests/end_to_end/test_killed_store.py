"""The store is killed under load: what it acknowledged is there, and everyone goes on by himself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.tally import due_in
from onebeat.errors import StoreError
from onebeat.queue import Client
from tests.end_to_end.site import Site
from tests.servers import Server
from tests.worker.running import until

SCHEDULES = {f"every-{period_s}s-{n}": period_s for period_s in (1, 2) for n in range(10)}
CONFIG = (
    "imports: [tests.end_to_end.acts]\ndefaults: {overlap: allow, catch_up: {policy: all}}\nschedules:\n"
    + "".join(
        f"  {id_}: {{task: 'examples.one_row:write_row', every: {period_s}s}}\n"
        for id_, period_s in SCHEDULES.items()
    )
)
NAMESPACE = "killed"


class Load(threading.Thread):
    """Queues calls without a pause; `acknowledged` are those that it was told are queued."""

    def __init__(self, url: str) -> None:
        super().__init__(name="load", daemon=True)
        self._client = Client.from_url(url, NAMESPACE)
        self.over = threading.Event()
        self.acknowledged: list[str] = []
        self.unknown: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.over.wait(0.005):
            number += 1
            word = f"word-{number}"
            try:
                self._client.enqueue("tests.end_to_end.acts:put", [word])
            except StoreError:
                self.unknown.append(word)
            else:
                self.acknowledged.append(word)
        self._client.close()


@pytest.fixture
def strict_server() -> Iterator[Server]:
    """With `always` an answer means: it is on disk. With `everysec` a slow disk may postpone the write."""
    own = Server("--appendfsync", "always")
    try:
        yield own.start()
    finally:
        own.remove()


def test_nothing_acknowledged_is_lost(
    strict_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onebeat.queue.client.WITHIN_S", 90.0)  # a store may take long to come back
    site = Site(tmp_path, strict_server.url, NAMESPACE, CONFIG)
    load = Load(strict_server.url)
    try:
        processes = [site.start(words) for words in ("beat", "beat", "worker", "worker")]
        until(lambda: len(site.rows()) >= len(SCHEDULES), "each schedule has run")
        load.start()
        from_ms = wall_ms() + 1000
        for _ in range(2):
            enough = len(load.acknowledged) + 100
            until(lambda enough=enough: len(load.acknowledged) >= enough, "the load flows")
            strict_server.kill()
            time.sleep(0.5)  # away for a moment: everyone meets a closed door
            strict_server.start()
        enough = len(load.acknowledged) + 100
        until(lambda: len(load.acknowledged) >= enough, "the load flows again")
        to_ms = wall_ms() - 1000
        load.over.set()
        load.join(90)
        owed = {*load.acknowledged, *due_in(SCHEDULES, from_ms, to_ms)}
        until(lambda: not owed - set(site.rows()), "everything that is owed has run")
        assert [process.poll() for process in processes] == [None] * 4, "a process ended"
        assert site.stop() == [0] * 4
    finally:
        load.over.set()
        site.close()
    rows = Counter(site.rows())
    assert not {word: count for word, count in rows.items() if count > 1}
    assert not load.unknown, "a call waits for the store for longer than it was away"
    strays = {word for word in rows if word.startswith("word-")} - set(load.acknowledged)
    assert not strays, "a call was run that its sender does not know of"


def wall_ms() -> int:
    return time.time_ns() // 1_000_000
