"""Does a schedule beside its function mean what a file would mean, for every command and for the beat?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from onebeat import App
from onebeat.config import ConfigMistakes, load_or_raise
from onebeat.errors import BadArguments, ConfigError
from onebeat.wire import Store
from onebeat.worker.task import Task
from tests.beat.deploys import Seen, assert_whole, beat_on
from tests.cli.commands import onebeat
from tests.servers import Server

PROGRAM = """
    from onebeat import App, task

    app = App.open()

    @app.schedule(every="500ms", overlap="allow", catch_up={"policy": "all"}, tags=["money"])
    def tick(word="a"):
        print(word)

    @app.schedule(id="nightly", cron="0 9 * * *", timezone="Asia/Seoul", args=["b"])
    @app.schedule(id="weekly", cron="0 9 * * mon", args=["c"])
    @task(queue="slow")
    def report(word):
        print(word)
"""
FILE = 'schedules:\n  in-file: {task: "shop:tick", every: 500ms, overlap: allow, catch_up: {policy: all}}\n'


@pytest.fixture
def folder(tmp_path: Path, server: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a program and its processes are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEBEAT_REDIS_URL", server.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", store.namespace)
    monkeypatch.setenv("ONEBEAT_DB_URL", f"sqlite:///{tmp_path / 'history.db'}")
    (tmp_path / "decorated_shop.py").write_text(dedent(PROGRAM))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("decorated_shop", None)


def report(day: int) -> None:
    """A plain function."""


def test_it_is_the_same_model(tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "cron": "0 9 * * *",
        "timezone": "Asia/Seoul",
        "retries": {"max": 3, "delay": "10s"},
        "catch_up": {"policy": "all", "window": "2h"},
        "singleton": {"key": "report:{day}"},
        "except": ["2026-12-24"],
        "kwargs": {"day": 1},
    }
    app = App()
    declared = {"except_" if key == "except" else key: value for key, value in said.items()}
    decorated = app.schedule(id="x", **declared)(report)
    assert isinstance(decorated, Task)
    file = tmp_path / "x.yaml"
    file.write_text(json.dumps({"schedules": {"x": {"task": decorated.name, **said}}}))
    assert app.schedules == load_or_raise([file]).schedules
    assert app.loaded.fingerprint == load_or_raise([file]).fingerprint


def test_mistakes_are_told_where_the_function_stands() -> None:
    app = App()
    with pytest.raises(ConfigMistakes, match=r"@app.schedule of .*report.*\n.*\n.*\^\^"):
        app.schedule(cron="0 99 * * *", kwargs={"day": 1})(report)
    with pytest.raises(ConfigMistakes, match="did you mean timezone"):
        app.schedule(cron="0 9 * * *", timzone="UTC")(report)
    with pytest.raises(BadArguments, match="day"):
        app.schedule(cron="0 9 * * *")(report)
    with pytest.raises(ConfigMistakes, match="not a schedule id"):
        app.schedule(id="Night Run", cron="0 9 * * *", args=[1])(report)
    assert not app.configured

    app.schedule(id="x", cron="0 9 * * *", args=[1])(report)
    app.schedule(id="x", cron="0 9 * * *", args=[1])(report)  # the module is run a second time
    with pytest.raises(ConfigError, match=r"'x' is declared at .*report already"):
        app.schedule(id="x", cron="0 10 * * *", args=[1])(report)


def test_a_file_with_the_same_id_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "onebeat.yaml").write_text(FILE)
    app = App.open(folder=tmp_path)
    app.schedule(id="in-file", every="5m", args=[1])(report)
    with pytest.raises(ConfigMistakes, match="a file declares the schedule in-file too"):
        assert app.schedules


@pytest.fixture
def opened() -> Iterator[Callable[[], App]]:
    """Opens an `App`, and closes it in the end."""
    with ExitStack() as stack:

        def app() -> App:
            one = App.open()
            stack.callback(one.close)
            return one

        yield app


def test_every_command_knows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[], App]
) -> None:
    (folder / "onebeat.yaml").write_text(FILE)
    here = opened()
    here.client.schedules.create("of-program", "shop:tick", every="5m", queue="slow", owner="me")
    told = onebeat("list", "--app", "decorated_shop:app", "--json").json["items"]
    assert {one["id"]: (one["source"], one["queue"]) for one in told} == {
        "in-file": ("file", "default"), "tick": ("python", "default"), "nightly": ("python", "default"),
        "weekly": ("python", "default"), "of-program": ("api", "slow"),
    }  # fmt: skip
    assert {one["id"] for one in onebeat("plan", "--app", "decorated_shop:app", "--json").json["items"]} == {
        "in-file", "tick", "nightly", "weekly",
    }  # fmt: skip
    monkeypatch.setenv("ONEBEAT_APP", "decorated_shop:app")
    assert onebeat("show", "nightly", "--json").json["args"] == ["b"]
    assert "no App called 'up'" in onebeat("list", "--app", "decorated_shop:up").err
    assert "cannot be imported" in onebeat("list", "--app", "nowhere").err


@pytest.mark.usefixtures("folder")
def test_commands_act_on_what_programs_made(store: Store, opened: Callable[[], App]) -> None:
    """Also where there is no file at all."""
    with pytest.raises(ConfigError, match="no configuration"):
        assert opened().schedules
    assert "no configuration" in onebeat("list").err
    schedules = opened().client.schedules
    schedules.create("x", "shop:tick", every="1h")
    assert "of-program" not in onebeat("list").out
    assert [one["schedule"] for one in onebeat("next", "x", "-n", "2", "--json").json["items"]] == ["x", "x"]
    assert onebeat("show", "x", "--json").json["source"] == "api"
    assert onebeat("pause", "x", "--reason", "audit").code == 0
    assert schedules.describe("x").paused
    assert onebeat("resume", "x").code == 0
    assert onebeat("trigger", "x").code == 0
    assert [run.reason for run in schedules.describe("x").last] == ["trigger"]
    assert "did you mean 'x'" in onebeat("show", "xx").err

    Path("onebeat.yaml").write_text("schedules: {}")
    store.client.hset(f"ob:{{{store.namespace}:default}}:sched", mapping={"x": 5, "gone": 5})
    assert [one["id"] for one in onebeat("prune", "--dry-run", "--json").json["items"]] == ["gone"]
    Path("onebeat.yaml").write_text('schedules: {x: {task: "shop:tick", every: 2h}}')
    assert "a program made x too" in onebeat("plan").err
    assert onebeat("show", "x", "--json").json["source"] == "file"


def test_past_times_are_run_by_a_program(folder: Path, opened: Callable[[], App]) -> None:
    app = opened()
    app.client.schedules.create("x", "shop:tick", every="1h")
    start = datetime(2026, 3, 1, tzinfo=UTC)
    end = start + timedelta(hours=3)
    found = app.client.schedules.backfill("x", start, end, dry_run=True)
    assert list(found.times) == [start, start + timedelta(hours=1), start + timedelta(hours=2)]
    for wrong in (lambda: (end, start), lambda: (start.replace(tzinfo=None), end)):
        with pytest.raises(ConfigError):
            app.client.schedules.backfill("x", *wrong())
    app.close()


def test_a_beat_emits_it(folder: Path, server: Server, store: Store) -> None:
    path, seen = folder / "main.yaml", Seen(store)
    path.write_text(FILE)
    with beat_on(path, store, server.url, "--app", "decorated_shop:app"):
        seen.more_of("tick")
        seen.more_of("in-file")
        path.write_text(FILE.replace("in-file", "edited"))
        seen.more_of("edited")
        seen.more_of("tick")
    assert_whole(seen.nominals("tick"), 500)
