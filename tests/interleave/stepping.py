"""How does asyncio code run step by step? An event loop that goes on only when its process has a turn."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Coroutine
from typing import Any

from onebeat.wire import AsyncStore, Call, Command, Effect, Pause
from tests.interleave.process import Process, Request
from tests.interleave.world import NAMESPACE

RESOLUTION_S = 1e-6  # what is due within it is due together, as in every loop of asyncio


class SteppingLoop(asyncio.BaseEventLoop):
    """Its time is its machine's, and it never waits: what is due is done, then it stops.

    It waits for no socket, so it has no selector, and a turn is what the base class does for one between
    two looks at it.
    """

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process
        self._alarm: Request | None = None
        self.set_exception_handler(lambda _loop, _context: None)  # what a killed process leaves behind

    def time(self) -> float:
        return self._process.clock.mono_s()

    def go_on(self) -> None:
        """Everything that can be done now; then one request wakes the process for its next timer."""
        asyncio._set_running_loop(self)
        try:
            while self._ready or self._due_s() <= self.time():
                self._turn()
        finally:
            asyncio._set_running_loop(None)
        self._set_alarm()

    def _turn(self) -> None:
        timers, ready, until_s = self._scheduled, self._ready, self.time() + RESOLUTION_S
        while timers and (timers[0]._cancelled or timers[0]._when < until_s):
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _due_s(self) -> float:
        return min((timer._when for timer in self._scheduled if not timer._cancelled), default=math.inf)

    def _set_alarm(self) -> None:
        if self._alarm in self._process.requests:
            self._process.requests.remove(self._alarm)
        self._alarm = None
        due_s = self._due_s()
        if due_s < math.inf and self._process.alive:
            self._alarm = self._process._wait(Pause(0), lambda _: self.go_on())
            self._alarm.wake_us = self._process.clock.told_us_at(due_s) + 1


class AsyncPort(AsyncStore):
    """The production driver, except that each effect waits for its turn."""

    def __init__(self, process: Process, loop: SteppingLoop) -> None:
        super().__init__(object(), NAMESPACE, where=process.name)
        self._process, self._loop = process, loop

    async def perform(self, effect: Effect) -> Any:
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        future: asyncio.Future[Any] = self._loop.create_future()

        def answered(answer: Any) -> None:
            if isinstance(answer, BaseException) and not future.done():
                future.set_exception(answer)
            elif not future.done():
                future.set_result(answer)
            self._loop.go_on()

        request = self._process._wait(effect, answered)
        try:
            return await future
        finally:
            if request in self._process.requests:  # cancelled: nobody waits for the answer
                self._process.requests.remove(request)

    def listen(self, command: Command) -> Any:
        return PortListening(self, self._process, command)


class PortListening:
    """`onebeat.wire.Listening`, whose read, and what is sent behind it, wait for their turn."""

    def __init__(self, port: AsyncPort, process: Process, command: Command) -> None:
        self._port, self._process = port, process
        loop = port._loop
        self.rang: asyncio.Future[Any] = loop.create_future()

        def ended(answer: Any) -> None:
            if not self.rang.done():
                if isinstance(answer, BaseException):
                    self.rang.set_exception(answer)
                    self.rang.exception()
                else:
                    self.rang.set_result(answer)
            loop.go_on()

        self._request = process._wait(command, ended)

    async def behind(self, call: Call) -> Any:
        request = self._request
        if request.executed or request not in self._process.requests:
            await self.rang
            return await self._port.perform(call)
        request.behind = call
        try:
            return await self.rang
        finally:
            if request in self._process.requests:  # given up: it may be executed yet
                self._process.requests.remove(request)
                if not request.executed:
                    self._process.hub.forget(request)

    def drop(self) -> None:
        if self._request in self._process.requests:
            self._process.requests.remove(self._request)
        if not self._port._loop.is_closed():  # a killed process is collected some time after its end
            self.rang.cancel()


def start_loop(
    process: Process, main: Callable[[AsyncPort], Coroutine[Any, Any, Any]], ended: Callable[[Any], None]
) -> SteppingLoop:
    """Run `main` in an event loop of `process`; `ended` gets what it returned or raised."""
    loop = SteppingLoop(process)
    port = AsyncPort(process, loop)

    def begin(_: Any) -> None:
        task = loop.create_task(main(port))
        task.add_done_callback(lambda done: ended(done.exception() or done.result()))
        loop.go_on()

    process._wait(Pause(0), begin)
    return loop
