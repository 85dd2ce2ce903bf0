"""What does a process of a history ask for, and who are its threads?

A process is one simulated machine with greenlets for threads (and, in `stepping.py`, an event loop). What
it asks the store becomes a `Request`; nothing goes on until the checker executes the request and hands
back the answer, or does one of the many other things that can happen to a request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import greenlet

from onebeat.wire import Call, Command, Effect, Pause, Store
from tests.interleave.told_time import MachineClock
from tests.interleave.world import NAMESPACE

if TYPE_CHECKING:
    from tests.interleave.hub import Hub


class Violation(AssertionError):
    """An invariant of `proof.md` is broken; `name` is its name there."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


class Elsewhere(ABC):
    """What a process asks of something else than the store, such as a database."""

    @abstractmethod
    def perform(self) -> Any:
        """The answer, or `WAIT`; what it raises is the answer too."""

    def must_wait(self) -> bool:
        return False

    @abstractmethod
    def gone(self) -> Exception:
        """What its sender is told when the connection broke; what it had open there is rolled back."""

    def late(self) -> Exception | None:
        """The same, but the request is still on its way; None when it cannot be."""
        return None


class Failed(Exception):
    """Something else than the store refused; a subclass says how."""


WAIT = object()


class Request:
    """What a process waits for. `perform` is tried when it is this request's turn."""

    __slots__ = (
        *("process", "effect", "resume", "wake_us", "executed", "answer", "losses", "looked_at"),
        *("blocking", "sleeping", "behind"),
    )

    def __init__(
        self, process: Process, effect: Any, resume: Callable[[Any], None], *, losses: int = 0
    ) -> None:
        self.process, self.effect, self.resume = process, effect, resume
        self.wake_us: int | None = None  # a pause, or the end of a blocking read
        self.executed = False
        self.answer: Any = None
        self.losses = losses  # how often the store had lost data when it was sent
        self.looked_at = -1  # a blocking read has looked after so many writes, and looks again when it rang
        self.blocking = isinstance(effect, Command) and effect.block_s > 0
        self.sleeping = isinstance(effect, Pause)
        self.behind: Call | None = None  # sent behind a blocking read: executed when that ends

    @property
    def bells(self) -> tuple[Any, ...]:
        """The keys at which a blocking read waits."""
        words: tuple[Any, ...] = self.effect.words
        return words[1:-1]


class Process:
    """One machine: its clock, its threads, and what they wait for."""

    def __init__(self, hub: Hub, name: str, clock: MachineClock) -> None:
        self.hub, self.name, self.clock = hub, name, clock
        self.alive = True
        self.paused_until_us = 0
        self.requests: list[Request] = []
        self.greenlets: list[greenlet.greenlet] = []
        self.port = Port(self)
        self.at_death: list[Callable[[], None]] = []
        self.role: Any = None  # what a scenario knows of it

    def __repr__(self) -> str:
        return self.name

    @property
    def paused(self) -> bool:
        return self.paused_until_us > self.hub.world.time.us

    def start(self, run: Callable[[], Any]) -> None:
        """A thread that begins with its first turn."""
        thread = greenlet.greenlet(run, parent=self.hub.trunk)
        self.greenlets.append(thread)
        self._wait(Pause(0), lambda _: thread.switch())

    def ask(self, effect: Any) -> Any:
        """Called by a thread: the answer, when its turn has come.

        Raises:
            StoreError: what happened to the request.
        """
        if not self.alive:
            raise greenlet.GreenletExit
        me = greenlet.getcurrent()
        self._wait(effect, me.switch)
        answer = self.hub.trunk.switch()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _wait(self, effect: Any, resume: Callable[[Any], None]) -> Request:
        request = Request(self, effect, resume, losses=self.hub.losses)
        if request.sleeping:
            request.wake_us = self.clock.told_us_after(effect.seconds)
        elif request.blocking:
            request.wake_us = self.hub.world.time.us + round(effect.block_s * 1e6)
        self.requests.append(request)
        return request

    def die(self) -> None:
        """Like SIGKILL: no thread of it ever runs again; what is on its way to the store may arrive."""
        self.alive = False
        self.requests.clear()
        for forget in self.at_death:
            forget()

    def bury(self) -> None:
        """End the greenlets of a history that is over; what they still ask for is not heard."""
        self.die()
        for thread in self.greenlets:
            if thread and not thread.dead:
                thread.throw(greenlet.GreenletExit)


class Port(Store):
    """The production driver, except that each effect waits for its turn."""

    def __init__(self, process: Process) -> None:
        super().__init__(object(), NAMESPACE, where=process.name)
        self.process = process

    def perform(self, effect: Effect) -> Any:
        return self.process.ask(effect)

    def close(self) -> None:
        """There is no connection."""


class StopSign:
    """A `threading.Event` that nobody sets: waiting for it is letting time pass."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True

    def wait(self, seconds: float) -> bool:
        self._process.ask(Pause(seconds))
        return self._set
