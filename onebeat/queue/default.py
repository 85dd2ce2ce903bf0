"""Which client does `task.delay()` use? One over the default store, kept per process (or event loop)."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from onebeat.queue.client import AsyncClient, Client
from onebeat.wire import AsyncStore, Store
from onebeat.wire.default import default_async_store, default_store

_CLIENTS: WeakKeyDictionary[Store, Client] = WeakKeyDictionary()
_ASYNC_CLIENTS: WeakKeyDictionary[AsyncStore, AsyncClient] = WeakKeyDictionary()


def default_client() -> Client:
    """The client of the default store.

    Raises:
        ConfigError: no store is named and none runs here.
    """
    store = default_store()
    return _CLIENTS.get(store) or _CLIENTS.setdefault(store, Client(store))


async def default_async_client() -> AsyncClient:
    """The running event loop's client of the default store; raises as `default_client`."""
    store = await default_async_store()
    return _ASYNC_CLIENTS.get(store) or _ASYNC_CLIENTS.setdefault(store, AsyncClient(store))
