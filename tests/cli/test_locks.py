"""Do people see who holds a lock and what happened to it, and can they take it and run under it?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onebeat.app import App
from onebeat.cli import locks as commands
from onebeat.keys import LockKeys
from onebeat.locks import Lock, MultiLock, RWLock, Semaphore
from onebeat.wire import Command
from tests.cli.commands import Answer, finished, onebeat, spawn
from tests.locks.waiting import until

NAME = "report:eu"


@pytest.fixture(autouse=True)
def _closed(app: App) -> Iterator[None]:
    yield
    app.close()


def told(*words: str) -> dict[str, object]:
    answer: Answer = onebeat(*words, "--json")
    assert answer.code == 0, answer.err
    found: dict[str, object] = answer.json
    return found


def test_locks(app: App) -> None:
    with Lock(app.client, NAME, task="shop.report").hold() as lease:
        (row,) = told("locks")["items"]
        assert (row["name"], row["pid"], row["task"]) == (NAME, os.getpid(), "shop.report")
        assert (row["fence"], row["waiters"]) == (lease.fence, 0)
        assert 0 < row["remaining_ms"] <= 10_000
        assert onebeat("locks").out.splitlines()[1].startswith(NAME)
    assert told("locks")["items"] == []


def test_locks_of_every_kind(app: App) -> None:
    semaphore, rw = Semaphore(app.client, "pool", 3, task="shop.copy"), RWLock(app.client, "book")
    both = MultiLock([Lock(app.client, NAME), RWLock(app.client, "other").write])
    with semaphore.hold() as permit, rw.read.hold(), both.hold():
        rows = {(row["name"], row["kind"]): row for row in told("locks")["items"]}
        assert set(rows) == {("pool", "permit"), ("book", "read"), (NAME, "lock"), ("other", "write")}
        pool = rows["pool", "permit"]
        assert (pool["limit"], pool["pid"], pool["task"], pool["fence"]) == (
            3,
            os.getpid(),
            "shop.copy",
            permit.fence,
        )
        assert pool["age_ms"] >= 0
        assert 0 < pool["remaining_ms"] <= 10_000
        assert rows[NAME, "lock"]["with"] == ["other"]
        assert rows["other", "write"]["with"] == [NAME]
        assert "permit of 3" in onebeat("locks").out
    assert told("locks")["items"] == []


def test_show_of_a_share(app: App) -> None:
    with Semaphore(app.client, "pool", 3).hold() as permit:
        found = told("lock", "show", "pool")
        assert (found["holder"], found["past"], found["fence"]) == (None, [], None)
        share = found["share"]
        assert (share["count"], share["waiters"], share["fence"]) == (1, 0, permit.fence)
        assert [(one["kind"], one["limit"], one["pid"]) for one in share["holders"]] == [
            ("permit", 3, os.getpid())
        ]
        assert "permit of 3" in onebeat("lock", "show", "pool").out
    share = told("lock", "show", "pool")["share"]
    assert (share["count"], share["holders"]) == (0, [])


def test_show_of_a_held_lock(app: App) -> None:
    with Lock(app.client, NAME).hold() as lease:
        found = told("lock", "show", NAME)
        assert (found["holder"]["pid"], found["fence"], found["past"]) == (os.getpid(), lease.fence, [])
        text = onebeat("lock", "show", NAME).out
        assert f"process {os.getpid()}" in text
        assert "unless renewed" in text


def test_show_tells_how_the_last_holds_ended(app: App) -> None:
    """Newest first: lapsed and found by nobody yet, lapsed and found by the next, forced, released."""
    lock = Lock(app.client, NAME, task="shop.report")
    with lock.hold():
        pass
    lock.acquire()
    assert onebeat("lock", "release", NAME, "--reason", "it hangs", "--yes").code == 0
    for _ in range(2):
        lease = lock.acquire()
        app.store.perform(Command(("DEL", LockKeys(app.namespace.value, NAME).owner)))
    found = told("lock", "show", NAME)
    assert found["holder"] is None
    past = found["past"]
    assert [one["ended"] for one in past] == ["lapsed", "lapsed", "force", "release"]
    assert [one["task"] for one in past] == ["shop.report"] * 4
    assert past[0]["fence"] == lease.fence
    assert past[2]["reason"] == "it hangs"
    assert (past[3]["renewals"], past[3]["pid"]) == (0, os.getpid())
    assert past[3]["waited_ms"] >= 0
    assert all(one["since"] <= one["until"] for one in past[1:])
    assert [line.split()[3] for line in onebeat("lock", "show", NAME).out.splitlines()[-1:]] == ["release"]


def test_the_history_is_bounded(app: App) -> None:
    lock = Lock(app.client, NAME, task="x" * 1_000)
    for _ in range(40):
        with lock.hold():
            pass
    past = told("lock", "show", NAME)["past"]
    assert len(past) == 12
    assert all(one["ended"] == "release" and len(one["task"]) == 80 for one in past)
    assert int(app.store.perform(Command(("HLEN", LockKeys(app.namespace.value, NAME).state)))) < 24


@pytest.mark.parametrize(
    "words", [("show", "unheard-of"), ("release", "unheard-of", "--reason", "x", "--yes")]
)
def test_a_lock_that_is_not_there(words: tuple[str, ...]) -> None:
    assert onebeat("lock", *words).code == 3


def test_release_needs_a_word(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lock(app.client, NAME).acquire()
    assert lease is not None
    refused = onebeat("lock", "release", NAME, "--reason", "x")
    assert (refused.code, "--yes" in refused.err) == (4, True)
    assert onebeat("lock", "release", NAME, "--yes").code == 2
    monkeypatch.setattr(commands, "somebody_is_there", lambda: True)
    for typed, code in (("report", 4), (NAME, 0)):
        monkeypatch.setattr(commands.click, "prompt", lambda *_, typed=typed, **__: typed)
        assert onebeat("lock", "release", NAME, "--reason", "x").code == code
    assert Lock(app.client, NAME).peek() is None


# -- lock run ----------------------------------------------------------------------------------------


def test_run_gives_the_fence_and_the_exit_code() -> None:
    answer = finished("lock", "run", NAME, "--", "sh", "-c", 'echo "$ONEBEAT_FENCE"; exit 7')
    assert answer.code == 7, answer.err
    (past,) = told("lock", "show", NAME)["past"]
    assert int(answer.out) == past["fence"]
    assert past["task"].startswith("sh -c")


def test_run_of_a_held_lock(app: App) -> None:
    with Lock(app.client, NAME, 60).hold():
        answer = finished("lock", "run", NAME, "--wait", "0s", "--", "echo", "ran")
        assert (answer.code, answer.out) == (1, "")
        assert f"process {os.getpid()}" in answer.err


def test_run_of_no_command() -> None:
    assert onebeat("lock", "run", NAME, "--", "no-such-command-anywhere").code == 69
    assert onebeat("lock", "run", NAME).code == 2


def child(folder: Path, *, after_term: str) -> list[str]:
    """A command that says when it runs, and what it does when it is told to stop."""
    script = folder / "child.py"
    script.write_text(
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: ({after_term}))\n"
        "print('runs', flush=True)\n"
        "while True: time.sleep(0.1)\n"
    )
    return [sys.executable, str(script)]


def test_run_tells_the_child_that_the_lock_is_lost(app: App, folder: Path) -> None:
    words = ("lock", "run", NAME, "--lease", "9s", "--", *child(folder, after_term="sys.exit(0)"))
    process = spawn(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    Lock.force_release(app.client, NAME, reason="a test")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1  # the child's own 0 would be a lie
    assert "not held any more" in err


def test_run_passes_signals_on(app: App, folder: Path) -> None:
    process = spawn(
        "lock", "run", NAME, "--", *child(folder, after_term="sys.exit(9)"), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert Lock(app.client, NAME).peek() is None


def test_run_tells_which_signal_ended_the_child() -> None:
    assert finished("lock", "run", NAME, "--", "sh", "-c", "kill -KILL $$").code == 128 + signal.SIGKILL


def test_run_that_is_told_to_stop_while_it_waits_leaves_the_queue(app: App) -> None:
    keys = LockKeys(app.namespace.value, NAME)

    def waiting() -> int:
        return int(app.store.perform(Command(("ZCARD", keys.queue))))

    with Lock(app.client, NAME, 60).hold():
        process = spawn("lock", "run", NAME, "--", "echo", "ran")
        until(lambda: waiting() == 1, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert waiting() == 0


def test_the_child_of_a_killed_run_is_told(folder: Path) -> None:
    mark = folder / "told"
    words = child(folder, after_term=f"open({str(mark)!r}, 'w').close(), sys.exit(0)")
    process = spawn("lock", "run", NAME, "--", *words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    process.kill()
    process.communicate(timeout=60)
    until(mark.exists, 30)


def test_state_of_another_version_is_left_out(app: App) -> None:
    with Lock(app.client, NAME).hold():
        pass
    keys = LockKeys(app.namespace.value, NAME)
    for slot, told_then in zip("ABCD", ("nonsense", '{"event":"x"}', "[]", '["x",1,2,{},{}]'), strict=True):
        app.store.perform(Command(("HSET", keys.state, f"past-{slot}", told_then)))
    assert told("lock", "show", NAME)["past"] == []
    assert json.loads(onebeat("lock", "show", NAME, "--json").out)["schema"] == "onebeat.lock/1"
