"""Is a time that `except` leaves out an event, a counter and a row of the history?"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from onebeat.keys import queue_keys
from onebeat.wire import Command, Store
from tests.beat.deploys import beat_on, until
from tests.cli.commands import onebeat
from tests.servers import Server

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def test_a_beat_that_was_away_tells_what_was_left_out(
    tmp_path: Path, server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away for two days and more, of which one is left out; and a pause is no reason for what never runs."""
    path, keys = tmp_path / "main.yaml", queue_keys(store.namespace, "default")
    for name, value in (("REDIS_URL", server.url), ("NAMESPACE", store.namespace)):
        monkeypatch.setenv(f"ONEBEAT_{name}", value)
    monkeypatch.setenv("ONEBEAT_DB_URL", f"sqlite:///{tmp_path / 'main.db'}")
    monkeypatch.chdir(tmp_path)
    midnight_ms = int(time.time() * 1000) // DAY_MS * DAY_MS
    yesterday = (datetime.fromtimestamp(midnight_ms / 1000, UTC) - timedelta(days=1)).date()
    path.write_text(
        f'schedules:\n  s: {{task: "t:f", every: 1h, except: [{yesterday}], catch_up: {{policy: none}}}}\n'
    )
    cursor_ms = midnight_ms - DAY_MS - 3 * HOUR_MS
    store.perform(Command(("HSET", keys.sched, "s", cursor_ms)))
    store.perform(Command(("HSET", keys.paused, "s", "0 a person")))
    with beat_on(path, store, server.url):
        until(told, "the beat has decided")
    found = told()
    assert found["excluded"] == [(midnight_ms - HOUR_MS, 24)]
    assert found["paused"][0] == (midnight_ms - DAY_MS - HOUR_MS, 2)
    assert store.perform(Command(("HGET", keys.stats, "skipped.excluded"))) == b"24"
    assert int(store.perform(Command(("HGET", keys.sched, "s")))) >= midnight_ms - HOUR_MS


def told() -> dict[str, list[tuple[int, int]]]:
    """Reason → the stretches that `runs` shows: the last time, ms, and how many there are."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in onebeat("runs", "s", "--state", "skipped", "--json").json["items"]:
        last = datetime.fromisoformat(one["nominal"])
        found.setdefault(one["reason"], []).insert(0, (round(last.timestamp() * 1000), one["count"]))
    return found
