"""Which store does a function use that was given none?

The one that `find_store` names, opened once per process (asyncio: once per event loop).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import TypeAlias
from weakref import WeakKeyDictionary

from onebeat.wire.locate import find_store
from onebeat.wire.store import AsyncStore, Store

NAMESPACE = "onebeat"
_Opened: TypeAlias = dict[tuple[str, str], tuple[AsyncStore, AsyncGenerator[None, None]]]
_STORES: dict[tuple[int, str, str], Store] = {}
_LOOPS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened] = WeakKeyDictionary()


def _place() -> tuple[str, str]:
    return find_store().value, os.environ.get("ONEBEAT_NAMESPACE") or NAMESPACE


def default_store() -> Store:
    """The process's store; its namespace is `ONEBEAT_NAMESPACE`, else `onebeat`.

    Raises:
        ConfigError: no store is named and none runs here; the message says what to do.
    """
    url, namespace = _place()
    key = (os.getpid(), url, namespace)  # a forked child must not share its parent's sockets
    if key not in _STORES:
        _STORES.setdefault(key, Store.open(url, namespace))  # nothing is connected before the first call
    return _STORES[key]


async def default_async_store() -> AsyncStore:
    """The running event loop's store; it is closed when the loop shuts down (`asyncio.run` does that).

    Raises:
        ConfigError: no store is named and none runs here; the message says what to do.
    """
    place = _place()
    opened = _LOOPS.setdefault(asyncio.get_running_loop(), {})
    if place not in opened:
        store = AsyncStore.open(*place)
        closing = _close_with_the_loop(store, opened)
        opened[place] = (store, closing)
        await anext(closing)
    return opened[place][0]


async def _close_with_the_loop(store: AsyncStore, opened: _Opened) -> AsyncGenerator[None, None]:
    """Suspended for the life of the loop, which closes its asynchronous generators before it ends."""
    try:
        yield
    finally:
        opened.clear()
        await store.close()
