"""How does a blocking task run beside the event loop, and how is it told that its time is over?"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class TimeLimit(Exception):
    """The task ran longer than its `timeout`."""


def _raise_in(thread_id: int, kind: type[BaseException] | None) -> None:
    """Have `kind` raised in a thread at its next bytecode; None takes back one not yet raised."""
    target = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), target)


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
        self._watches: set[_Watch] = set()
        self._changed = threading.Condition()
        self._wakes_at_s: float | None = None  # None: it is not started

    def limited(self, work: Callable[[], T], timeout_s: float | None) -> T:
        """What `work` returns, run on this very thread.

        Raises:
            TimeLimit: inside `work`, at its next bytecode after `timeout_s`. A call into C that does not
                return (a sleep, a socket without a timeout) is not interrupted before it returns.
        """
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

    async def run(self, work: Callable[[], T], timeout_s: float | None) -> T:
        """What `work` returns, run on a thread; raises as `limited` does."""
        loop = asyncio.get_running_loop()
        result, problem = await loop.run_in_executor(self._pool, self._caught, work, timeout_s)
        if problem is not None:
            raise problem
        return result  # type: ignore[return-value]

    def _caught(
        self, work: Callable[[], T], timeout_s: float | None
    ) -> tuple[T | None, BaseException | None]:
        """What `work` returned or raised. As a value: a future with StopIteration would never end."""
        try:
            return self.limited(work, timeout_s), None
        except BaseException as problem:
            return None, problem
