"""Does `up` start everything, keep it running, and stop it in order, whatever dies?"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onebeat.embedded import StoreProcess
from onebeat.wire import Command, Store, find_store
from tests.embedded.running import WITHIN_S, Up, awaited, gone

Start = Callable[..., Up]
TERM, INT, HUP, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL


def ask(up: Up, *words: str) -> object:
    """One command, sent the way every other command finds the store."""
    with Store.open(find_store(environ={}, start=up.home.parent).value) as store:
        return store.perform(Command(words))


def test_every_part_gets_a_status_line_and_the_store_is_first(up: Start) -> None:
    one = up("obeys", "obeys").ready()
    assert one.lines()[0].startswith("store  | ready: valkey") or "redis" in one.lines()[0]
    assert "beat   | ready: as beat" in one.lines()
    assert "worker | ready: as worker" in one.lines()
    assert all("store +PONG" in line for line in one.noted("beat pid") + one.noted("worker pid"))


def test_what_children_print_is_passed_on_with_their_name(up: Start) -> None:
    one = up("obeys", "obeys")
    for line in ("beat   | beat prints", "beat   | beat complains", "worker | worker prints"):
        one.says(line)


@pytest.mark.parametrize("signum", [TERM, INT, HUP])
def test_a_stop_is_ordered_and_nothing_is_left(up: Start, signum: signal.Signals) -> None:
    one = up("obeys", "obeys").ready()
    pids = [*one.pids(), one.store_pid()]
    assert one.send(signum).code() == 0
    stopped = [line for line in one.notes() if "pid" not in line]
    assert stopped == [
        "beat SIGTERM store +PONG",
        "beat ends store +PONG",
        "worker SIGTERM store +PONG",
        "worker ends store +PONG",
    ]
    assert all(gone(pid) for pid in pids)
    assert not [line for line in one.lines() if "again" in line]
    assert not (one.home / "store.json").exists()


def test_ctrl_c_in_the_terminal_reaches_the_supervisor_only(up: Start) -> None:
    one = up("obeys", "obeys").ready()
    os.killpg(one.process.pid, INT)
    assert one.code() == 0
    assert not [line for line in one.notes() if "SIGINT" in line]
    assert one.noted("worker ends") == ["worker ends store +PONG"]


def test_a_child_that_never_stops_talking_keeps_nobody_waiting(up: Start) -> None:
    one = up("chatty", "obeys").ready().says("worker | worker prints")
    assert one.send(TERM).code() == 0


def test_the_store_serves_until_the_worker_is_drained(up: Start) -> None:
    one = up("obeys", "slow").ready().send(TERM)
    one.noted("worker SIGTERM")
    assert ask(one, "SET", "late", "1")
    Path(f"{one.log}.drained").touch()
    assert one.code() == 0
    assert one.noted("worker ends") == ["worker ends store +PONG"]


def test_a_second_request_cuts(up: Start) -> None:
    one = up("obeys", "deaf").ready().send(INT)
    one.noted("worker SIGTERM")
    store_pid = one.store_pid()
    assert one.send(INT).code() == 0
    assert all(gone(pid) for pid in [*one.pids(), store_pid])


def test_a_closing_terminal_hangs_up_twice_and_that_is_one_request(up: Start) -> None:
    one = up("obeys", "slow").ready().send(HUP)
    one.noted("worker SIGTERM")
    one.send(HUP)
    assert ask(one, "PING")
    Path(f"{one.log}.drained").touch()
    assert one.code() == 0
    assert one.noted("worker ends")


def test_the_grace_has_an_end(up: Start) -> None:
    one = up("obeys", "deaf", grace_s=0.3).ready().send(TERM)
    assert one.code() == 0
    assert "worker | cut" in one.lines()
    assert all(gone(pid) for pid in one.pids())


def test_a_killed_store_is_back_with_its_data(up: Start) -> None:
    one = up("obeys", "obeys").ready()
    before = one.store_pid()
    assert ask(one, "SET", "kept", "yes")
    os.kill(before, KILL)
    awaited(lambda: one.store_pid() not in (0, before), "another store")
    assert ask(one, "GET", "kept") == b"yes"
    assert len(one.pids()) == 2, "children live on"
    assert one.send(TERM).code() == 0


def test_a_killed_child_is_started_again_and_its_children_are_gone(up: Start) -> None:
    one = up("obeys", "parent").ready()
    worker, below = one.pids("worker")
    os.kill(worker, KILL)
    one.says("worker | was killed by SIGKILL").says("worker | starting again in 0.25 s")
    one.says("worker | ready: as worker", 2)
    assert gone(below)
    assert len(one.pids("beat")) == 1
    assert one.send(TERM).code() == 0
    assert all(gone(pid) for pid in one.pids())


def test_five_deaths_in_a_minute_stop_everything(up: Start) -> None:
    one = up("obeys", "dies")
    assert one.code() == 1
    assert len(one.pids("worker")) == 5
    assert one.lines().count("worker | last words") == 5
    assert "worker | it died too often in a minute: stopping everything" in one.lines()
    assert one.noted("beat ends") == ["beat ends store +PONG"]


def test_what_cannot_get_better_is_not_tried_again(up: Start) -> None:
    one = up("misused", "obeys")
    assert one.code() == 1
    assert len(one.pids("beat")) == 1
    assert "beat   | last words" in one.lines()


def test_a_store_that_cannot_start_says_why(up: Start, folder: Path) -> None:
    files = folder / ".onebeat" / "data" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("not a manifest\n")
    one = up("obeys", "obeys")
    assert one.code() == 1
    assert any("store  | ended with exit code 1: " in line and "manifest" in line for line in one.lines())
    assert not one.notes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_killed_supervisor_leaves_no_process_and_all_data(up: Start) -> None:
    one = up("deaf", "deaf").ready()
    pids = [*one.pids(), one.store_pid()]
    assert ask(one, "SET", "kept", "yes")
    one.send(KILL).code()
    for pid in pids:
        awaited(lambda pid=pid: gone(pid), f"the end of {pid}")
    two = up("obeys", "obeys").ready()
    assert ask(two, "GET", "kept") == b"yes"


def test_a_second_up_in_the_same_folder_is_refused(up: Start) -> None:
    one = up("obeys", "obeys").ready()
    two = up()
    assert two.code() == 4
    assert f"already runs in {one.home} (pid {one.process.pid})" in two.lines()[0]
    assert ask(one, "PING")


def test_a_store_that_was_left_behind_is_adopted_and_replaced_when_it_dies(
    up: Start, private: StoreProcess
) -> None:
    private.start()
    one = up("obeys", "obeys").says("was still running").ready()
    assert ask(one, "SET", "kept", "yes")
    assert one.store_pid() == private.pid
    assert private.pid is not None
    os.kill(private.pid, KILL)
    awaited(private.ended, "the end of the adopted store")
    awaited(lambda: one.store_pid() not in (0, private.pid), "another store")
    assert ask(one, "GET", "kept") == b"yes"
    assert one.send(TERM).code() == 0


def test_an_adopted_store_is_stopped_with_the_rest(up: Start, private: StoreProcess) -> None:
    private.start()
    one = up("obeys", "obeys").says("was still running").ready()
    assert one.send(TERM).code() == 0
    end = awaited(private.ended, "its end", WITHIN_S)
    assert end.text == "ended with exit code 0"
