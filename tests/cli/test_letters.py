"""Can a person run dead letters again or throw them away, asked first, and does the history tell?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from onebeat.app import App
from onebeat.cli import asking
from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.states import Move
from tests.cli.commands import onebeat
from tests.cli.test_control import ready, run_all

FAILS, REPORT = "tests.cli.tasks:fails", "tests.cli.tasks:report"


@pytest.fixture(autouse=True)
def _closed(app: App) -> Iterator[None]:
    yield
    app.close()


@pytest.fixture
def keys(app: App) -> QueueKeys:
    return queue_keys(app.namespace.value, "reports")


def die(app: App, keys: QueueKeys, *tasks: str) -> list[str]:
    sent = [onebeat("enqueue", task, "-q", "reports", "--json").json["id"] for task in tasks]
    run_all(app, keys, Move.BURY)
    return sent


def dead(*words: str) -> list[str]:
    return [one["id"] for one in onebeat("dead", *words, "--json").json["items"]]


def told(*words: str) -> Any:
    answer = onebeat("dead", *words, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_one_by_its_id(app: App, keys: QueueKeys) -> None:
    first, second = die(app, keys, FAILS, FAILS)
    assert told("retry", first, "--reason", "mended") == {
        "schema": "onebeat.redriven/1",
        "count": 1,
        "unreadable": 0,
        "refused": 0,
        "ids": [first],
    }
    assert dead() == dead("reports") == dead("list", "reports") == [second]
    assert ready(app, keys) == [first]
    run = onebeat("run", first, "--json").json
    assert run["state"] == "queued"
    assert run["reason"] == f"redriven by {asking.by('').who}: mended"
    run_all(app, keys)
    done = onebeat("run", first, "--json").json
    assert (done["state"], done["reason"]) == ("done", run["reason"])
    again = onebeat("dead", "retry", first)
    assert again.code == 3
    assert first in again.err


def test_a_group_asks_or_needs_yes(app: App, keys: QueueKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = die(app, keys, FAILS, REPORT, REPORT)
    refused = onebeat("dead", "retry", "--task", REPORT)
    assert refused.code == 4
    assert "3 dead letters in reports of task tests.cli.tasks:report again: to do it" in refused.err
    assert ready(app, keys) == []
    assert set(told("retry", "--task", REPORT, "--yes")["ids"]) == {second, third}
    assert dead() == [first]
    monkeypatch.setattr(asking, "somebody_is_there", lambda: True)
    assert onebeat("dead", "retry", "--all").code == 130, "nobody said yes"
    assert told("retry", "--all", "--yes")["count"] == 1
    assert onebeat("dead", "retry", "--all").err == "onebeat: 0 dead letters queued again\n"


def test_discard(app: App, keys: QueueKeys) -> None:
    first, second = die(app, keys, FAILS, FAILS)
    assert "--reason" in onebeat("dead", "discard", first, "--yes").err
    assert onebeat("dead", "discard", first, "--reason", "x").code == 4
    said = onebeat("dead", "discard", first, "--reason", "of no use", "--yes")
    assert said.err == "onebeat: 1 dead letter thrown away\n"
    run = onebeat("run", first, "--json").json
    assert (run["state"], run["reason"]) == ("dead", f"discarded by {asking.by('').who}: of no use")
    assert told("discard", "--all", "-q", "reports", "--reason", "x", "--yes")["ids"] == [second]
    assert dead() == []


@pytest.mark.parametrize(
    "words", [("retry",), ("retry", "a", "--all"), ("discard", "--all", "--task", "t", "--reason", "x")]
)
def test_it_is_said_which(words: tuple[str, ...], app: App) -> None:
    answer = onebeat("dead", *words, "--yes")
    assert answer.code == 2
    assert "say which" in answer.err


def test_a_queue_that_nobody_used(app: App) -> None:
    assert onebeat("dead", "retry", "--all", "-q", "reprots").code == 3


def test_verbose_before_the_word(app: App) -> None:
    assert onebeat("dead", "-v", "retry").code == 2
    assert onebeat("dead", "-v").code == 0
