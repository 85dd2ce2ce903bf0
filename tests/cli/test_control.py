"""Can a person hold a schedule back, end a run, and run what was missed?"""

from __future__ import annotations

from typing import Any

import pytest

from onebeat.app import App
from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.control import Inserted, insert
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.liveness import beat
from onebeat.queue.record import LIVE, RECORDED, unpack
from onebeat.queue.states import Move
from onebeat.scheduler.wishes import backfilled
from onebeat.wire import Command
from tests.cli.commands import onebeat

WITHIN_S = 10.0
RANGE = ("--from", "2026-03-01T10:00", "--to", "2026-03-01T10:30")


@pytest.fixture
def keys(app: App) -> QueueKeys:
    return queue_keys(app.namespace.value, "reports")


def ready(app: App, keys: QueueKeys) -> list[str]:
    found = [one for key in keys.ready for one in app.store.perform(Command(("LRANGE", key, 0, -1)))]
    return [unpack(one).id for one in found]


def known(app: App, keys: QueueKeys) -> None:
    """The beat has been here."""
    app.store.perform(Command(("HSET", keys.sched, "often", 1)))
    app.store.perform(Command(("SADD", app.store.space.queues, "reports")))


def run_all(app: App, keys: QueueKeys, state: Move = Move.FINISH) -> list[str]:
    """A worker comes by, runs everything and leaves."""
    app.store.run(beat(keys, ["w"], lease_ms=60_000, join=True, within_s=WITHIN_S))
    app.store.perform(Command(("DEL", keys.own("w"))))
    claim = cycle_call(keys, wid="w", seq=1, lease_ms=60_000, want=256, settled=[])
    records = read_claims(app.store.perform(claim)).records
    ended = [_ended(record, state) for record in records]
    app.store.perform(cycle_call(keys, wid="w", seq=2, lease_ms=60_000, want=0, settled=ended))
    return [unpack(record).id for record in records]


def _ended(record: bytes, move: Move) -> Settled:
    id_ = unpack(record).id
    word = {Move.FINISH: "done", Move.BURY: "dead"}[move]
    event = f'{{"event":"ended","id":"{id_}","state":"{word}"}}'.encode()
    return Settled(id_, move, record=record, why=b"{}", event=event)


# -- pause, resume -----------------------------------------------------------------------------------


def test_pause_and_resume(app: App, keys: QueueKeys) -> None:
    known(app, keys)
    told = onebeat("pause", "often", "--reason", "moving house", "--json").json
    assert told == {
        "schema": "onebeat.paused/1",
        "schedule": "often",
        "until": None,
        "reason": "moving house",
    }
    shown = onebeat("show", "often")
    assert "until resumed: moving house" in shown.out
    listed = {row["id"]: row for row in onebeat("list", "--json").json["items"]}
    assert (listed["often"]["state"], listed["often"]["paused_reason"]) == ("paused", "moving house")
    assert onebeat("resume", "often").err == "onebeat: often fires again\n"
    assert onebeat("resume", "often").err == "onebeat: often was not paused\n"
    assert onebeat("list", "--json").json["items"][1]["paused"] is False


def test_a_pause_ends_by_itself(app: App, keys: QueueKeys) -> None:
    known(app, keys)
    assert onebeat("pause", "often", "--for", "2h").code == 0
    until = app.store.perform(Command(("HGET", keys.paused, "often"))).split()[0]
    assert onebeat("show", "often", "--json").json["paused"] is True
    app.store.perform(Command(("HSET", keys.paused, "often", f"{int(until) - 7_300_000} ")))
    assert onebeat("show", "often", "--json").json["paused"] is False
    app.close()


# -- cancel ------------------------------------------------------------------------------------------


def test_what_waits_for_its_time_is_over_at_once(app: App, keys: QueueKeys) -> None:
    words = ("enqueue", "tests.cli.tasks:report", "--delay", "5m", "--json")
    id_ = onebeat(*words).json["id"]
    told = onebeat("cancel", id_, "-q", "reports", "--json").json
    assert (told["id"], told["over"]) == (id_, True)
    assert onebeat("run", id_, "--json").json["state"] == "cancelled"
    assert "is over: it is cancelled" in onebeat("cancel", id_).err


def test_what_is_in_a_list_is_over_when_a_worker_comes_to_it(app: App, keys: QueueKeys) -> None:
    id_ = onebeat("trigger", "often").out.strip()
    assert onebeat("cancel", id_, "--json").json["over"] is False
    assert run_all(app, keys) == []
    assert onebeat("run", id_, "--json").json["state"] == "cancelled"
    app.close()


def test_what_nobody_knows_is_not_cancelled(app: App) -> None:
    assert onebeat("cancel", "nobody").code == 3
    assert "nobody has used a queue 'no'" in onebeat("cancel", "nobody", "-q", "no").err


# -- trigger -----------------------------------------------------------------------------------------


def test_trigger_chooses_what_happens_beside_another_run(app: App, keys: QueueKeys) -> None:
    first = onebeat("trigger", "often", "--overlap", "skip").out.strip()
    refused = onebeat("trigger", "often", "--overlap", "skip")
    assert refused.code != 0
    assert "a run of it is not over" in refused.err
    second = onebeat("trigger", "often", "--overlap", "queue-one")
    assert "starts when the run before it is over" in second.err
    assert ready(app, keys) == [first]
    reasons = [run["reason"] for run in onebeat("runs", "often", "--json").json["items"]]
    assert sorted(reasons) == ["overlap", "trigger", "trigger"]
    app.close()


def test_trigger_with_other_arguments(app: App, keys: QueueKeys) -> None:
    onebeat("trigger", "often", "--args", "[1]", "--kwargs", '{"more": true}')
    (record,) = app.store.perform(Command(("LRANGE", keys.ready[0], 0, -1)))
    message = unpack(record)
    assert b"more" in message.body
    assert b"often" in message.body
    assert message.flags & (RECORDED | LIVE) == RECORDED
    assert onebeat("trigger", "often", "--args", "{}").code == 2
    app.close()


# -- backfill ----------------------------------------------------------------------------------------


def backfill(*words: str) -> Any:
    return onebeat("backfill", "often", *RANGE, *words)


def test_a_plan_changes_nothing(app: App, keys: QueueKeys) -> None:
    known(app, keys)
    told = backfill("--dry-run", "--json").json
    assert (told["run"], told["times"][0]) == (6, "2026-03-01T09:00:00.000Z")
    shown = backfill("--dry-run")
    assert "6 times in this range" in shown.err
    assert "would run 2026-03-01 09:00:00 UTC" in shown.err
    assert "add --yes" in backfill().err
    assert ready(app, keys) == []
    app.close()


def test_a_backfill_leaves_alone_what_ran_and_what_another_one_queued(app: App, keys: QueueKeys) -> None:
    known(app, keys)
    schedule = app.find("often").schedule
    times = [1_772_355_600_000 + n * 300_000 for n in range(6)]
    asked = [backfilled(schedule, at) for at in times[:2]]
    first = app.store.run(insert(keys, asked, within_s=WITHIN_S))
    assert first == [Inserted.EMITTED, Inserted.EMITTED]
    assert app.store.run(insert(keys, asked, within_s=WITHIN_S)) == [Inserted.EXISTING] * 2
    assert len(run_all(app, keys)) == 2
    assert "left alone: 2 done" in backfill("--dry-run").err
    assert backfill("--dry-run", "--json").json["run"] == 4
    record = unpack(asked[0].record)
    assert (record.id, record.header.expires_at_ms) == (f"often@{times[0]}", None)
    app.close()


def test_what_failed_runs_again_when_told(app: App, keys: QueueKeys) -> None:
    known(app, keys)
    app.store.run(
        insert(keys, [backfilled(app.find("often").schedule, 1_772_355_600_000)], within_s=WITHIN_S)
    )
    run_all(app, keys, Move.BURY)
    assert backfill("--dry-run", "--json").json["run"] == 5
    assert backfill("--dry-run", "--json", "--failed").json["run"] == 6
    app.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-03-02", "--to", "2026-03-01"), "is not before --to"),
        (("--from", "soon", "--to", "2026-03-01"), "it takes a date or time"),
    ],
)
def test_a_range_that_is_none(words: tuple[str, ...], said: str, app: App) -> None:
    answer = onebeat("backfill", "often", *words)
    assert answer.code == 2
    assert said in answer.err
