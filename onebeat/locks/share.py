"""How do several hold one thing at once? A limit for all, or many readers and one writer."""

from __future__ import annotations

from typing import Any, Unpack

from onebeat.errors import ConfigError
from onebeat.keys import ShareKeys
from onebeat.locks.alock import Awaiting
from onebeat.locks.door import NAMESPACE, async_store_of, store_of
from onebeat.locks.handle import Options
from onebeat.locks.lock import Blocking
from onebeat.locks.roster import Roster, roster
from onebeat.locks.who import ALONE, READERS_MAX

LIMIT_MAX = READERS_MAX - 1


def checked_limit(name: str, limit: int) -> int:
    """`limit` itself.

    Raises:
        ConfigError: not a whole number from 1 to a million.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LIMIT_MAX:
        raise ConfigError(f"semaphore {name!r}: a limit of {limit!r} is not possible: give 1 to {LIMIT_MAX}")
    return limit


class Semaphore(Blocking):
    """At most `limit` hold it at once, in order of arrival; each has a lease and a fence of its own.

    A dead holder's permit is free when its lease ends. Each handle asks by the limit that it was given,
    so a deploy that changes the limit needs no order. A `Lock` of the same name is another lock.

    Args:
        client, name, lease: as for `Lock`.
        limit: 1 to a million.

    Raises:
        ConfigError, InvalidName: as for `Lock`, or a limit that cannot be.
    """

    def __init__(
        self, client: Any, name: str, limit: int, lease: float = 10.0, **options: Unpack[Options]
    ) -> None:
        store = store_of(client, options.get("namespace", NAMESPACE))
        keys = ShareKeys(store.namespace, name)
        super().__init__(store, keys, lease, room=checked_limit(name, limit), **options)

    def roster(self) -> Roster:
        """Who is in, and how many wait."""
        return self.store.run(roster(ShareKeys(self.store.namespace, self.name)))


class AsyncSemaphore(Awaiting):
    """The asyncio face of `Semaphore`: same arguments, same names."""

    def __init__(
        self, client: Any, name: str, limit: int, lease: float = 10.0, **options: Unpack[Options]
    ) -> None:
        store = async_store_of(client, options.get("namespace", NAMESPACE))
        keys = ShareKeys(store.namespace, name)
        super().__init__(store, keys, lease, room=checked_limit(name, limit), **options)

    async def roster(self) -> Roster:
        """Who is in, and how many wait."""
        return await self.store.run(roster(ShareKeys(self.store.namespace, self.name)))


class RWLock:
    """Many readers or one writer: `with rw.read.hold(wait=5)`, `with rw.write.hold(wait=5)`.

    All wait in one queue in order of arrival, so readers that come after a waiting writer do not pass
    it, and writers do not starve. `read` and `write` are handles like `Lock`; every hold has a fence.

    Args and errors: as for `Lock`.
    """

    def __init__(self, client: Any, name: str, lease: float = 10.0, **options: Unpack[Options]) -> None:
        store = store_of(client, options.get("namespace", NAMESPACE))
        keys = ShareKeys(store.namespace, name)
        self.read = Blocking(store, keys, lease, room=READERS_MAX, **options)
        self.write = Blocking(store, keys, lease, room=ALONE, **options)

    def roster(self) -> Roster:
        """Who is in, and how many wait."""
        return self.read.store.run(roster(ShareKeys(self.read.store.namespace, self.read.name)))


class AsyncRWLock:
    """The asyncio face of `RWLock`: same arguments, same names."""

    def __init__(self, client: Any, name: str, lease: float = 10.0, **options: Unpack[Options]) -> None:
        store = async_store_of(client, options.get("namespace", NAMESPACE))
        keys = ShareKeys(store.namespace, name)
        self.read = Awaiting(store, keys, lease, room=READERS_MAX, **options)
        self.write = Awaiting(store, keys, lease, room=ALONE, **options)

    async def roster(self) -> Roster:
        """Who is in, and how many wait."""
        return await self.read.store.run(roster(ShareKeys(self.read.store.namespace, self.read.name)))
