"""Do the views of the store show what is there?"""

from __future__ import annotations

import json

import pytest

from onebeat.app import App
from onebeat.keys import queue_keys
from onebeat.queue.liveness import beat, recover
from onebeat.wire import Command
from tests.cli.commands import Answer, onebeat


def items(name: str, *words: str) -> list[dict[str, object]]:
    answer = onebeat(name, *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["schema"] == f"onebeat.{name}/1"
    found: list[dict[str, object]] = answer.json["items"]
    return found


@pytest.mark.parametrize("name", ["queues", "workers", "locks", "dead", "runs"])
def test_an_empty_store(name: str, app: App) -> None:
    assert items(name) == []
    answer: Answer = onebeat(name)
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.startswith("onebeat: ")


def test_queues(app: App) -> None:
    app.client.enqueue("a", queue="reports", priority=2)
    app.client.enqueue("b", queue="reports", delay=3600)
    (told,) = items("queues")
    assert told["name"] == "reports"
    assert (told["ready"], told["ready_by_priority"]) == (1, [0, 0, 1, 0])
    assert (told["delayed"], told["claimed"], told["dead"]) == (1, 0, 0)
    head, row = onebeat("queues").out.splitlines()
    assert head.split()[:2] == ["QUEUE", "READY"]
    assert row.split()[:5] == ["reports", "1", "0", "1", "0"]
    app.close()


def test_workers(app: App) -> None:
    keys = queue_keys(app.namespace.value, "reports")
    cards = {
        "w1": {"host": "h", "pid": 7, "queues": {"reports": ["w1"]}, "concurrency": 4, "started_ms": 0},
        "w2": {"queues": {"reports": ["w2"]}},
        "odd": {"queues": 5, "started_ms": "x"},
    }
    for name, card in cards.items():
        app.store.perform(Command(("HSET", app.store.space.workers, name, json.dumps(card))))
    app.store.run(beat(keys, ["w1"], lease_ms=60_000, join=True, within_s=5))
    try:
        odd, one, two = items("workers")
        assert (odd["alive"], odd["queues"], odd["started"]) == (False, [], None)
        assert (one["alive"], one["pid"], one["queues"], one["concurrency"]) == (True, 7, ["reports"], 4)
        assert 0 < int(str(one["lease_ms"])) <= 60_000
        assert two["alive"] is False
        assert [line.split()[-1] for line in onebeat("workers").out.splitlines()] == [
            "STATE",
            "gone",
            "alive",
            "gone",
        ]
    finally:
        app.store.run(recover(keys, "w1", gone=True, within_s=5))
        app.close()


def test_dead_of_a_queue_that_nobody_used(app: App) -> None:
    app.client.enqueue("a", queue="reports")
    answer = onebeat("dead", "reprots")
    assert answer.code == 3
    assert "reports" in answer.err
    assert items("dead", "reports") == []
    app.close()


@pytest.mark.parametrize(("words", "code"), [(("queues",), 0), (("dead", "nobody-used-it"), 3)])
def test_connections_are_closed_however_a_command_ends(
    words: tuple[str, ...], code: int, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[App] = []
    close = App.close

    def note(self: App) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(App, "close", note)
    assert onebeat(*words).code == code
    assert len(closed) == 1
