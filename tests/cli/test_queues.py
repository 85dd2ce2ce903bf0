"""Can a person pause, drain, empty and look into a queue?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from onebeat.app import App
from onebeat.cli import asking
from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.states import Move
from onebeat.wire import Command
from tests.cli.commands import onebeat
from tests.cli.test_control import ready, run_all

REPORT = "tests.cli.tasks:report"


@pytest.fixture(autouse=True)
def _closed(app: App) -> Iterator[None]:
    yield
    app.close()


@pytest.fixture
def keys(app: App) -> QueueKeys:
    return queue_keys(app.namespace.value, "reports")


def send(*words: str) -> str:
    id_: str = onebeat("enqueue", REPORT, *words, "--json").json["id"]
    return id_


def told(*words: str) -> Any:
    answer = onebeat("queue", *words, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def listed() -> dict[str, Any]:
    return {row["name"]: row for row in onebeat("queues", "--json").json["items"]}


# -- pause, resume -----------------------------------------------------------------------------------


def test_pause_and_resume(app: App, keys: QueueKeys) -> None:
    sent = send()
    who = asking.by("").who
    assert told("pause", "reports", "--reason", "the database moves") == {
        "schema": "onebeat.queue-paused/1",
        "queue": "reports",
        "until": None,
        "by": who,
        "reason": "the database moves",
    }
    row = listed()["reports"]
    assert (row["paused"], row["paused_until"], row["paused_by"]) == (True, None, who)
    assert onebeat("queues").out.splitlines()[1].endswith("paused until resumed: the database moves")
    assert run_all(app, keys) == []
    assert onebeat("queue", "resume", "reports").err == "onebeat: reports goes on\n"
    assert told("resume", "reports")["was_paused"] is False
    assert (listed()["reports"]["paused"], listed()["reports"]["paused_reason"]) == (False, None)
    assert onebeat("queues").out.splitlines()[1].endswith("open")
    assert run_all(app, keys) == [sent]


def test_a_pause_with_an_end(app: App, keys: QueueKeys) -> None:
    assert told("pause", "unused", "--until", "2999-03-01T06:00")["until"] == "2999-03-01T06:00:00.000Z"
    assert listed()["unused"]["paused_until"] == "2999-03-01T06:00:00.000Z"
    assert onebeat("queue", "pause", "unused", "--for", "2h").err.startswith(
        "onebeat: unused is paused until"
    )
    assert onebeat("queue", "pause", "unused", "--for", "2h", "--until", "2999-03-01").code == 2
    assert onebeat("queue", "resume", "unsued").code == 3
    assert ready(app, keys) == []


# -- drain, purge, peek ------------------------------------------------------------------------------


def test_drain(app: App, keys: QueueKeys) -> None:
    send()
    send("--delay", "5m")
    assert told("drain", "reports")["left"] == 2
    assert onebeat("queue", "drain", "reports").err == "onebeat: reports: 1 ready, 1 delayed left\n"
    late = onebeat("queue", "drain", "reports", "--wait", "--timeout", "1ms")
    assert late.code == 6
    assert "not empty after 0.001 s: 1 ready, 1 delayed" in late.err
    onebeat("queue", "pause", "reports")
    assert "nothing of it begins" in onebeat("queue", "drain", "reports").err
    onebeat("queue", "resume", "reports")
    assert told("purge", "reports", "--ready", "--delayed", "--reason", "x", "--yes")["ended"] == 2
    empty = told("drain", "reports", "--wait")
    assert (empty["left"], empty["ready"], empty["waiting"]) == (0, 0, 0)


def test_purge_asks_and_tells_the_history(app: App, keys: QueueKeys) -> None:
    sent, later = send(), send("--delay", "5m")
    words = ("queue", "purge", "reports", "--reason", "sent by mistake")
    refused = onebeat(*words)
    assert refused.code == 4
    assert "end 1 ready of queue reports: to do it without being asked, add --yes" in refused.err
    assert ready(app, keys) == [sent]
    said = onebeat(*words, "--yes")
    assert said.err == "onebeat: 1 message of reports ended, 0 dead letters thrown away\n"
    run = onebeat("run", sent, "--json").json
    assert run["state"] == "cancelled"
    assert run["reason"] == f"purged by {asking.by('').who}: sent by mistake"
    assert [one["id"] for one in told("peek", "reports", "--delayed")["items"]] == [later]
    assert told("purge", "reports", "--reason", "x")["ended"] == 0, "nothing is there, so nobody is asked"
    assert "--reason" in onebeat("queue", "purge", "reports", "--yes").err


def test_purge_of_dead_letters(app: App, keys: QueueKeys) -> None:
    send()
    run_all(app, keys, Move.BURY)
    waits = send()
    done = told("purge", "reports", "--dead", "--reason", "x", "--yes")
    assert (done["ended"], done["discarded"]) == (0, 1)
    assert ready(app, keys) == [waits]


def test_a_run_of_a_schedule_that_was_purged_bars_no_other(app: App, keys: QueueKeys) -> None:
    onebeat("trigger", "often", "--overlap", "skip")
    assert onebeat("trigger", "often", "--overlap", "skip").code == 4
    told("purge", "reports", "--reason", "x", "--yes")
    assert onebeat("trigger", "often", "--overlap", "skip").code == 0


def test_peek(app: App, keys: QueueKeys) -> None:
    sent = send("--kwargs", '{"word": "secret"}')
    app.store.perform(Command(("RPUSH", keys.ready[3], b"\x80pickle")))
    first, odd = told("peek", "reports")["items"]
    assert (first["id"], first["task"], first["priority"], first["due"]) == (sent, REPORT, 1, None)
    assert first["age_ms"] >= -60_000
    assert "arguments" not in first
    assert (odd["task"], odd["age_ms"]) == (None, None)
    shown = onebeat("queue", "peek", "reports", "-n", "1").out
    assert shown.splitlines()[0].split() == ["MESSAGE", "TASK", "PRIORITY", "AGE", "ATTEMPTS"]
    assert "secret" not in shown
    assert '"word": "secret"' in onebeat("queue", "peek", "reports", "--payload").out
    first, odd = told("peek", "reports", "--payload")["items"]
    assert first["arguments"] == {"args": [], "kwargs": {"word": "secret"}}
    assert odd["arguments"] is None
    later = send("--delay", "5m")
    (one,) = told("peek", "reports", "--delayed")["items"]
    assert (one["id"], bool(one["due"])) == (later, True)
    assert onebeat("queue", "peek", "reports", "--delayed").out.splitlines()[0].split()[-1] == "DUE"
    assert onebeat("queue", "peek", "reprots").code == 3
