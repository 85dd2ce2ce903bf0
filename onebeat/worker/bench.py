"""What does a run need around it? The tools that one worker process shares between its runs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from onebeat.clock import SYSTEM, Clock
from onebeat.ledger import Entry
from onebeat.locks.policy import Keep, OnConflict, Singleton
from onebeat.queue import payload
from onebeat.queue.record import LIMITED, Message
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.worker.limits import Pool
from onebeat.worker.middleware import HOOKS
from onebeat.worker.prepared import Grip, Ready
from onebeat.worker.processes import Processes
from onebeat.worker.registry import REGISTRY, Registry
from onebeat.worker.threads import HardTimeLimit, Threads, TimeLimit
from onebeat.worker.turn import Mark, held

if TYPE_CHECKING:
    from onebeat.ledger import AsyncLedger, Ledger
    from onebeat.locks import Lease
    from onebeat.wire import AsyncStore
    from onebeat.worker.board import Board


_UNLIMITED: contextlib.AbstractContextManager[None] = contextlib.nullcontext()


@dataclass
class Bench:
    """The tools. `stopping` turns true when the worker was told to stop,
    `cutting` when runs that go on are cancelled."""

    store: AsyncStore
    namespace: str
    threads: Threads
    database_url: str
    retention_s: float
    board: Board | None = None  # None: nobody watches, and hard limits are not kept
    processes: Processes | None = None  # None: here, as in a runner
    clock: Clock = SYSTEM
    ring: KeyRing = NO_KEYS
    registry: Registry = field(default_factory=lambda: REGISTRY)
    cancelled: set[str] = field(default_factory=set)  # ids of messages whose end somebody asked for
    stopping: Callable[[], bool] = lambda: False
    cutting: Callable[[], bool] = lambda: False
    runs: int = 0  # that have ended in this process
    notes: dict[str, bytes] = field(default_factory=dict)  # id → how far a run says that it is

    _opening: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """For blocking tasks; opened when first needed."""
        from onebeat.ledger import Ledger

        return Ledger(self.database_url)

    @functools.cached_property
    def async_ledger(self) -> AsyncLedger:
        """For async tasks; opened when first needed."""
        from onebeat.ledger import AsyncLedger

        return AsyncLedger(self.database_url)

    def prepare(self, message: Message, fence: int) -> Ready:
        """The call in `message`.

        Raises:
            UnknownTask, BadPayload, BadArguments: it cannot be made here.
        """
        header = message.header
        task = self.registry.find(header.task)
        given = task.signature.fit(*payload.decode(message.body))
        timeout_ms = header.timeout_ms or task.limits.soft_ms
        timeout_s = timeout_ms / 1000 if timeout_ms else None
        return Ready(
            message,
            task,
            given,
            fence,
            timeout_s,
            header.hard_timeout_ms or task.limits.killed_after_ms(timeout_ms),
            self.stopping,
            self.cancelled,
            self.clock.wall_ms(),
            self.notes,
            header.result_ttl_ms or task.result_ttl_ms,
        )

    def unbounded(self, message: Message) -> bool:
        """Whether it does not say the bounds of its task: it was queued by name, or by a beat."""
        if not self.registry.bounds or message.flags & LIMITED:
            return False
        task = self.registry.get(message.header.task)
        return task is not None and task.bounds is not None

    def bounded(self, message: Message) -> Message:
        """`message` with the bounds of its task; raises as `prepare`."""
        task = self.registry.find(message.header.task)
        return task.bounded(message, task.signature.fit(*payload.decode(message.body)))

    def blocks(self, message: Message) -> bool:
        """Whether it runs on a thread from its first to its last moment: not async, and no singleton."""
        task = self.registry.get(message.header.task)
        return (
            task is not None
            and not task.signature.is_async
            and task.singleton is None
            and task.limits.pool is not Pool.PROCESS
            and message.header.singleton is None
        )

    def hold(
        self, ready: Ready, rule: Singleton, queue: str
    ) -> contextlib.AbstractAsyncContextManager[Lease]:
        """The singleton's lease around a run of a message of `queue`; raises as `turn.held`."""
        return held(self.store, ready, rule, Mark(queue, ready.message.id, ready.fence), self.clock)

    def limited(self, ready: Ready) -> contextlib.AbstractContextManager[None]:
        """Around a run: beyond its hard limit the supervisor kills this process. Most runs have none,
        and do not come here: that would cost them a thirtieth of their time."""
        if ready.hard_ms is None or self.board is None or ready.task.limits.pool is Pool.PROCESS:
            return _UNLIMITED
        return self.board.limiting(
            self.clock.mono_s() + ready.hard_ms / 1000,
            id_=ready.message.id,
            limit_ms=ready.hard_ms,
            started_ms=self.clock.wall_ms(),
            policy=self.registry.policy(ready.message.header),
            again=ready.task.wants_again(HardTimeLimit),
        )

    async def perform(self, ready: Ready, lease: Lease | None) -> Any:
        """What the handler returned, with its time limit, and in the ledger's transaction if it uses one; the
        outcome itself, of a run in another process."""
        if lease is not None:
            ready.fence = lease.fence
        if ready.hard_ms is None:
            return await self._perform(ready, lease)
        with self.limited(ready):
            return await self._perform(ready, lease)

    async def _perform(self, ready: Ready, lease: Lease | None) -> Any:
        if ready.task.limits.pool is Pool.PROCESS and self.processes is not None:
            return await self.processes.run(ready, lease.name if lease else None, _confirm(lease))
        if not ready.task.signature.is_async:
            work = functools.partial(self.perform_here, ready, lease)
            return await self.threads.run(ready.message.id, work, ready.timeout_s)
        within = self._perform_async if ready.timeout_s is None else self._in_time
        if HOOKS.around_runs:
            return await HOOKS.around_async(ready.context, functools.partial(within, ready, lease))
        return await within(ready, lease)

    async def _in_time(self, ready: Ready, lease: Lease | None) -> Any:
        try:
            async with asyncio.timeout(ready.timeout_s) as limit:
                return await self._perform_async(ready, lease)
        except TimeoutError as problem:
            if limit.expired():
                raise TimeLimit(f"it ran longer than {ready.timeout_s} s") from problem
            raise

    def _perform_async(self, ready: Ready, lease: Lease | None) -> Awaitable[Any]:
        if not ready.task.uses_ledger:
            called: Awaitable[Any] = ready.run()
            return called
        return self.async_ledger.perform(self._entry(ready, lease), ready.run, confirm=_confirm(lease))

    def perform_here(self, ready: Ready, lease: Grip | None = None) -> Any:
        """What a blocking handler returned, run on this very thread."""
        if HOOKS.around_runs:
            return HOOKS.around(ready.context, functools.partial(self._perform_here, ready, lease))
        return self._perform_here(ready, lease)

    def _perform_here(self, ready: Ready, lease: Grip | None) -> Any:
        if not ready.task.uses_ledger:
            return ready.run()
        with self._opening:  # threads would open several: `cached_property` locks nothing from Python 3.12 on
            ledger = self.ledger
        return ledger.perform(self._entry(ready, lease), ready.run, confirm=_confirm(lease))

    def _entry(self, ready: Ready, lease: Grip | None) -> Entry:
        message = ready.message
        return Entry(
            namespace=self.namespace,
            task=ready.task.name,
            key=message.header.key or message.id,
            fingerprint=blake2b(message.body, digest_size=16).hexdigest(),
            message_id=message.id,
            fence=ready.fence,
            resource=lease.name if lease is not None else None,
            retention_s=self.retention_s,
        )


def singleton_of(ready: Ready) -> Singleton | None:
    """The rule that decides for this message: the schedule's before the task's."""
    head = ready.message.header.singleton
    if head is None:
        return ready.task.singleton
    return Singleton(
        head.key,
        OnConflict(head.on_conflict),
        wait_s=head.wait_ms / 1000,
        lease_s=head.lease_ms / 1000,
        keep=Keep(head.keep),
    )


def _confirm(lease: Grip | None) -> Callable[[], None]:
    return lease.assert_held if lease is not None else lambda: None
