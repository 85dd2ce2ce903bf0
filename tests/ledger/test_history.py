"""Is every event in the history once, however many historians write it and whatever happens to Redis?"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from onebeat.ledger import (
    Historian,
    counts,
    history,
    lost_events,
    run,
    runs,
)
from onebeat.ledger.tables import LOG_POSITION, one_at_a_time
from onebeat.wire import Store
from tests.ledger.conftest import DATABASES
from tests.ledger.log_writer import Log, about, fire, life

QUEUES = ("default", "slow")


def position(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(LOG_POSITION)).one()


def test_a_run_is_followed_from_call_to_call(log: Log, historian: Historian, engine: Engine) -> None:
    seen = []
    for event in life(1_000):
        at_ms = int(log.add(event).split("-")[0])
        assert historian.catch_up(QUEUES) == 1
        found = run(engine, "nightly@1000")
        assert found is not None
        seen.append(found.state)
    assert seen == ["queued", "running", "done"]
    assert found.claimed_ms is not None
    assert found.claimed_ms <= at_ms
    assert (found.namespace, found.queue) == (log.store.namespace, "default")
    assert historian.catch_up(QUEUES) == 0


def test_no_log_is_no_history(historian: Historian, engine: Engine) -> None:
    assert historian.catch_up(QUEUES) == 0
    assert runs(engine, limit=5) == []


def test_many_historians_take_each_event_once(store: Store, engine: Engine) -> None:
    """Their answers add up to the events: no batch was written twice, none was left out."""
    logs = [Log(store, queue) for queue in QUEUES]

    def read(_n: int) -> int:
        return Historian(store, engine, store.namespace).catch_up(QUEUES)

    with ThreadPoolExecutor(6) as threads:
        answers = []
        for round_ in range(4):
            for n in range(30):
                logs[n % 2].add(*life(round_ * 1_000 + n))
            answers += threads.map(read, range(6))
    assert sum(answers) == 4 * 30 * 3
    assert counts(engine) == {"done": 120}
    assert lost_events(engine) == {}


class Overtaken(Store):
    """A store in which another historian is faster, once, between our reading and our writing."""

    rival: Historian | None = None

    def run(self, protocol: Any) -> Any:
        answer = super().run(protocol)
        if isinstance(answer, list) and self.rival is not None:
            rival, self.rival = self.rival, None
            assert rival.catch_up(QUEUES) == 3
        return answer


def test_who_was_overtaken_goes_on_behind_the_other(
    server: Any, log: Log, historian: Historian, engine: Engine
) -> None:
    with Overtaken.open(server.url, log.store.namespace) as store:
        slow = Historian(store, engine, store.namespace)
        log.add(*life(1))
        store.rival = historian
        assert slow.catch_up(QUEUES) == 0
        log.add(*life(2))
        assert slow.catch_up(QUEUES) == 3
    assert counts(engine) == {"done": 2}
    assert position(engine).entries == 2


def test_a_crash_in_the_middle_repeats_nothing(
    log: Log, historian: Historian, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add(*life(1))
    with monkeypatch.context() as patched:
        patched.setattr(history, "write_cursors", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            historian.catch_up(QUEUES)
    assert runs(engine, limit=5) == []
    assert position(engine).position == "0-0"
    assert historian.catch_up(QUEUES) == 3
    assert counts(engine) == {"done": 1}


def test_more_than_one_batch(
    log: Log, historian: Historian, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 7)
    for n in range(40):
        log.add(*life(n))
    assert historian.catch_up(QUEUES) == 120
    assert counts(engine) == {"done": 40}


def test_a_large_entry(log: Log, historian: Historian, engine: Engine) -> None:
    log.add(*(event for n in range(1_500) for event in life(n)))
    log.add(*life(9_999))
    assert historian.catch_up(QUEUES) == 4_503
    assert counts(engine) == {"done": 1_501}


def test_what_was_trimmed_unread_is_counted_once(
    log: Log, historian: Historian, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    log.add(*life(1))
    historian.catch_up(QUEUES)
    for n in range(2, 12):
        log.add(fire("emitted", n))
    log.trim(keep=4)
    with caplog.at_level(logging.WARNING):
        assert historian.catch_up(QUEUES) == 4
    assert "lost 6 entries" in caplog.text
    assert historian.catch_up(QUEUES) == 0
    assert lost_events(engine) == {log.key: 6}
    log.trim(keep=1)
    log.add(*life(20))
    assert historian.catch_up(QUEUES) == 3
    assert lost_events(engine) == {log.key: 6}, "trimming what was read loses nothing"


def test_a_history_that_begins_late_has_lost_nothing(log: Log, historian: Historian, engine: Engine) -> None:
    for n in range(10):
        log.add(*life(n))
    log.trim(keep=2)
    assert historian.catch_up(QUEUES) == 6
    assert lost_events(engine) == {}


def test_a_log_restored_from_an_older_copy_changes_no_end(
    log: Log, historian: Historian, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    emitted, claimed, ended = life(1)
    ids = [log.add(event) for event in (emitted, claimed, ended)]
    historian.catch_up(QUEUES)
    before = run(engine, "nightly@1")
    log.drop()
    log.add(emitted, at=ids[0])
    log.add(claimed, at=ids[1])
    assert historian.catch_up(QUEUES) == 2
    assert "began anew 1 times" in caplog.text
    assert run(engine, "nightly@1") == before
    log.add(*life(2))
    assert historian.catch_up(QUEUES) == 3
    assert counts(engine) == {"done": 2}


def test_an_emptied_redis_with_a_clock_that_is_behind(log: Log, historian: Historian, engine: Engine) -> None:
    log.add(fire("emitted", 1))
    historian.catch_up(QUEUES)
    log.drop()
    log.add(*life(1), *life(2), at="5-1")
    assert historian.catch_up(QUEUES) == 6
    assert counts(engine) == {"done": 2}
    assert position(engine).resets == 1


def test_an_emptied_redis_whose_log_grows_beyond_what_was_read(
    log: Log, historian: Historian, engine: Engine
) -> None:
    log.add(*life(1))
    historian.catch_up(QUEUES)
    log.drop()
    for n in range(2, 8):
        log.add(*life(n))
    assert historian.catch_up(QUEUES) == 18
    assert counts(engine) == {"done": 7}
    assert lost_events(engine) == {}


def test_nothing_in_the_log_stops_the_history(
    log: Log, historian: Historian, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    log.add_text(b"\x80 not json\n{}\n")
    log.store.client.xadd(log.key, {"other": "field"})
    log.add(
        {
            "event": "ended",
            "id": "a\0b\ud800",
            "state": "s" * 99,
            "attempt": 10**30,
            "error": "\0",
            "task": "t" * 999,
        }
    )
    log.add(*life(1))
    assert historian.catch_up(QUEUES) == 4
    assert "2 lines of the event log" in caplog.text
    assert counts(engine) == {"done": 1, "s" * 16: 1}


def test_events_that_say_nothing_of_an_unknown_run_make_no_row(
    log: Log, historian: Historian, engine: Engine
) -> None:
    log.add(about("late_ack", 1, worker="w"), {"event": "teleported", "id": "x"})
    assert historian.catch_up(QUEUES) == 2
    assert runs(engine, limit=5) == []


def test_namespaces_share_a_database(server: Any, log: Log, historian: Historian, engine: Engine) -> None:
    other = f"{log.store.namespace}b"
    with Store.open(server.url, other) as store:
        theirs = Log(store)
        theirs.add(fire("emitted", 1))
        log.add(*life(1))
        assert Historian(store, engine, other).catch_up(QUEUES) == 1
        theirs.drop()
    historian.catch_up(QUEUES)
    assert counts(engine) == {"done": 1, "queued": 1}
    assert counts(engine, namespace=other) == {"queued": 1}
    found = run(engine, "nightly@1", namespace=other)
    assert found is not None
    assert found.state == "queued"


@pytest.mark.parametrize("url", sorted({*DATABASES} - {"sqlite"}), indirect=True)
def test_historians_of_a_namespace_write_one_after_the_other(
    log: Log, historian: Historian, engine: Engine
) -> None:
    """A run can be in two queues' logs; PostgreSQL would let both read its row before either writes it."""
    log.add(*life(1))
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            one_at_a_time(connection, f"onebeat:history:{log.store.namespace}")
            answer = threads.submit(historian.catch_up, QUEUES)
            while not connection.execute(waiting).scalar():
                assert not answer.done(), "it did not wait"
        assert answer.result(90) == 3
