"""Does `onebeat up` run everything in one terminal, from the first run to a history that goes on?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.cli.commands import Answer, finished, spawn
from tests.servers import Server

READY_WITHIN_S, WITHIN_S = 90.0, 90.0
CONFIG = """\
imports: [tests.cli.tasks]
schedules:
  often: {task: "tests.cli.tasks:report", every: 1s, queue: reports}
  broken: {task: "tests.cli.tasks:fails", manual: true}
"""


def awaited(condition: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
    """The first truthy answer of `condition`."""
    until_s = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < until_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return answer


class Terminal:
    """`onebeat up` in the current folder, and what it prints."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.printed = folder / f"printed-{time.monotonic_ns()}"
        with self.printed.open("w") as sink:
            words = ("up", "--concurrency", "2", *options)
            self.process = spawn(*words, stdout=sink, stderr=sink, start_new_session=True)

    def lines(self, start: str = "") -> list[str]:
        return [line for line in self.printed.read_text().splitlines() if line.startswith(start)]

    def ready(self) -> Terminal:
        for part in ("store", "beat", "worker"):
            awaited(lambda part=part: self.lines(f"{part:<6} | ready"), f"{part} is ready", READY_WITHIN_S)
        return self

    def interrupt(self) -> int:
        """Ctrl-C, as the terminal sends it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(WITHIN_S)


@pytest.fixture
def up(folder: Path) -> Iterator[Callable[..., Terminal]]:
    (folder / "onebeat.yaml").write_text(CONFIG)
    started: list[Terminal] = []

    def start(*options: str) -> Terminal:
        started.append(Terminal(folder, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(WITHIN_S)


def processes_in(folder: Path) -> list[int]:
    """The processes, beside this one, that work in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return [pid for pid in found if pid != os.getpid()]


def reported(folder: Path) -> int:
    engine = create_engine(f"sqlite:///{folder / '.onebeat' / 'onebeat.db'}")
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT COUNT(*) FROM reported")).scalar_one())
    finally:
        engine.dispose()


def done() -> set[str]:
    answer = finished("runs", "often", "--state", "done", "--limit", "1000", "--json")
    assert answer.code == 0, answer.err
    return {run["id"] for run in answer.json["items"]}


def ended_well(answer: Answer) -> Answer:
    assert "Traceback" not in answer.err
    return answer


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds leftover processes through /proc")
def test_from_the_first_run_to_a_history_that_goes_on(up: Callable[[], Terminal], folder: Path) -> None:
    one = up().ready()
    assert len(one.lines("next   | ")) == 3
    awaited(
        lambda: [line for line in one.lines("run    | ") if "often done in" in line], "a first run is told"
    )
    first = awaited(done, "a run that is done")

    awaited(lambda: ended_well(finished("doctor", "--json")).code == 0, "a healthy place")
    failed = ended_well(finished("trigger", "broken", "--wait", "90"))
    assert failed.code == 7
    (letter,) = ended_well(finished("dead", "--json")).json["items"]
    assert letter["id"] == failed.out.strip()
    told = ended_well(finished("run", letter["id"])).out
    assert "ValueError: no luck today" in told
    assert "Traceback (most recent call last)" in told
    assert ended_well(finished("trigger", "often", "--wait", "90")).code == 0
    refused = ended_well(finished("up"))
    assert refused.code == 4
    assert "already runs" in refused.err

    assert one.interrupt() == 0
    awaited(lambda: not processes_in(folder), "no process is left")
    assert not (folder / ".onebeat" / "store.json").exists()

    before = done()  # the history outlives the store
    assert first <= before
    assert reported(folder) >= len(before)
    two = up().ready()
    awaited(lambda: done() - before, "runs of the second start beside those of the first")
    assert before <= done()
    assert two.interrupt() == 0
    assert reported(folder) == len(done())


def test_a_file_that_is_emptied_while_it_runs_and_before_it_starts(
    up: Callable[[], Terminal], folder: Path
) -> None:
    one = up().ready()
    (folder / "onebeat.yaml").write_text("imports: [tests.cli.tasks]\nschedules: {}\n")
    (line,) = awaited(
        lambda: [line for line in one.lines("beat   |") if "the configuration stays as it was" in line],
        "the emptied file is told",
    )
    assert "2 of 2 schedules would be gone (broken, often)" in line
    known = done()
    awaited(lambda: done() - known, "the last good version goes on")
    assert one.interrupt() == 0
    two = up().ready()  # who starts it means it
    assert two.interrupt() == 0
    assert any("0 schedules" in line for line in two.lines("beat   |"))


def test_on_a_store_that_somebody_else_runs(up: Callable[..., Terminal], own_server: Server) -> None:
    terminal = up("--redis", own_server.url, "--max-tasks", "1").ready()
    awaited(lambda: terminal.lines("run    |"), "a run that ended")
    awaited(
        lambda: any("another takes its place" in line for line in terminal.lines("worker |")),
        "its worker process is replaced",
    )
    assert terminal.lines("store  |")[0] == f"store  | ready: {own_server.url}"
    assert terminal.interrupt() == 0
    assert terminal.lines("store  |")[-1] == "store  | is left running"
    assert own_server.alive
