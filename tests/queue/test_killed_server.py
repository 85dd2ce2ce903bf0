"""Is every acknowledged call still there when the store is killed while calls arrive?

With `appendfsync always`: under `everysec` the server may put off a write to its file while an fsync runs,
so that kill -9 could take up to two seconds of acknowledged calls (docs: P8).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from onebeat.errors import StoreError
from onebeat.keys import queue_keys
from onebeat.queue import Client
from onebeat.queue.record import unpack
from onebeat.wire import Store
from tests.servers import Server

KILLS = 3
BETWEEN = 60  # calls that must have been acknowledged between two kills
NAMESPACE = "killed"


@pytest.fixture
def careful_server() -> Iterator[Server]:
    own = Server("--appendfsync", "always")
    try:
        yield own.start()
    finally:
        own.remove()


def test_every_acknowledged_call_is_there_once(careful_server: Server) -> None:
    acknowledged: list[str] = []
    unanswered: list[str] = []
    over = threading.Event()
    store = Store.open(careful_server.url, NAMESPACE)
    client = Client(store)

    def send_on() -> None:
        while not over.is_set():
            try:
                acknowledged.append(client.enqueue("t", queue="q").id)
            except StoreError as problem:
                unanswered.append(str(problem))

    threads = [threading.Thread(target=send_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(KILLS):
            _await_more(acknowledged, BETWEEN)
            careful_server.kill()
            careful_server.start()
        _await_more(acknowledged, BETWEEN)
    finally:
        over.set()
        for thread in threads:
            thread.join(90)
    keys = queue_keys(NAMESPACE, "q")
    with store:
        found = [unpack(one).id for one in store.client.lrange(keys.ready[0], 0, -1)]
    assert set(acknowledged) <= set(found), "an acknowledged call is lost"
    assert len(found) == len(set(found)), "a call is stored twice"
    assert len(found) - len(acknowledged) <= len(unanswered)


def _await_more(acknowledged: list[str], count: int) -> None:
    goal, until = len(acknowledged) + count, time.monotonic() + 90
    while len(acknowledged) < goal:
        assert time.monotonic() < until, "no call is acknowledged any more"
        time.sleep(0.005)
