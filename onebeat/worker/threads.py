"""How does a blocking task run beside the event loop, and how is it told that its time is over?"""

from __future__ import annotations

import asyncio
import ctypes
import threading
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

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread_id: int | None = None

    def start(self) -> None:
        self._thread_id = threading.get_ident()

    def stop(self) -> None:
        with self._lock:
            if self._thread_id is not None:
                _raise_in(self._thread_id, None)
            self._thread_id = None

    def fire(self) -> None:
        with self._lock:
            if self._thread_id is not None:
                _raise_in(self._thread_id, TimeLimit)


class Threads:
    """A pool of `size` threads for blocking tasks."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="onebeat-task")

    async def run(self, work: Callable[[], T], timeout_s: float | None) -> T:
        """What `work` returns, run on a thread.

        Raises:
            TimeLimit: inside `work`, at its next bytecode after `timeout_s`. A call into C that does not
                return (a sleep, a socket without a timeout) is not interrupted before it returns.
        """
        loop = asyncio.get_running_loop()
        watch = _Watch()
        timer = None if timeout_s is None else loop.call_later(timeout_s, watch.fire)
        try:
            result, problem = await loop.run_in_executor(self._pool, _caught, work, watch)
        finally:
            if timer is not None:
                timer.cancel()
        if problem is not None:
            raise problem
        return result  # type: ignore[return-value]


def _caught(work: Callable[[], T], watch: _Watch) -> tuple[T | None, BaseException | None]:
    """What `work` returned or raised. As a value: a future cannot carry StopIteration and would never end."""
    try:
        watch.start()
        try:
            return work(), None
        finally:
            watch.stop()
    except BaseException as problem:
        return None, problem
