"""How does the production keeper of leases run under the checker? Its thread is one more greenlet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import greenlet

from onebeat.locks import keeper
from onebeat.wire import Pause
from tests.interleave.process import Port, Process, Request


class TurnCondition:
    """A `threading.Condition` among greenlets, of which one runs at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._sleeper: Request | None = None
        self._notified = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def notify(self) -> None:
        self._notified = True
        if self._sleeper is not None:
            self._sleeper.wake_us = 0

    def wait(self, seconds: float) -> bool:
        if not self._process.alive:
            raise greenlet.GreenletExit
        self._notified = False
        self._sleeper = self._process._wait(Pause(seconds), greenlet.getcurrent().switch)
        self._process.hub.trunk.switch()
        self._sleeper = None
        return self._notified


class TurnKeeper(keeper.Keeper):
    """The production keeper, run as a greenlet of the process that holds the leases."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        origin = self.origin
        assert isinstance(origin, Port)
        self._changed = TurnCondition(origin.process)
        self._machine = origin.process

    def start(self) -> None:
        self._machine.start(self._run)


def install() -> Callable[[], None]:
    """Make every keeper one that takes turns; the answer takes it back."""
    before = keeper.Keeper, keeper.twin
    keeper.Keeper = TurnKeeper
    keeper.twin = lambda origin, _deadline_s: origin

    def undo() -> None:
        keeper.Keeper, keeper.twin = before
        keeper._KEEPERS.clear()

    return undo
