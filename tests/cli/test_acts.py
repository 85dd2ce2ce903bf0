"""Does what a person starts get queued, checked, and waited for?"""

from __future__ import annotations

from pathlib import Path

import pytest

from onebeat.app import App
from onebeat.cli import acts
from onebeat.keys import queue_keys
from onebeat.ledger import Run
from onebeat.queue.record import RECORDED, Message, unpack
from onebeat.wire import Command
from tests.cli.commands import onebeat


def queued(app: App, queue: str) -> list[Message]:
    """What lies ready in a queue."""
    keys = queue_keys(app.namespace.value, queue)
    records = [record for key in keys.ready for record in app.store.perform(Command(("LRANGE", key, 0, -1)))]
    app.close()
    return [unpack(record) for record in records]


def test_trigger(app: App) -> None:
    answer = onebeat("trigger", "often")
    (message,) = queued(app, "reports")
    assert (answer.code, answer.out) == (0, f"{message.id}\n")
    assert message.id.startswith("often@")
    assert (message.header.schedule, message.header.task) == ("often", "tests.cli.tasks:report")
    assert message.flags == RECORDED, "it does not count as the schedule's own run that is not over"
    assert message.header.nominal_ms is not None


def test_two_triggers_are_two_runs(app: App) -> None:
    ids = {onebeat("trigger", "often", "--json").json["id"] for _ in range(3)}
    assert len(ids) == 3
    assert {message.id for message in queued(app, "reports")} == ids


def ended(app: App, run_id: str, state: str) -> Run:
    return Run(app.namespace.value, run_id, "reports", 0, "often", state=state, error="no luck")


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("done", 0, ""),
        ("dead", 7, "is dead (no luck): 'onebeat run"),
        ("skipped", 7, "is skipped"),
        ("expired", 7, "is expired"),
        ("running", 6, "was not over in 0.3 s (it is running)"),
        ("retrying", 6, "it is retrying"),
        (None, 6, "no worker has taken it"),
    ],
)
def test_waiting(state: str | None, code: int, said: str, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "_look", lambda app, run_id: state and ended(app, run_id, state))
    answer = onebeat("trigger", "often", "--wait", "0.3")
    assert answer.code == code
    assert said in answer.err
    assert answer.out.startswith("often@"), "the id is printed however it ends"
    told = onebeat("trigger", "often", "--wait", "0", "--json").json
    assert told["schema"] == "onebeat.queued/1"
    assert (told["run"] or {}).get("state") == state


def test_enqueue_uses_what_the_task_says(app: App) -> None:
    answer = onebeat("enqueue", "tests.cli.tasks:report", "--kwargs", '{"word": "by hand"}', "--json")
    assert answer.json == {
        "schema": "onebeat.queued/1",
        "id": answer.json["id"],
        "queue": "reports",
        "existing": False,
        "refused": False,
        "run": None,
    }
    (message,) = queued(app, "reports")
    assert (message.id, message.priority, message.flags) == (answer.json["id"], 1, RECORDED)


def test_enqueue_elsewhere_later_and_once(app: App) -> None:
    words = ("enqueue", "tests.cli.tasks:fails", "-q", "slow", "--delay", "5m", "--key", "k", "--json")
    first, second = onebeat(*words), onebeat(*words)
    assert (first.json["existing"], second.json["existing"]) == (False, True)
    assert first.json["id"] == second.json["id"]
    keys = queue_keys(app.namespace.value, "slow")
    assert app.store.perform(Command(("ZCARD", keys.due))) == 1
    app.close()
    other = onebeat("enqueue", "tests.cli.tasks:report", "-q", "slow", "--key", "k")
    assert other.code == 1
    assert "[OB702]" in other.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tests.cli.tasks:reprot",), 3, "did you mean 'tests.cli.tasks:report'"),
        (("tests.cli.tasks:report", "--args", "{}"), 2, "--args must be a list"),
        (("tests.cli.tasks:report", "--kwargs", "[]"), 2, "--kwargs must be an object"),
        (("tests.cli.tasks:report", "--args", "[1"), 2, "--args is not JSON"),
        (("tests.cli.tasks:report", "--args", "[NaN]"), 2, "--args is not JSON"),
        (("tests.cli.tasks:report", "--kwargs", '{"word": 5}'), 2, "argument 'word'"),
        (("tests.cli.tasks:report", "--kwargs", '{"wrod": "x"}'), 2, "unexpected keyword argument 'wrod'"),
        (("tests.cli.tasks:report", "--delay", "5"), 2, "write 5s or 5m"),
        (("tests.cli.tasks:report", "-q", "a b"), 2, "[OB130]"),
    ],
)
def test_what_cannot_be_queued(words: tuple[str, ...], code: int, said: str, app: App) -> None:
    answer = onebeat("enqueue", *words)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert queued(app, "reports") == []


@pytest.mark.parametrize("config", [None, "imports: [no_such_module]\nschedules: {}\n"])
def test_a_place_that_does_not_know_the_tasks_sends_unchecked(
    config: str | None, app: App, folder: Path
) -> None:
    keys = queue_keys(app.store.namespace, "default")  # opened before its configuration goes
    (folder / "onebeat.yaml").unlink()
    if config is not None:
        (folder / "onebeat.yaml").write_text(config)
    answer = onebeat("enqueue", "anything")
    assert answer.code == 0
    assert "not checked" in answer.err
    assert app.store.perform(Command(("LLEN", keys.ready[0]))) == 1
    app.close()
