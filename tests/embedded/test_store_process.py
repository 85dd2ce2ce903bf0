"""Does the private store keep its data, stay private and say what is wrong?"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from onebeat.clock import SystemClock
from onebeat.embedded import Binary, StoreProcess, probe, store_process
from onebeat.embedded.held_file import HeldFile
from onebeat.embedded.home import Home
from onebeat.errors import Refused, StoreError
from onebeat.wire import Command, Store, find_store
from onebeat.wire.health import inspect
from tests.embedded.running import HERE, awaited, gone

REAL_ASK = probe.ask


class Leaping(SystemClock):
    """Ten seconds pass with each LOADING that is answered, so no test waits for them."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def mono_s(self) -> float:
        return super().mono_s() + self.passed_s

    def ask(self, path: Path, words: str, within_s: float = probe.WITHIN_S) -> str | None:
        reply = REAL_ASK(path, words, within_s)
        if reply is not None and reply.startswith("-LOADING"):
            self.passed_s += 10.0
        return reply


def ask(one: StoreProcess, *words: str) -> object:
    with Store.open(one.url) as store:
        return store.perform(Command(words))


def script(folder: Path, text: str) -> Binary:
    """A server that does what `text` says."""
    path = folder / "server"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Binary(path, "valkey", "9.1.2", "test")


def test_it_runs_as_promised(private: StoreProcess) -> None:
    private.start()
    with Store.open(private.url) as store:
        health = inspect(store)
        settings = {
            name: store.perform(Command(("CONFIG", "GET", name)))[1].decode()
            for name in ("port", "appendfsync", "unixsocketperm", "save")
        }
    assert health.problems == []
    assert health.aof
    assert settings == {"port": "0", "appendfsync": "everysec", "unixsocketperm": "700", "save": ""}
    assert private.socket.stat().st_mode & 0o777 == 0o700


def test_its_record_is_what_others_look_for(private: StoreProcess) -> None:
    private.start()
    record = json.loads(private.home.record.read_text())
    assert set(record) == {"pid", "socket", "engine", "version", "started_ms"}
    assert record["pid"] == private.pid
    assert find_store(environ={}, start=private.home.folder.parent).value == private.url
    private.stop()
    assert not private.home.record.exists()


@pytest.mark.parametrize("how", ["stop", "restart", "kill"])
def test_data_outlives_the_process(how: str, private: StoreProcess) -> None:
    private.start()
    assert ask(private, "SET", "kept", "yes")
    before = private.pid
    if how == "kill":
        assert before is not None
        os.kill(before, signal.SIGKILL)
        awaited(private.ended, "its end")
        private.start()
    elif how == "stop":
        private.stop()
        private.start()
    else:
        private.restart()
    assert ask(private, "GET", "kept") == b"yes"
    assert private.pid != before


@pytest.mark.parametrize("name", ["with space", "100%25", "a?b#c", 'quo"te\\n', "é🐍", "x" * 120])
def test_any_folder_will_do(name: str, folder: Path) -> None:
    one = StoreProcess(folder / name / ".onebeat")
    one.start()
    try:
        assert ask(one, "SET", "kept", "yes")
        assert find_store(environ={}, start=folder / name).value == one.url
        assert (one.home.data / "appendonlydir").is_dir() or (one.home.data / "appendonly.aof").exists()
    finally:
        one.stop()
        if one.socket.parent != one.home.folder:
            one.socket.parent.rmdir()


def test_stopping_what_was_never_started_is_nothing(private: StoreProcess) -> None:
    private.stop()
    private.ask_to_stop()
    private.cut()
    assert private.ended() is not None


def test_a_second_one_adopts_the_first(private: StoreProcess) -> None:
    private.start()
    second = StoreProcess(private.home.folder)
    second.start()
    assert second.pid == private.pid
    assert "was still running" in (second.readiness() or "")
    second.stop()
    assert awaited(private.ended, "its end").text == "ended with exit code 0"


def test_an_adopted_one_can_be_cut(private: StoreProcess) -> None:
    private.start()
    second = StoreProcess(private.home.folder)
    second.start()
    second.cut()
    assert awaited(private.ended, "its end").text == "was killed by SIGKILL"
    assert awaited(second.ended, "its end, seen from outside")


def test_an_adopted_one_is_found_where_it_was_put(private: StoreProcess, folder: Path) -> None:
    private.start()
    second = StoreProcess(private.home.folder)
    second.home.socket = folder / "elsewhere"  # as with another TMPDIR
    second.start()
    assert second.url == private.url


@pytest.mark.parametrize("recorded", [True, False])
def test_one_that_does_not_answer_is_neither_adopted_nor_doubled(recorded: bool, folder: Path) -> None:
    home = Home(folder / ".onebeat")
    home.make()
    if recorded:
        home.record.write_text(json.dumps({"socket": str(folder / "nobody")}))
    lock = HeldFile(home.store_lock)
    assert lock.take()
    one = StoreProcess(home.folder, silence_max_s=0.1)
    with pytest.raises(Refused, match=f"pid {os.getpid()}"):
        one.start()
    lock.give()
    patient = StoreProcess(home.folder)
    patient.start()
    patient.stop()


def test_a_server_that_never_answers_is_killed(folder: Path) -> None:
    fake = script(folder, f"echo $$ > {folder}/pid; exec sleep 600")
    one = StoreProcess(folder / ".onebeat", binary=fake, silence_max_s=0.5)
    with pytest.raises(StoreError, match="does not answer"):
        one.start()
    assert awaited(one.ended, "its end").text == "was killed by SIGKILL"
    assert gone(int((folder / "pid").read_text()))


def test_a_server_that_reads_its_data_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = script(folder, f'exec {sys.executable} {HERE}/fake_server.py "$1"')
    clock = Leaping()
    monkeypatch.setattr(probe, "ask", clock.ask)
    one = StoreProcess(folder / ".onebeat", binary=binary, clock=clock, silence_max_s=30.0)
    one.start()
    one.stop()
    assert clock.passed_s > 30.0
    assert (one.home.data / "loaded").exists(), "INFO is answered all the while, and means nothing"


def test_one_that_ends_at_once_says_why(folder: Path) -> None:
    one = StoreProcess(folder / ".onebeat", binary=script(folder, "echo no space left >&2; exit 7"))
    one.home.make()
    one.home.log.write_text("of an earlier run\n")
    with pytest.raises(StoreError, match=r"exit code 7: no space left$"):
        one.start()


def test_one_that_ignores_the_request_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_process, "STOP_S", 0.1)
    one = StoreProcess(
        folder / ".onebeat", binary=script(folder, f"trap '' TERM; echo > {folder}/up; sleep 600")
    )
    one.launch()
    awaited((folder / "up").exists, "the trap")
    one.stop()
    end = one.ended()
    assert end is not None
    assert end.text == "was killed by SIGKILL"


def test_data_of_a_newer_server_is_refused_untouched(private: StoreProcess) -> None:
    private.start()
    assert ask(private, "SET", "kept", "yes")
    private.stop()
    private.home.engine.write_text('{"engine": "valkey", "version": "99.0.0"}')
    with pytest.raises(Refused, match=r"written by valkey 99\.0\.0"):
        StoreProcess(private.home.folder).start()
    assert HeldFile(private.home.store_lock).take(), "nothing was started"


def test_a_long_log_is_set_aside(private: StoreProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_process, "LOG_MAX", 10)
    private.home.make()
    private.home.log.write_text("of an earlier run\n")
    private.start()
    assert private.home.log.with_name("store.log.1").read_text() == "of an earlier run\n"
    assert "earlier" not in private.home.log.read_text()


def test_a_stopped_server_is_not_waited_for(private: StoreProcess) -> None:
    private.start()
    assert private.pid is not None
    os.kill(private.pid, signal.SIGSTOP)
    assert probe.ask(private.socket, "PING", within_s=0.05) is None
    os.kill(private.pid, signal.SIGCONT)
    assert probe.ask(private.socket, "PING", within_s=60) == "+PONG"
