"""What does a program talk to? A client that queues calls, and makes and looks at schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from onebeat.queue import KeyRing
from onebeat.queue import client as queue
from onebeat.wire import AsyncStore, Store

if TYPE_CHECKING:
    from onebeat.catalog import Declared
    from onebeat.scheduler.acts import History
    from onebeat.schedules import AsyncSchedules, Schedules


def _nothing() -> Sequence[Declared]:
    return ()


class Client(queue.Client):
    """Puts calls into queues; `schedules` makes, changes and describes schedules. Threads may share one.

    `known` are the schedules of files, `history` is where past runs are: `App.open().client` has both.
    """

    def __init__(
        self,
        store: Store,
        ring: KeyRing | None = None,
        *,
        known: Callable[[], Sequence[Declared]] = _nothing,
        history: Callable[[], History] | None = None,
        durability: str | None = None,
    ) -> None:
        super().__init__(store, ring, durability)
        self._known_schedules, self._history = known, history

    @cached_property
    def schedules(self) -> Schedules:
        """The schedules of the namespace."""
        from onebeat.catalog import Catalog
        from onebeat.schedules import Schedules

        store = self.store
        return Schedules(
            store,
            Catalog(store.space, store.namespace, self._known_schedules, self._history, self.sender.ring),
        )


class AsyncClient(queue.AsyncClient):
    """The asyncio twin of `Client`: the same names, awaited. Belongs to one event loop."""

    def __init__(
        self,
        store: AsyncStore,
        ring: KeyRing | None = None,
        *,
        known: Callable[[], Sequence[Declared]] = _nothing,
        history: Callable[[], History] | None = None,
        durability: str | None = None,
    ) -> None:
        super().__init__(store, ring, durability)
        self._known_schedules, self._history = known, history

    @cached_property
    def schedules(self) -> AsyncSchedules:
        """The schedules of the namespace."""
        from onebeat.catalog import Catalog
        from onebeat.schedules import AsyncSchedules

        store = self.store
        return AsyncSchedules(
            store,
            Catalog(store.space, store.namespace, self._known_schedules, self._history, self.sender.ring),
        )
