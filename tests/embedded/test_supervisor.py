"""Does the supervisor decide by the clock that it is given, and clean up when it fails itself?"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from onebeat.embedded import ChildSpec
from onebeat.embedded.child import Child
from onebeat.embedded.part import End
from onebeat.embedded.signals import Signals
from onebeat.embedded.supervisor import Supervisor
from tests.embedded.running import awaited, gone


class Frozen:
    """No time passes."""

    def wall_ms(self) -> int:
        return 0

    def mono_s(self) -> float:
        return 1000.0


class FakeStore:
    """Dies in its first life; a stop is asked for in its second."""

    name = "store"
    url = "unix:///nowhere"

    def __init__(self, deadly: bool = True) -> None:
        self.lives = 0
        self.deadly = deadly
        self.asked = False

    def launch(self) -> None:
        self.lives += 1

    def readiness(self) -> str | None:
        if self.deadly and self.lives == 2:
            signal.raise_signal(signal.SIGTERM)
        return "here"

    def ended(self) -> End | None:
        if self.asked:
            return End("ended")
        return End("died") if self.deadly and self.lives == 1 else None

    def ask_to_stop(self) -> None:
        self.asked = True

    def cut(self) -> None:
        self.asked = True


@pytest.mark.timeout(120)
def test_a_store_is_started_again_without_any_pause() -> None:
    store, said = FakeStore(), list[str]()
    with Signals() as signals:
        supervisor = Supervisor(store, [], signals=signals, say=said.append, clock=Frozen())
        assert supervisor.run() == 0
    assert store.lives == 2
    assert said == ["store | died", "store | starting again", "store | ready: here", "store | ended"]


def test_when_nobody_can_be_told_nothing_is_left_running(tmp_path: Path) -> None:
    program = f"import os, time; print(os.getpid(), flush=True); time.sleep(600)  # {tmp_path}"
    seen: list[int] = []

    def say(line: str) -> None:
        word = line.split()[2]
        if word.isdecimal():  # it may be told that it is ready before it has printed its pid
            seen.append(int(word))
            raise BrokenPipeError("the terminal is gone")

    store = FakeStore(deadly=False)
    child = ChildSpec("child", [sys.executable, "-c", program], announces=False)
    with Signals() as signals, pytest.raises(BrokenPipeError):
        Supervisor(store, [child], signals=signals, say=say).run()
    awaited(lambda: gone(seen[0]), "the child's end")
    assert store.asked


def test_a_new_life_is_not_ready_by_the_word_of_the_old_one() -> None:
    program = "import time; from onebeat.ready import announce; announce('here'); time.sleep(600)"
    child = Child(ChildSpec("child", [sys.executable, "-c", program]), lambda: dict(os.environ))
    child.launch()
    awaited(lambda: child.heard() or child.readiness(), "its announcement")
    child.cut()
    awaited(child.ended, "its end")
    child.launch()
    assert child.readiness() is None
    child.cut()
    awaited(child.ended, "its end")
    child.close()
