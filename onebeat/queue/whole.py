"""How does a program look after a whole queue? `client.queue(name)`, and its asyncio twin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from onebeat.keys import queue_keys
from onebeat.queue import dead, front, halt, peek
from onebeat.queue import purge as purging
from onebeat.queue.dead import Which
from onebeat.queue.front import Standing
from onebeat.queue.halt import Halt
from onebeat.queue.operators import By, Tally
from onebeat.queue.peek import QueueView
from onebeat.wire import AsyncStore, Store

WITHIN_S = 10.0  # how long one call is sent again while the store does not answer


def _nobody_listens(_count: int) -> None:
    """Progress that nobody watches."""


def _looks_on(_view: QueueView) -> None:
    """A look that nobody watches."""


class Queue:
    """One queue, for whoever operates it; it need not exist.

    `by` goes into the event log and the history; `told` hears how many were done since the last time. All
    raise StoreError when the store does not answer for 10 s; to call again is safe.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.keys = queue_keys(store.namespace, name)

    def redrive(self, which: Which, by: By, told: Callable[[int], None] = _nobody_listens) -> Tally:
        """Queue dead letters again under their ids; they begin as if they were new."""
        return self._store.run(dead.redrive(self.keys, which, by, within_s=WITHIN_S, told=told))

    def discard(self, which: Which, by: By, told: Callable[[int], None] = _nobody_listens) -> Tally:
        """Throw dead letters away; the history keeps that they died."""
        return self._store.run(dead.discard(self.keys, which, by, within_s=WITHIN_S, told=told))

    def pause(self, by: By, *, until: datetime | None = None, for_s: float | None = None) -> Halt:
        """Let nothing of it be claimed: until an aware time, for so many seconds, or until it is resumed.

        What a worker has claimed runs to its end; what is sent meanwhile waits.
        """
        return self._store.run(halt.pause(self.keys, by, **_end(until, for_s), within_s=WITHIN_S))

    def resume(self, by: By) -> bool:
        """Let it go on at once; False when it was not paused."""
        return self._store.run(halt.resume(self.keys, by, within_s=WITHIN_S))

    def purge(
        self,
        by: By,
        *,
        ready: bool = True,
        delayed: bool = False,
        told: Callable[[int], None] = _nobody_listens,
    ) -> Tally:
        """End what is ready, and with `delayed` what is due later or waits for another run, as cancelled."""
        plan = purging.purge(self.keys, by, ready=ready, delayed=delayed, within_s=WITHIN_S, told=told)
        return self._store.run(plan)

    def look(self) -> QueueView:
        """How full it is, and whether it is paused."""
        return self._store.run(peek.queue(self.keys))

    def drain(self, timeout_s: float | None = None, told: Callable[[QueueView], None] = _looks_on) -> None:
        """Wait until nothing of it is left but dead letters; WaitTimeout after `timeout_s` seconds."""
        self._store.run(front.drain(self.keys, timeout_s=timeout_s, told=told))

    def peek(self, limit: int = 10) -> list[Standing]:
        """The next messages in the order in which workers will claim them; nothing is claimed."""
        return self._store.run(front.ahead(self.keys, limit))


class AsyncQueue:
    """The asyncio twin of `Queue`: the same names, awaited."""

    def __init__(self, store: AsyncStore, name: str) -> None:
        self._store = store
        self.keys = queue_keys(store.namespace, name)

    async def redrive(self, which: Which, by: By, told: Callable[[int], None] = _nobody_listens) -> Tally:
        """Queue dead letters again; see `Queue.redrive`."""
        return await self._store.run(dead.redrive(self.keys, which, by, within_s=WITHIN_S, told=told))

    async def discard(self, which: Which, by: By, told: Callable[[int], None] = _nobody_listens) -> Tally:
        """Throw dead letters away; see `Queue.discard`."""
        return await self._store.run(dead.discard(self.keys, which, by, within_s=WITHIN_S, told=told))

    async def pause(self, by: By, *, until: datetime | None = None, for_s: float | None = None) -> Halt:
        """Let nothing of it be claimed; see `Queue.pause`."""
        return await self._store.run(halt.pause(self.keys, by, **_end(until, for_s), within_s=WITHIN_S))

    async def resume(self, by: By) -> bool:
        """Let it go on at once; see `Queue.resume`."""
        return await self._store.run(halt.resume(self.keys, by, within_s=WITHIN_S))

    async def purge(
        self,
        by: By,
        *,
        ready: bool = True,
        delayed: bool = False,
        told: Callable[[int], None] = _nobody_listens,
    ) -> Tally:
        """End what has not begun; see `Queue.purge`."""
        plan = purging.purge(self.keys, by, ready=ready, delayed=delayed, within_s=WITHIN_S, told=told)
        return await self._store.run(plan)

    async def look(self) -> QueueView:
        """How full it is; see `Queue.look`."""
        return await self._store.run(peek.queue(self.keys))

    async def drain(
        self, timeout_s: float | None = None, told: Callable[[QueueView], None] = _looks_on
    ) -> None:
        """Wait until nothing of it is left; see `Queue.drain`."""
        await self._store.run(front.drain(self.keys, timeout_s=timeout_s, told=told))

    async def peek(self, limit: int = 10) -> list[Standing]:
        """The next messages; see `Queue.peek`."""
        return await self._store.run(front.ahead(self.keys, limit))


def _end(until: datetime | None, for_s: float | None) -> dict[str, int]:
    """When a pause ends, as `halt.pause` takes it."""
    if until is not None and until.tzinfo is None:
        raise ValueError("until must be an aware datetime: give it a time zone")
    return {
        "until_ms": 0 if until is None else round(until.timestamp() * 1000),
        "for_ms": 0 if for_s is None else max(1, round(for_s * 1000)),
    }
