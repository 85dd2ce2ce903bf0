"""Who may do the next step, and what can happen to it? Processes whose every effect is a point to stop at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import greenlet

from onebeat.clock import SystemClock
from onebeat.errors import Remedy, StoreError
from onebeat.wire import failures
from tests.interleave.process import WAIT, Elsewhere, Failed, Process, Request, Violation
from tests.interleave.told_time import MachineClock
from tests.interleave.world import World

TICK_US = 1_000  # every step takes so long
REFUSALS = ("READONLY You can't write against a read only replica.", "LOADING", "OOM", "TRYAGAIN")


class Hub:
    """All processes of one history, and everything that happens to their requests."""

    def __init__(
        self, world: World, observe: Callable[[Request, Any], None], note: Callable[..., None]
    ) -> None:
        self.world, self._observe, self.note = world, observe, note
        self.trunk = greenlet.getcurrent()
        self.processes: dict[str, Process] = {}
        self.orphans: list[Request] = []
        self.losses = 0
        self.current: Process | None = None

    def add(self, name: str, *, rate: float = 1.0, wall_off_ms: int = 0) -> Process:
        process = Process(self, name, MachineClock(self.world.time, rate, wall_off_ms))
        self.processes[name] = process
        return process

    @property
    def living(self) -> list[Process]:
        return [process for process in self.processes.values() if process.alive]

    def ready(self, process: Process) -> list[Request]:
        """The requests of `process` that can go on at this moment."""
        now_us = self.world.time.us
        if not process.requests or process.paused_until_us > now_us:
            return []
        return [
            one
            for one in process.requests
            if one.executed or (one.wake_us or 0) <= now_us or self._may_find(one)
        ]

    def _may_find(self, request: Request) -> bool:
        if request.sleeping:
            return False
        if request.blocking:
            return request.looked_at != self.world.writes
        return not (isinstance(request.effect, Elsewhere) and request.effect.must_wait())

    # -- what can happen to a request ---------------------------------------------------------------

    def run(self, request: Request) -> bool:
        """Execute it and hand back the answer; False when a blocking read goes on waiting."""
        if not request.executed and not request.sleeping and not self.execute(request):
            return False
        self.resume(request, request.answer)
        return True

    def execute(self, request: Request) -> bool:
        """The store does it; the answer is on its way. False when a blocking read found nothing yet."""
        self.world.advance(TICK_US)
        try:
            answer = self._perform(request)
        except Exception as problem:
            if not isinstance(problem, StoreError | Failed):
                raise
            answer = problem
        if answer is WAIT:
            return False
        if answer is None and request.blocking and (request.wake_us or 0) > self.world.time.us:
            request.looked_at = self.world.writes
            return False
        if request.behind is not None:  # the read has ended, and what was sent behind it is next
            self.note(request, "done", answer)
            request.effect, request.behind, request.blocking = request.behind, None, False
            return self.execute(request)
        request.executed, request.answer = True, answer
        self.note(request, "done", answer)
        self._observe(request, answer)
        return True

    def _perform(self, request: Request) -> Any:
        if isinstance(request.effect, Elsewhere):
            return request.effect.perform()
        if request.blocking:
            in_vain = self.world.rung <= request.looked_at  # it has looked, and nothing came since
            return None if in_vain else self.world.perform(request.effect)
        return self.world.perform(request.effect, self._bells())

    def _bells(self) -> list[Any]:
        """Where somebody waits."""
        return [
            bell
            for process in self.processes.values()
            for one in process.requests
            if one.blocking and not one.executed
            for bell in one.bells
        ]

    def resume(self, request: Request, answer: Any) -> None:
        process = request.process
        process.requests.remove(request)
        if request.sleeping and request.wake_us is not None:
            answer = None
        self.current = process
        try:
            request.resume(answer)
        finally:
            self.current = None

    def lose(self, request: Request, *, late: bool = False) -> None:
        """No answer in time; `late`: the request is still on its way and arrives some time."""
        effect, problem = request.effect, _no_answer()
        if isinstance(effect, Elsewhere):
            told = effect.late() if late and not request.executed else None
            late, problem = told is not None, told or effect.gone()
        self.note(request, "sent, no answer yet" if late else "lost")
        if late and not request.executed:
            self.forget(request)
        self.resume(request, problem)

    def forget(self, request: Request) -> None:
        """It is on its way, and nobody waits for its answer."""
        late = Request(request.process, request.effect, _unheard, losses=request.losses)
        late.behind = request.behind
        self.orphans.append(late)

    def lose_reply(self, request: Request) -> None:
        if request.executed or self.execute(request):
            self.note(request, "reply lost")
            broken = request.effect.gone() if isinstance(request.effect, Elsewhere) else _no_answer()
            self.resume(request, broken)

    def refuse(self, request: Request, text: str) -> None:
        self.note(request, f"refused: {text.split()[0]}")
        elsewhere = isinstance(request.effect, Elsewhere)
        self.resume(request, request.effect.gone() if elsewhere else failures.from_server(text))

    def deliver(self, place: int) -> None:
        """A request arrives whose sender gave up on it."""
        if self.orphans and not self.execute(late := self.orphans.pop(place % len(self.orphans))):
            self.orphans.append(late)

    # -- time ---------------------------------------------------------------------------------------

    def next_wake_us(self) -> int | None:
        """When something can go on that cannot now."""
        now_us = self.world.time.us
        wakes = [
            max(one.wake_us, process.paused_until_us)
            for process in self.living
            for one in process.requests
            if one.wake_us is not None
        ]
        wakes += [one.paused_until_us for one in self.living if one.requests]
        return min((wake for wake in wakes if wake > now_us), default=None)

    def round(self) -> bool:
        """Every request that can go on does, once; whether any could."""
        moved = False
        for process in self.living:
            for request in self.ready(process):
                if process.alive and request in process.requests:
                    moved |= self.run(request)
        return moved

    def calm(self, for_us: int, over: Callable[[], bool] = lambda: False, steps_max: int = 6_000) -> None:
        """No faults for so long: everybody goes on, and time passes when nobody can."""
        end_us = self.world.time.us + for_us
        for _ in range(steps_max):
            if over() or self.world.time.us >= end_us:
                return
            if not self.round():
                wake_us = self.next_wake_us()
                self.world.advance(max(1, min(end_us, wake_us or end_us) - self.world.time.us))
        raise Violation("V", f"a busy loop: {steps_max} rounds and calm was not over")

    def deliver_all(self) -> None:
        """Everything that is still on its way arrives, or never will."""
        late, self.orphans = self.orphans, []
        for orphan in late:
            if not self.execute(orphan):
                orphan.effect.gone()

    def close(self) -> None:
        for process in self.processes.values():
            process.bury()


def _no_answer() -> Exception:
    return StoreError("no answer", remedy=Remedy.RETRY)


def _unheard(_answer: Any) -> None:
    """The process that sent the request does not wait for it any more."""


@contextmanager
def machine_time(hub: Hub) -> Iterator[None]:
    """`onebeat.clock.SYSTEM` is the clock of the process that runs; jitter repeats with the seed."""
    before = SystemClock.wall_ms, SystemClock.mono_s

    def clock() -> MachineClock:
        return hub.current.clock if hub.current else MachineClock(hub.world.time)

    SystemClock.wall_ms = lambda _self: clock().wall_ms()
    SystemClock.mono_s = lambda _self: clock().mono_s()
    luck = random.getstate()
    try:
        yield
    finally:
        SystemClock.wall_ms, SystemClock.mono_s = before
        random.setstate(luck)
