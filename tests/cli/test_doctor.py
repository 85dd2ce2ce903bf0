"""Does `doctor` see what keeps schedules from running, and where settings come from?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from onebeat.app import App
from onebeat.clock import SYSTEM
from onebeat.keys import queue_keys
from onebeat.ledger.tables import LOG_POSITION
from onebeat.queue.liveness import beat, release
from onebeat.wire import Command
from tests.cli.commands import onebeat
from tests.servers import Server


def found(code: int) -> dict[str, list[tuple[str, str]]]:
    """Part → (verdict, text) of everything that is said about it."""
    answer = onebeat("doctor", "--json")
    assert answer.code == code, answer.out
    assert answer.json["schema"] == "onebeat.doctor/1"
    assert answer.json["healthy"] is (code == 0)
    assert {"onebeat", "python", "redis"} <= set(answer.json["versions"])
    parts: dict[str, list[tuple[str, str]]] = {}
    for one in answer.json["items"]:
        parts.setdefault(one["part"], []).append((one["verdict"], one["text"]))
    return parts


def live(app: App, *queues: str, seen_ms: int | None = None) -> None:
    """Write what a live beat and a live worker on `queues` write."""
    space = app.store.space
    card = {"seen_ms": SYSTEM.wall_ms() if seen_ms is None else seen_ms, "leads": True}
    app.store.perform(Command(("HSET", space.beats, "b", json.dumps(card))))
    about = json.dumps({"queues": {queue: ["w"] for queue in queues}})
    app.store.perform(Command(("HSET", space.workers, "w", about)))
    for queue in queues:
        app.store.run(
            beat(queue_keys(app.namespace.value, queue), ["w"], lease_ms=60_000, join=True, within_s=5)
        )


@pytest.fixture
def alive(app: App) -> Iterator[App]:
    live(app, "default", "reports")
    yield app
    for queue in ("default", "reports"):
        app.store.run(release(queue_keys(app.namespace.value, queue), "w", leave=True, within_s=5))
    app.close()


def test_a_healthy_place(alive: App) -> None:
    parts = found(0)
    assert list(parts) == ["configuration", "store", "beats", "workers", "queues", "database"]
    assert {verdict for rows in parts.values() for verdict, _ in rows} == {"ok"}
    assert parts["workers"] == [("ok", "1 alive on default, reports")]
    assert "ok" in onebeat("doctor").out


def test_nobody_works(app: App) -> None:
    parts = found(1)
    assert parts["beats"] == [("problem", "none runs: nothing is queued")]
    assert parts["workers"] == [("problem", "none runs: nothing is done")]


def test_a_silent_beat_is_none(alive: App) -> None:
    live(alive, seen_ms=SYSTEM.wall_ms() - 60_000)
    assert found(1)["beats"][0][0] == "problem"


def test_a_queue_that_nobody_serves(alive: App, folder: Path) -> None:
    (folder / "onebeat.yaml").write_text("schedules: {a: {task: x, every: 5m, queue: lonely}}\n")
    assert found(1)["workers"][1] == ("problem", "no worker serves the queue lonely")


def test_events_that_were_lost(alive: App) -> None:
    row = {"stream": "ob:{x:q}:log", "position": "0-0", "entries": 5, "lost": 3, "resets": 0}
    with alive.engine.begin() as connection:
        connection.execute(insert(LOG_POSITION), [row])
    assert found(0)["database"][1] == ("warning", "3 events of ob:{x:q}:log never reached the history")


def test_a_store_that_is_away_is_told_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", "unix:///nowhere/store.sock")
    parts = found(1)
    assert list(parts) == ["configuration", "store", "database"]
    assert parts["store"][0][1].startswith("no answer from the store at unix:///nowhere/store.sock")


def test_a_store_that_cannot_keep_promises(
    app: App, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", own_server.url)
    with own_server.redis() as client:
        client.execute_command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert [verdict for verdict, _ in found(1)["store"]] == ["ok", "problem"]


def test_a_database_that_is_away(alive: App, folder: Path) -> None:
    (folder / "history.db").write_text("this is no database" * 100)
    verdict, text = found(1)["database"][0]
    assert (verdict, text.split(":")[0]) == ("problem", "the database failed (file is not a database)")


def test_a_wrong_configuration(alive: App, folder: Path) -> None:
    (folder / "onebeat.yaml").write_text("schedules: {a: {task: x, every: 5}}\n")
    assert found(1)["configuration"][0][0] == "problem"


def sources(*words: str) -> dict[str, tuple[str | None, str]]:
    answer = onebeat("doctor", "--config", *words, "--json")
    assert (answer.code, answer.json["schema"]) == (0, "onebeat.settings/1")
    return {one["name"]: (one["value"], one["source"]) for one in answer.json["items"]}


def test_whether_messages_are_signed_and_never_with_what(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "k" * 43
    monkeypatch.setenv("ONEBEAT_SIGNING_KEYS", f"{key},unsigned")
    answer = onebeat("doctor", "--config")
    assert "signing" in answer.out
    assert "1 key, unsigned messages pass" in answer.out
    assert key not in answer.out + answer.err
    monkeypatch.setenv("ONEBEAT_SIGNING_KEYS", key[:40])
    answer = onebeat("doctor", "--config")
    assert answer.code == 2
    assert "has 30 bytes, fewer than 32" in answer.err
    assert key[:40] not in answer.out + answer.err


def test_where_settings_come_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = folder / "other.yaml"
    config.write_text(
        "redis: redis://me:hush@file:1/0\ndatabase: sqlite:///file.db\nnamespace: file\n"
        "timezone: Asia/Seoul\nschedules: {}\n"
    )
    assert sources()["configuration"] == (str(folder / "onebeat.yaml"), f"found in {folder}/")
    monkeypatch.setenv("ONEBEAT_CONFIG", "other.yaml")
    assert sources()["configuration"] == (str(config), "ONEBEAT_CONFIG")
    told = sources("-c", "other.yaml")
    assert told == {
        "configuration": (str(config), "-c"),
        "store": ("redis://me:***@file:1/0", "configuration file"),
        "database": ("sqlite:///file.db", str(config)),
        "namespace": ("file", str(config)),
        "signing": ("off", "default"),
        "timezone": ("Asia/Seoul", str(config)),
    }
    for name in ("REDIS_URL", "DB_URL", "NAMESPACE"):
        monkeypatch.setenv(f"ONEBEAT_{name}", "redis://environment")
    told = sources("--redis", "redis://flag")
    assert told["store"] == ("redis://flag", "--redis")
    assert told["database"][1] == "ONEBEAT_DB_URL"
    assert told["namespace"][1] == "ONEBEAT_NAMESPACE"
    assert sources()["store"][1] == "ONEBEAT_REDIS_URL"


def test_defaults(folder: Path) -> None:
    (folder / "onebeat.yaml").unlink()
    told = sources()
    assert told["configuration"] == (None, "none was found")
    assert told["store"][0] is None
    assert told["database"] == (f"sqlite:///{folder}/.onebeat/onebeat.db", "default")
    assert told["namespace"] == ("onebeat", "default")
