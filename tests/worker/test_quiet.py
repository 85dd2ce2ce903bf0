"""Told to be quiet by a command: do workers claim nothing more, and is it known when they are idle?"""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from onebeat.app import App
from onebeat.wire import Command
from tests.cli.commands import Answer, onebeat
from tests.worker.running import Workshop, children_of, until

pytestmark = pytest.mark.usefixtures("_place")


@pytest.fixture
def _place(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.folder)
    monkeypatch.setenv("ONEBEAT_REDIS_URL", shop.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", shop.namespace)


def quiet(*words: str) -> Answer:
    return onebeat("worker", "quiet", *words)


def workers() -> dict[str, Any]:
    return {row["name"]: row for row in onebeat("workers", "--json").json["items"]}


def test_all_of_this_host(shop: Workshop) -> None:
    worker = shop.worker(processes=2, concurrency=1, queues=("default", "other"))
    shop.enqueue("wait", "long")
    until(lambda: "begin long" in shop.notes(), "it runs")
    until(lambda: "ready" in shop.log(), "both processes")
    late = quiet("--timeout", "1ms")
    assert late.code == 6
    assert "still busy" in late.err
    told = quiet("--json")
    assert (told.code, told.json["waited"]) == (0, False)
    assert set(told.json["workers"]) == set(workers())
    until(lambda: all(row["quiet"] for row in workers().values()), "both have said so")
    shop.enqueue("write", "never")
    shop.tell("long")
    assert quiet("--wait").err == "onebeat: 2 worker process(es) of this host: they are idle\n"
    assert "end long False" in shop.notes()
    assert worker.poll() is None
    assert len(children_of(worker.pid)) == 2
    assert shop.words() == []
    assert {line.split()[-1] for line in onebeat("workers").out.splitlines()[1:]} == {"quiet"}


def test_one_by_its_name(shop: Workshop) -> None:
    for _ in range(2):
        shop.worker()
    until(lambda: all("ready" in shop.log(n) for n in (0, 1)), "two workers")
    first, second = workers()
    assert quiet(first, "--wait", "--json").json == {
        "schema": "onebeat.quiet/1",
        "workers": [first],
        "waited": True,
    }
    seen = workers()
    assert (seen[first]["quiet"], seen[second]["quiet"]) == (True, False)
    shop.enqueue("write", "by the other")
    until(lambda: shop.words() == ["by the other"], "the other goes on")


def test_nobody_is_there(shop: Workshop) -> None:
    assert quiet().code == 3
    assert quiet("nobody").code == 3


def test_a_worker_of_another_host_is_out_of_reach(shop: Workshop) -> None:
    shop.worker()
    until(lambda: "ready" in shop.log(), "a worker")
    app = App.open()
    (name,) = workers()
    key = app.store.space.workers
    card = json.loads(app.store.perform(Command(("HGET", key, name))))
    assert card["host"] == socket.gethostname()
    app.store.perform(Command(("HSET", key, name, json.dumps({**card, "host": "elsewhere"}))))
    app.close()
    assert quiet(name).code == 4
    assert quiet().code == 3
