"""How does a program hold a lock over several independent servers?"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypedDict, Unpack

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError, StoreError
from onebeat.keys import LockKeys, SpaceKeys
from onebeat.locks import keeper, quorum
from onebeat.locks.alock import see_through
from onebeat.locks.alock import until_released as until_released_async
from onebeat.locks.calls import Attempt
from onebeat.locks.door import NAMESPACE, async_store_of, new_token, same_process, store_of, who_am_i
from onebeat.locks.handle import MAX_HOLD_S, StoreT, not_released, timeout_error
from onebeat.locks.lease import Lease
from onebeat.locks.lock import until_released
from onebeat.locks.protocol import Grant, Released
from onebeat.locks.quorum import Ballot, Everywhere, Majority, T
from onebeat.locks.quorum_lease import QuorumLease
from onebeat.locks.validity import checked_lease_ms, checked_wait_s, deadline_s
from onebeat.wire import AsyncStore, Call, Store, drive, drive_async
from onebeat.wire.failures import from_connection
from onebeat.wire.twin import twin

OTHERS = "another, or several that split the servers between them,"


class QuorumOptions(TypedDict, total=False):
    """What a quorum may be told beside its clients, name and lease; as in `Options`."""

    namespace: str
    max_hold: float
    clock: Clock


class _Quorum(Generic[StoreT]):
    """What both faces have in common."""

    def __init__(self, stores: Sequence[StoreT], name: str, lease: float, **options: Unpack[QuorumOptions]):
        if len(stores) < 3 or len(stores) % 2 == 0:
            raise ConfigError(
                f"QuorumLock {name!r} over {len(stores)} servers: give 3, 5 or 7; with fewer none may fail, "
                "and an even one adds none that may"
            )
        self.name = name
        if len({id(store.client) for store in stores}) < len(stores):
            raise ConfigError(f"QuorumLock {name!r}: a client is given twice, and each server has one vote")
        self._stores: list[StoreT] = list(stores)
        self._keys = LockKeys(stores[0].namespace, name)
        self._born = SpaceKeys(stores[0].namespace).born
        self._lease_ms = checked_lease_ms(lease)
        self._max_hold_s = options.get("max_hold", MAX_HOLD_S)
        self._clock = options.get("clock", SYSTEM)
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} over {len(self._stores)} servers>"

    def _acquiring(self, wait: float | None) -> Ballot[Majority | None]:
        wait = checked_wait_s(wait)
        same_process(self._pid, self.name)
        luck, count = random.SystemRandom().random, len(self._stores)
        return quorum.acquire(self._attempt, count, self._born, wait, self._clock, luck)

    def _attempt(self) -> Attempt:
        return Attempt(self._keys, new_token(), self._lease_ms, who_am_i())

    def _held(self, found: Majority) -> QuorumLease:
        grant, lease_s = Grant(found.fence, found.sent_s, found.until_s), self._lease_ms / 1000
        parts = [Lease(self._keys, found.attempt.token, grant, lease_s, self._clock) for _ in found.places]
        for place, part in zip(found.places, parts, strict=True):
            keeper.keep(self._stores[place], part, self._max_hold_s, self._clock)
        return QuorumLease(found, parts, len(self._stores))

    def _releasing(self, lease: QuorumLease) -> Ballot[Released]:
        same_process(self._pid, self.name)
        for place, part in zip(lease.places, lease.parts, strict=True):
            keeper.let_go(self._stores[place], part)
            part.end()
        return quorum.release(lease.attempt, len(self._stores))


class QuorumLock(_Quorum[Store]):
    """A lock over 3, 5 or 7 independent servers that is safe while a minority of them fails.

    It is not fair: the servers know nothing of each other, so who waits asks again after a while. One
    name has the same servers and the same lease everywhere.

    Args:
        clients: one for each server, as for `Lock`; a server is a single one, not a cluster.
        name, lease, options: as for `Lock`.

    Raises:
        ConfigError: too few servers, an even number, or a length of time that cannot be.
    """

    def __init__(
        self, clients: Sequence[Any], name: str, lease: float = 10.0, **options: Unpack[QuorumOptions]
    ) -> None:
        namespace = options.get("namespace", NAMESPACE)
        super().__init__([store_of(client, namespace) for client in clients], name, lease, **options)
        self._voters = [twin(store, deadline_s(lease)) for store in self._stores]
        self._threads = ThreadPoolExecutor(len(self._stores), thread_name_prefix="onebeat-quorum")

    def acquire(self, wait: float | None = 0.0) -> QuorumLease | None:
        """The lease, or None when no majority was free within `wait` seconds (None: no limit).

        Raises:
            StoreError: more than a minority of the servers does not answer.
            ForkedHandle: this handle was made in another process.
        """
        found = self._run(self._acquiring(wait))
        return None if found is None else self._held(found)

    @contextmanager
    def hold(self, wait: float | None = 0.0) -> Iterator[QuorumLease]:
        """Hold it for the length of a `with` block; raises as `Lock.hold`."""
        lease = self.acquire(wait)
        if lease is None:
            raise timeout_error(self.name, wait, OTHERS)
        with until_released(lease, self.release, _not_released):
            yield lease

    def release(self, lease: QuorumLease) -> Released:
        """Give it back at every server.

        Raises:
            StoreError: too few servers answer; it is free when its leases end.
        """
        return self._run(self._releasing(lease))

    def close(self) -> None:
        """End its threads and connections; the clients stay open."""
        self._threads.shutdown()
        for voter, store in zip(self._voters, self._stores, strict=True):
            if voter.client is not store.client:
                voter.close()

    def _run(self, ballot: Ballot[T]) -> T:
        return drive(ballot, self._perform, BaseException)

    def _perform(self, effect: Any) -> dict[int, Any]:
        if not isinstance(effect, Everywhere):
            time.sleep(effect.seconds)
            return {}
        asked = {place: self._threads.submit(self._ask, place, call) for place, call in effect.calls.items()}
        return {place: future.result() for place, future in asked.items()}

    def _ask(self, place: int, call: Call) -> Any:
        try:
            return self._voters[place].perform(call)
        except StoreError as problem:
            return problem


class AsyncQuorumLock(_Quorum[AsyncStore]):
    """The asyncio face of `QuorumLock`: same arguments, same names."""

    def __init__(
        self, clients: Sequence[Any], name: str, lease: float = 10.0, **options: Unpack[QuorumOptions]
    ) -> None:
        namespace = options.get("namespace", NAMESPACE)
        super().__init__([async_store_of(client, namespace) for client in clients], name, lease, **options)

    async def acquire(self, wait: float | None = 0.0) -> QuorumLease | None:
        """The lease, or None when no majority was free within `wait` seconds; see `QuorumLock.acquire`."""
        found = await self._run(self._acquiring(wait))
        return None if found is None else self._held(found)

    @asynccontextmanager
    async def hold(self, wait: float | None = 0.0) -> AsyncIterator[QuorumLease]:
        """Hold it for the length of an `async with` block, which is cancelled when it is lost."""
        lease = await self.acquire(wait)
        if lease is None:
            raise timeout_error(self.name, wait, OTHERS)
        async with until_released_async(lease, self.release, _not_released):
            yield lease

    async def release(self, lease: QuorumLease) -> Released:
        """Give it back at every server; it goes on even if the caller is cancelled."""
        return await see_through(self._run(self._releasing(lease)))

    async def _run(self, ballot: Ballot[T]) -> T:
        return await drive_async(ballot, self._perform, BaseException)

    async def _perform(self, effect: Any) -> dict[int, Any]:
        if not isinstance(effect, Everywhere):
            await asyncio.sleep(effect.seconds)
            return {}
        asking = [self._ask(place, call) for place, call in effect.calls.items()]
        answers = await see_through(_all(asking))
        return dict(zip(effect.calls, answers, strict=True))

    async def _ask(self, place: int, call: Call) -> Any:
        try:
            async with asyncio.timeout(deadline_s(self._lease_ms / 1000)):
                return await self._stores[place].perform(call)
        except TimeoutError:
            return from_connection(self._stores[place].where, TimeoutError("no answer in time"))
        except StoreError as problem:
            return problem


async def _all(asking: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    return await asyncio.gather(*asking)


def _not_released(lease: QuorumLease, problem: StoreError) -> None:
    not_released(lease.name, problem)
