"""Do `runs`, `run`, `list` and `show` tell the history as it is, with and without a store?"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import insert

from onebeat.app import App
from onebeat.cli.follow import Follower
from onebeat.clock import SYSTEM
from onebeat.ledger import Run
from onebeat.ledger.tables import RUN
from tests.cli.commands import onebeat

HOUR_MS = 3_600_000


def remember(app: App, *runs: Run) -> None:
    with app.engine.begin() as connection:
        connection.execute(insert(RUN), [asdict(run) for run in runs])
    app.close()


def past(app: App, id_: str, state: str, *, ago_ms: int = 0, schedule: str = "often", **more: object) -> Run:
    at_ms = SYSTEM.wall_ms() - ago_ms
    known = {
        "task": "t:f",
        "nominal_ms": at_ms,
        "emitted_ms": at_ms,
        "started_ms": at_ms + 5,
        "ended_ms": at_ms + 17,
    }
    return Run(
        app.namespace.value, id_, "reports", at_ms, schedule, state=state, **{**known, **more}
    )  # a table row


@pytest.fixture
def history(app: App) -> App:
    remember(
        app,
        past(app, "one", "done", ago_ms=3 * HOUR_MS, attempt=1, worker="w"),
        past(app, "two", "dead", ago_ms=2 * HOUR_MS, error="ValueError: \x1b[31mred\nline"),
        past(app, "three", "skipped", ago_ms=HOUR_MS, started_ms=None, reason="window", count=7),
        past(app, "four", "done", schedule="nightly"),
    )
    return app


def ids(*words: str) -> list[str]:
    answer = onebeat("runs", *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["schema"] == "onebeat.runs/1"
    return [one["id"] for one in answer.json["items"]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["four", "three", "two", "one"]),
        (("--limit", "2"), ["four", "three"]),
        (("often",), ["three", "two", "one"]),
        (("--state", "failed"), ["two"]),
        (("--state", "dead"), ["two"]),
        (("--state", "running"), []),
        (("--since", "90m"), ["four", "three"]),
        (("nightly", "--since", "1h"), ["four"]),
    ],
)
def test_which(words: tuple[str, ...], found: list[str], history: App) -> None:
    assert ids(*words) == found


def test_the_members_of_a_run(history: App) -> None:
    told = onebeat("runs", "--json").json["items"][3]
    times = {name: told.pop(name) for name in ("nominal", "emitted", "started", "ended")}
    assert all(text.endswith("Z") for text in times.values())
    assert told == {
        "id": "one",
        "schedule": "often",
        "task": "t:f",
        "queue": "reports",
        "state": "done",
        "attempt": 1,
        "worker": "w",
        "error": None,
        "reason": None,
        "count": 1,
    }


def test_for_people(history: App) -> None:
    lines = onebeat("runs").out.splitlines()
    assert lines[0].split() == ["RUN", "TASK", "STATE", "NOMINAL", "STARTED", "TOOK", "WHY"]
    assert "12ms" in lines[1]
    assert lines[2].endswith("window (7 times)")
    assert lines[3].endswith("ValueError: �[31mred line")


def test_one_run(history: App) -> None:
    assert onebeat("run", "one", "--json").json["worker"] == "w"
    facts = dict(line.split(maxsplit=1) for line in onebeat("run", "three").out.splitlines())
    assert (facts["state"], facts["times"], facts["reason"]) == ("skipped", "7", "window")
    assert "error" not in facts
    missing = onebeat("run", "five")
    assert (missing.code, missing.out) == (3, "")


def test_the_history_is_shown_without_a_store(history: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", "unix:///nowhere/store.sock")
    answer = onebeat("runs", "--json")
    assert len(answer.json["items"]) == 4
    assert "the history may lag behind: no answer from the store" in answer.err
    monkeypatch.delenv("ONEBEAT_REDIS_URL")
    assert "the history may lag behind: no store" in onebeat("runs").err
    assert "dead letters cannot be seen" in onebeat("run", "two").err


def test_a_broken_database(app: App, folder: Path) -> None:
    (folder / "history.db").write_text("this is no database" * 100)
    answer = onebeat("runs")
    assert (answer.code, answer.out) == (1, "")
    assert "the database failed (file is not a database)" in answer.err


def test_follow_needs_a_person(history: App) -> None:
    assert onebeat("runs", "--follow", "--json").code == 2


def test_each_end_is_told_once_and_in_order(history: App) -> None:
    follower = Follower(history.engine, history.namespace.value, since_ms=SYSTEM.wall_ms() - 4 * HOUR_MS)
    assert [run.id for run in follower.look()] == ["one", "two", "three", "four"]
    assert follower.look() == []
    remember(history, past(history, "five", "running", ended_ms=None), past(history, "six", "done"))
    assert [run.id for run in follower.look()] == ["six"]
    late = Follower(history.engine, history.namespace.value, since_ms=SYSTEM.wall_ms() + HOUR_MS)
    assert late.look() == []
    history.close()


def test_follow(history: App, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([lambda: remember(history, past(history, "new", "done", ago_ms=-HOUR_MS)), lambda: None])

    def pause(_seconds: float) -> None:
        step = next(looks, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr("onebeat.cli.runs.time.sleep", pause)
    answer = onebeat("runs", "--follow", "--limit", "1")
    assert answer.code == 130
    assert answer.out.splitlines()[-1].endswith("often done in 12ms")


def test_list(app: App) -> None:
    told = {one["id"]: one for one in onebeat("list", "--json").json["items"]}
    assert list(told) == ["nightly", "often", "broken", "resting"]
    assert told["nightly"]["trigger"] == 'cron "30 2 * * *"'
    assert (told["nightly"]["owner"], told["nightly"]["tags"]) == ("data-team", ["money"])
    assert (told["resting"]["enabled"], told["resting"]["state"], told["resting"]["next"]) == (
        False,
        "disabled",
        None,
    )
    assert told["broken"]["next"] is None
    assert told["often"]["state"] == "unknown", "no beat has seen it"
    assert onebeat("list").out.splitlines()[1].startswith("nightly   cron")


def test_list_without_a_store(folder: Path) -> None:
    answer = onebeat("list", "--json")
    assert (answer.code, len(answer.json["items"])) == (0, 4)
    assert "where the schedules are is not known" in answer.err


def test_show(history: App) -> None:
    told = onebeat("show", "often", "--json").json
    assert told["schema"] == "onebeat.schedule/1"
    assert (told["kwargs"], told["overlap"], len(told["upcoming"])) == ({"word": "often"}, "skip", 10)
    assert [run["id"] for run in told["runs"]] == ["three", "two", "one"]
    text = onebeat("show", "nightly").out
    assert re.search(r'^trigger +cron "30 2 \* \* \*" in Europe/Berlin$', text, re.MULTILINE)
    assert "02:30:00 CE" in text
    assert "four" in text
    resting = onebeat("show", "resting").out
    assert "none: it is disabled" in resting
