"""How do short blocking calls get to threads without a hop through the event loop for each?

They stand in one line. A thread that is awake takes one after the other until the line is empty; what it
did comes back in one wake-up of the loop, however much it was. Short calls need one thread, for a hop
costs more than they do; where calls take longer, or none was begun for a moment, another one is woken.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeAlias

from onebeat.worker.reserve import average_ms

BRISK_MS = 1.0  # calls shorter than this share a thread
LOOK_S = 0.002  # and have it for so long before another one is woken


@dataclass(slots=True)
class Slots:
    """The runs that one process may have at once, shared by the pumps of its queues."""

    total: int
    running: int = 0
    on_free: list[Callable[[], None]] = field(default_factory=list)

    @property
    def free(self) -> int:
        return self.total - self.running

    def give(self) -> None:
        """A run is over."""
        self.running -= 1
        for tell in self.on_free:
            tell()


@dataclass(frozen=True, slots=True)
class Work:
    """`call` runs on a thread, `done` on the loop with what it returned or raised.

    `owner` may take back `what` has not begun.
    """

    owner: object
    what: Any
    call: Callable[[], Any]
    done: Callable[[Any, BaseException | None], None]


_Over: TypeAlias = tuple[Work, Any, BaseException | None] | None  # None: a thread fell asleep


class Line:
    """Work for threads, each of which holds one of `slots` while it is awake."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self._lock = threading.Lock()
        self._waiting: deque[Work] = deque()
        self._over: deque[_Over] = deque()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._threads = self._awake = self._begun = self._seen = 0
        self._told = self._looking = False
        self._call_ms: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # that of the first `add`

    def add(self, work: Work) -> bool:
        """Whether `work` now stands in the line; not, when nobody would come to it soon."""
        with self._lock:
            shared = self._awake > 0 and self._call_ms is not None and self._call_ms < BRISK_MS
            if not shared and self.slots.free <= 0:
                return False
            self._waiting.append(work)
            if not shared:
                self._wake()
        if shared and not self._looking:
            self._looking = True
            self._its_loop().call_later(LOOK_S, self._look)
        return True

    def of(self, owner: object) -> list[Any]:
        """What of `owner` has not begun."""
        with self._lock:
            return [work.what for work in self._waiting if work.owner is owner]

    def take_back(self, owner: object) -> list[Work]:
        """The work of `owner` that has not begun, and now never will."""
        with self._lock:
            mine = [work for work in self._waiting if work.owner is owner]
            others = [work for work in self._waiting if work.owner is not owner]
            self._waiting.clear()
            self._waiting.extend(others)
        return mine

    def _its_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _wake(self) -> None:
        self._its_loop()
        self.slots.running += 1
        self._awake += 1
        if self._awake > self._threads:
            self._threads += 1
            threading.Thread(target=self._serve, daemon=True, name=f"onebeat-task-{self._threads}").start()
        self._tokens.put(None)

    def _look(self) -> None:
        """Wake another thread when those awake are held up by what they run."""
        with self._lock:
            self._looking = bool(self._waiting)
            if self._waiting and self._begun == self._seen and self.slots.free > 0:
                self._wake()
            self._seen = self._begun
        if self._looking:
            self._its_loop().call_later(LOOK_S, self._look)

    # -- on a thread --------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            self._tokens.get()
            while (work := self._next()) is not None:
                started_s = time.monotonic()
                try:
                    over: _Over = (work, work.call(), None)
                except BaseException as problem:
                    over = (work, None, problem)
                self._call_ms = average_ms(self._call_ms, (time.monotonic() - started_s) * 1000)
                self._tell(over)
            self._tell(None)

    def _next(self) -> Work | None:
        with self._lock:
            if not self._waiting:
                self._awake -= 1
                return None
            self._begun += 1
            return self._waiting.popleft()

    def _tell(self, over: _Over) -> None:
        self._over.append(over)
        if not self._told:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the loop has ended, and so will this process
                self._its_loop().call_soon_threadsafe(self._deliver)

    # -- on the loop --------------------------------------------------------------------------------

    def _deliver(self) -> None:
        self._told = False  # before looking: what comes from now on brings a wake-up of its own
        while self._over:
            over = self._over.popleft()
            if over is None:
                self.slots.give()
            else:
                work, result, problem = over
                work.done(result, problem)
