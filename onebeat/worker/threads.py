"""How does a blocking task run beside the event loop, and how is it told that its time is over?"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

T = TypeVar("T")


class TimeLimit(Exception):
    """The task ran longer than its `timeout`."""


class HardTimeLimit(TimeLimit):
    """It ran longer than its `hard_timeout` and was killed. Nothing raises it: `retry_on` and `give_up_on`
    of a task may name it, and dead letters and the history do."""


def _raise_in(thread_id: int, kind: type[BaseException] | None) -> None:
    """Have `kind` raised in a thread at its next bytecode; None takes back one not yet raised."""
    target = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), target)


class Cancelled(Exception):
    """Somebody asked for the end of this run: let it pass, or clean up and raise it again."""


class _Watch:
    """One call's time limit; the lock makes sure that it never hits the thread's next call."""

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self._lock = threading.Lock()
        self._thread_id: int | None = threading.get_ident()

    def stop(self) -> None:
        with self._lock:
            if self._thread_id is not None:
                _raise_in(self._thread_id, None)
            self._thread_id = None

    def fire(self) -> None:
        with self._lock:
            if self._thread_id is not None:
                _raise_in(self._thread_id, TimeLimit)


class Watchman:
    """A thread that knows when the time of each call is over; started with the first limited call."""

    def __init__(self) -> None:
        self._at_work: dict[str, int] = {}  # call → its thread
        self._told: set[str] = set()  # calls that were told to end
        self._telling = threading.Lock()
        self._watches: set[_Watch] = set()
        self._changed = threading.Condition()
        self._wakes_at_s: float | None = None  # None: it is not started

    def cancellable(self, name: str, work: Callable[[], T], timeout_s: float | None) -> T:
        """What `work` returns, run on this very thread; `name` is what `cancel` calls it.

        Raises:
            TimeLimit, Cancelled: inside `work`, at its next bytecode after `timeout_s`, or `cancel`. A call
                into C that does not return (a sleep, a socket without a timeout) is not interrupted before
                it returns.
        """
        thread_id = self._at_work[name] = threading.get_ident()
        ended = False
        try:
            try:
                result = self._limited(work, timeout_s)
                ended = True
            finally:
                del self._at_work[name]
                if self._told and name in self._told:
                    with self._telling:  # it must not hit the thread's next call
                        _raise_in(thread_id, None)
                        self._told.discard(name)
        except Cancelled:
            if not ended:
                raise
        return result

    def cancel(self, name: str) -> bool:
        """Have `Cancelled` raised in the call `name`; False when no thread works on it."""
        with self._telling:
            self._told.add(name)
            thread_id = self._at_work.get(name)
            if thread_id is None:
                self._told.discard(name)
                return False
            _raise_in(thread_id, Cancelled)
            return True

    def _limited(self, work: Callable[[], T], timeout_s: float | None) -> T:
        if timeout_s is None:
            return work()
        watch = self._begin(timeout_s)
        try:
            return work()
        finally:
            watch.stop()
            self._watches.discard(watch)

    def _begin(self, timeout_s: float) -> _Watch:
        watch = _Watch(time.monotonic() + timeout_s)
        with self._changed:
            self._watches.add(watch)
            if self._wakes_at_s is None:
                threading.Thread(target=self._serve, daemon=True, name="onebeat-time-limits").start()
            if self._wakes_at_s is None or watch.until_s < self._wakes_at_s:
                self._wakes_at_s = watch.until_s
                self._changed.notify()
        return watch

    def _serve(self) -> None:
        while True:
            with self._changed:
                now_s = time.monotonic()
                over = [one for one in self._watches.copy() if one.until_s <= now_s]
                self._watches.difference_update(over)  # each fires once
                self._wakes_at_s = min((one.until_s for one in self._watches.copy()), default=float("inf"))
                wait_s = self._wakes_at_s - now_s
                if not over:
                    self._changed.wait(min(wait_s, threading.TIMEOUT_MAX))
            for one in over:
                one.fire()


class Threads(Watchman):
    """A pool of `size` threads for blocking tasks that the event loop has to wait for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="onebeat-held")

    async def run(self, name: str, work: Callable[[], T], timeout_s: float | None) -> T:
        """What `work` returns, run on a thread; raises as `cancellable` does."""
        loop = asyncio.get_running_loop()
        result, problem = await loop.run_in_executor(self._pool, self._caught, name, work, timeout_s)
        if problem is not None:
            raise problem
        return cast("T", result)  # without a problem there is a result, be it None

    def _caught(
        self, name: str, work: Callable[[], T], timeout_s: float | None
    ) -> tuple[T | None, BaseException | None]:
        """What `work` returned or raised. As a value: a future with StopIteration would never end."""
        try:
            return self.cancellable(name, work, timeout_s), None
        except BaseException as problem:
            return None, problem
