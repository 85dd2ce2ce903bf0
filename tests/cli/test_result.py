"""Does a person see what a call returned, or why there is nothing to see?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onebeat.app import App
from onebeat.keys import queue_keys
from onebeat.queue.cycle import Settled, kept_value
from onebeat.queue.liveness import beat
from onebeat.queue.payload import encode_value
from onebeat.queue.states import Move
from tests.cli.commands import onebeat
from tests.queue.room import Room

WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def _closed(app: App) -> Iterator[None]:
    yield
    app.close()


def sent() -> str:
    id_: str = onebeat("enqueue", "tests.cli.tasks:count", "--args", '[["a", "b", "a"]]', "--json").json["id"]
    return id_


def end(app: App, settled: Settled) -> None:
    """A worker comes by and ends it like this."""
    keys, room = queue_keys(app.namespace.value, "default"), Room(app.store, "default")
    app.store.run(beat(keys, ["w"], lease_ms=60_000, join=True, within_s=WITHIN_S))
    room.cycle(want=9)
    room.cycle(seq=2, settled=[settled])


def test_what_it_returned(app: App) -> None:
    id_ = sent()
    waits = onebeat("result", id_, "--wait", "0.01")
    assert (waits.code, waits.out) == (6, "")
    end(app, Settled(id_, Move.FINISH, more=kept_value(60_000, encode_value({"a": 2, "b": 1}))))
    assert onebeat("result", id_).out == '{"a":2,"b":1}\n'
    told = onebeat("result", id_, "-q", "default", "--json").json
    assert told == {"schema": "onebeat.result/1", "id": id_, "queue": "default", "result": {"a": 2, "b": 1}}


def test_a_failure(app: App) -> None:
    id_ = sent()
    end(app, Settled(id_, Move.BURY, why=b'{"error":"KeyError: 7","reason":"fatal"}'))
    told = onebeat("result", id_)
    assert (told.code, told.out) == (7, "")
    assert f"message {id_} of queue default failed for good: KeyError: 7" in told.err


@pytest.mark.parametrize("words", [("nobody",), ("nobody", "-q", "default")])
def test_nobody_knows_it(app: App, words: tuple[str, ...]) -> None:
    sent()
    told = onebeat("result", *words)
    assert told.code == 3
    assert "no result of message 'nobody' is kept" in told.err


def test_a_queue_that_nobody_used(app: App) -> None:
    sent()
    assert onebeat("result", "a", "-q", "other").code == 3
