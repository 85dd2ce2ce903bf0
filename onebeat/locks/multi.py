"""How does one caller hold several locks at once: all of them, or none?

They are taken one after the other in an order that is the same everywhere, so two who want the same
locks never wait for each other in a circle (ordered resources, E. W. Dijkstra, EWD-310). What is held
already is renewed while the next one is waited for.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError, LockTimeout, StoreError
from onebeat.locks.alock import Awaiting
from onebeat.locks.lease import Lease
from onebeat.locks.lock import Blocking
from onebeat.locks.protocol import Released
from onebeat.locks.validity import checked_wait_s
from onebeat.wire import drive, drive_async

HandleT = TypeVar("HandleT", Blocking, Awaiting)
_LOG = logging.getLogger("onebeat.locks")


@dataclass(frozen=True, slots=True)
class Take:
    """Acquire this lock within so many seconds; the answer is its lease, or None."""

    lock: Any
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Release what was taken; whatever comes of it, the others are given back too."""

    lock: Any
    lease: Lease


Plan: TypeAlias = Generator[Take | GiveBack, Lease | None, "list[Lease] | str"]


def take_all(locks: Sequence[Any], wait_s: float | None, clock: Clock) -> Plan:
    """The leases of all `locks`, or the name of the first one that was not free in time."""
    until_s = None if wait_s is None else clock.mono_s() + wait_s
    while True:
        held: list[tuple[Any, Lease]] = []
        try:
            for lock in locks:
                left_s = None if until_s is None else max(0.0, until_s - clock.mono_s())
                lease = yield Take(lock, left_s)
                if lease is None:
                    yield from _give_back(held)
                    return str(lock.name)
                held.append((lock, lease))
        except GeneratorExit:  # nobody performs any more
            raise
        except BaseException:
            yield from _give_back(held)
            raise
        lost = [lock.name for lock, lease in held if not lease.valid]
        if not lost:
            return [lease for _, lease in held]
        yield from _give_back(held)  # one ended while another was waited for
        if until_s is not None and clock.mono_s() >= until_s:
            return str(lost[0])


def _give_back(held: list[tuple[Any, Lease]]) -> Generator[Take | GiveBack, Any, None]:
    interrupted: BaseException | None = None
    while held:
        try:
            yield GiveBack(*held.pop())
        except BaseException as problem:  # the others are given back before it goes on
            interrupted = problem
    if interrupted is not None:
        raise interrupted


class MultiLease:
    """Several leases that are believed together. `fences` has the number of each lock by its name."""

    def __init__(self, leases: Sequence[Lease]) -> None:
        self.leases = tuple(leases)
        self.fences = {lease.name: lease.fence for lease in leases}

    def __repr__(self) -> str:
        return f"<MultiLease of {', '.join(map(repr, self.leases))}>"

    @property
    def remaining_s(self) -> float:
        """Seconds for which all are surely held if none is renewed; 0 when one is not held."""
        return min(lease.remaining_s for lease in self.leases)

    @property
    def valid(self) -> bool:
        """Are all surely held at this moment?"""
        return self.remaining_s > 0

    def assert_held(self) -> None:
        """Return if all are surely held; raises as `Lease.assert_held` for the first that is not."""
        for lease in self.leases:
            lease.assert_held()

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call `listener(reason)` for each that ends before it is given back; see `Lease.on_lost`."""
        for lease in self.leases:
            lease.on_lost(listener)


class _Several(Generic[HandleT]):
    """The locks in their order."""

    def __init__(self, locks: Sequence[HandleT], *, clock: Clock = SYSTEM) -> None:
        self.locks: list[HandleT] = sorted(locks, key=lambda lock: lock.keys.prefix)
        prefixes = [lock.keys.prefix for lock in self.locks]
        if not locks or len(set(prefixes)) < len(prefixes):
            names = ", ".join(lock.name for lock in self.locks) or "nothing"
            raise ConfigError(
                f"MultiLock of {names}: give one or more locks, each once; a second hold of the same one "
                "would wait for the first for ever"
            )
        self._clock = clock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(repr(lock.name) for lock in self.locks)}>"

    def _timeout(self, missed: str, wait_s: float | None) -> LockTimeout:
        names = ", ".join(repr(lock.name) for lock in self.locks)
        return LockTimeout(f"of the locks {names}, {missed!r} was not free within {wait_s} s: none is held")

    def _beside(self, lock: HandleT) -> tuple[str, ...]:
        return tuple(each.name for each in self.locks if each is not lock)

    def _of(self, lease: MultiLease) -> list[tuple[HandleT, Lease]]:
        return list(zip(self.locks, lease.leases, strict=True))


class MultiLock(_Several[Blocking]):
    """All of `locks` (`Lock`, `Semaphore`, `RWLock.read` or `.write`), or none of them.

    Raises:
        ConfigError: no lock, or one twice.
    """

    def acquire(self, wait: float | None = 0.0) -> MultiLease | None:
        """All leases, or None when not all were free within `wait` seconds; raises as `Lock.acquire`."""
        taken = self._take(wait)
        return None if isinstance(taken, str) else MultiLease(taken)

    @contextmanager
    def hold(self, wait: float | None = 0.0) -> Iterator[MultiLease]:
        """Hold all for the length of a `with` block; raises as `Lock.hold`."""
        taken = self._take(wait)
        if isinstance(taken, str):
            raise self._timeout(taken, wait)
        lease = MultiLease(taken)
        with ExitStack() as stack:
            for lock, each in self._of(lease):
                stack.enter_context(lock.keeping(each))
            yield lease

    def release(self, lease: MultiLease) -> list[Released]:
        """Give all back, the last one first; what each release found, in the order of `locks`."""
        return [lock.release(each) for lock, each in reversed(self._of(lease))][::-1]

    def _take(self, wait: float | None) -> list[Lease] | str:
        plan = take_all(self.locks, checked_wait_s(wait), self._clock)
        return drive(plan, self._perform, BaseException)

    def _perform(self, step: Take | GiveBack) -> Lease | None:
        lock: Blocking = step.lock
        if isinstance(step, Take):
            return lock.acquire_beside(step.wait_s, self._beside(lock))
        try:
            lock.release(step.lease)
        except StoreError as problem:
            _not_given_back(step, problem)
        return None


class AsyncMultiLock(_Several[Awaiting]):
    """The asyncio face of `MultiLock`: same arguments, same names."""

    async def acquire(self, wait: float | None = 0.0) -> MultiLease | None:
        """All leases, or None when not all were free within `wait` seconds; raises as `Lock.acquire`."""
        taken = await self._take(wait)
        return None if isinstance(taken, str) else MultiLease(taken)

    @asynccontextmanager
    async def hold(self, wait: float | None = 0.0) -> AsyncIterator[MultiLease]:
        """Hold all for the length of an `async with` block; raises as `AsyncLock.hold`."""
        taken = await self._take(wait)
        if isinstance(taken, str):
            raise self._timeout(taken, wait)
        lease = MultiLease(taken)
        async with AsyncExitStack() as stack:
            for lock, each in self._of(lease):
                await stack.enter_async_context(lock.keeping(each))
            yield lease

    async def release(self, lease: MultiLease) -> list[Released]:
        """Give all back, the last one first; what each release found, in the order of `locks`."""
        return [await lock.release(each) for lock, each in reversed(self._of(lease))][::-1]

    async def _take(self, wait: float | None) -> list[Lease] | str:
        plan = take_all(self.locks, checked_wait_s(wait), self._clock)
        return await drive_async(plan, self._perform, BaseException)

    async def _perform(self, step: Take | GiveBack) -> Lease | None:
        lock: Awaiting = step.lock
        if isinstance(step, Take):
            return await lock.acquire_beside(step.wait_s, self._beside(lock))
        try:
            await lock.release(step.lease)
        except StoreError as problem:
            _not_given_back(step, problem)
        return None


def _not_given_back(step: GiveBack, problem: StoreError) -> None:
    _LOG.warning("lock %r could not be given back, its lease will end: %s", step.lease.name, problem)
