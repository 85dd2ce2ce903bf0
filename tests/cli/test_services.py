"""Do beat and worker start on a fit store only, say when they are ready, and stop in order?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onebeat.app import App
from onebeat.cli import services
from onebeat.ready import READY_FD
from onebeat.wire import Command
from tests.cli.commands import WITHIN_S, Answer, finished, onebeat, spawn
from tests.servers import Server


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service and what it announces when it is ready."""
    reading, writing = os.pipe()
    process = spawn(
        *words,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={READY_FD: str(writing)},
        pass_fds=(writing,),
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as announced:
            yield process, announced.readline()
    finally:
        process.kill()
        process.communicate(timeout=WITHIN_S)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("words", "ready", "last_words"),
    [
        (("beat",), "ready 3 schedules, leading", "the beat has stopped"),
        (
            ("worker", "--concurrency", "2"),
            "ready 1 process(es) × 2 slots on default, reports",
            "the worker has stopped",
        ),
        (("worker", "-q", "reports"), "slots on reports", "the worker has stopped"),
        (
            ("worker", "-q", "b,a", "-q", "reports", "-q", "a"),
            "slots on b, a, reports",
            "the worker has stopped",
        ),
    ],
)
def test_a_service_starts_and_stops(
    words: tuple[str, ...], ready: str, last_words: str, signum: signal.Signals, app: App
) -> None:
    with running(*words) as (process, announced):
        assert ready in announced
        process.send_signal(signum)
        out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out) == (0, "")
    assert last_words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", ["beat", "worker"])
def test_the_beat_tells_of_warnings_and_the_worker_beside_it_does_not(words: str, app: App) -> None:
    file = app.folder / "onebeat.yaml"
    file.write_text(file.read_text().replace("dst: {gap: run-after, fold: first},", ""))
    with running(words) as (process, _):
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=WITHIN_S)
    assert ("2 warnings in" in err) == (words == "beat")


@pytest.fixture
def unfit(app: App, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A store that would delete queues when it is full, and that keeps nothing on disk."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", own_server.url)
    with own_server.redis() as client:
        client.execute_command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        client.execute_command("CONFIG", "SET", "appendonly", "no")
    return own_server


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("beat",), ("eviction", "no-persistence")),
        (("worker",), ("eviction", "no-persistence")),
        (("beat", "--allow", "eviction"), ("no-persistence",)),
    ],
)
def test_a_store_that_cannot_keep_promises_is_refused(
    words: tuple[str, ...], missing: tuple[str, ...], unfit: Server
) -> None:
    answer: Answer = finished(*words)
    assert (answer.code, answer.out) == (4, "")
    complaint = answer.err.splitlines()[-1]
    assert complaint.endswith(
        "(or start with " + " ".join(f"--allow {name}" for name in missing) + ") [OB400]"
    )
    assert unfit.alive


def test_what_is_allowed_by_name_is_only_warned_of(unfit: Server) -> None:
    with running("beat", "--allow", "eviction", "--allow", "no-persistence") as (process, announced):
        assert "leading" in announced
        process.terminate()
        assert "[eviction]" in process.communicate(timeout=WITHIN_S)[1]
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["beat", "worker"])
def test_a_store_that_stays_away(name: str, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", "unix:///nowhere/store.sock")
    monkeypatch.setattr(services, "WAIT_S", 0.0)
    answer = onebeat(name)
    assert (answer.code, answer.out) == (5, "")
    assert "no answer from the store at unix:///nowhere/store.sock" in answer.err


def test_a_store_that_comes_late_is_waited_for(
    app: App, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEBEAT_REDIS_URL", own_server.url)
    own_server.stop()
    process = spawn("beat", stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert any("waiting: no answer from the store" in line for line in process.stderr)
        own_server.start()
        assert any("this beat leads" in line for line in process.stderr)
        with own_server.redis() as client:
            assert client.execute_command("HLEN", app.store.space.beats) == 1
    finally:
        process.terminate()
        process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0
    app.close()


@pytest.mark.parametrize("name", ["beat", "worker", "up"])
def test_mistakes_come_before_anything_is_started(name: str, folder: Path) -> None:
    (folder / "onebeat.yaml").write_text("schedules:\n  a: {task: x, every: 5}\n")
    answer = onebeat(name)
    assert answer.code == 2
    assert "onebeat.yaml:2:" in answer.err
    (folder / "onebeat.yaml").unlink()
    answer = onebeat(name)
    assert answer.code == 2
    assert "no configuration" in answer.err
    assert not (folder / ".onebeat" / "store.json").exists()


def test_a_module_that_cannot_be_imported_stops_a_worker(app: App, folder: Path) -> None:
    (folder / "onebeat.yaml").write_text("imports: [no_such_module]\nschedules: {}\n")
    answer = onebeat("worker", "-q", "default")
    assert answer.code == 2
    assert "no_such_module" in answer.err


@pytest.mark.parametrize("queues", ["a{b}", "a,,b", "a b"])
def test_a_queue_that_no_key_can_carry(queues: str, app: App) -> None:
    answer = onebeat("worker", "-q", queues)
    assert answer.code == 2
    assert "[OB130]" in answer.err


def test_the_store_is_left_as_it_was_found(app: App) -> None:
    assert app.store.perform(Command(("EXISTS", app.store.space.leader))) == 0
    app.close()


@pytest.mark.parametrize("words", [("beat",), ("worker", "-q", "reports")])
def test_a_service_tells_its_health(words: tuple[str, ...], app: App) -> None:
    with running(*words, "--health", "0") as (process, announced):
        assert announced
        assert process.stderr is not None
        line = next(line for line in process.stderr if "health: http://127.0.0.1:" in line)
        with urllib.request.urlopen(line.split()[-1].replace("readyz", "livez"), timeout=WITHIN_S) as answer:
            assert answer.status == 200
            assert json.load(answer)["ok"] is True


def test_a_health_address_that_is_none(app: App) -> None:
    answer = onebeat("beat", "--health", "everywhere")
    assert answer.code == 2
    assert "write a port such as 8900" in answer.err
