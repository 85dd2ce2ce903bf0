"""Which store does a caller mean by its client, and who is calling?"""

from __future__ import annotations

import inspect
import json
import os
import socket
from functools import lru_cache
from typing import Any

from onebeat.errors import ConfigError, ForkedHandle
from onebeat.locks.who import Who
from onebeat.wire import AsyncStore, Store

NAMESPACE = "onebeat"


def store_of(client: Any, namespace: str = NAMESPACE) -> Store:
    """The blocking store of an onebeat client, a store, or a redis-py client (then in `namespace`).

    Raises:
        ConfigError: it is something else, or asynchronous.
    """
    found = getattr(client, "store", client)
    if isinstance(found, Store):
        return found
    send = getattr(found, "execute_command", None)
    if send is None or inspect.iscoroutinefunction(send) or isinstance(found, AsyncStore):
        raise ConfigError(
            f"Lock cannot work with a {type(client).__name__}: give an onebeat.Client, a Store or a "
            "redis.Redis (for asyncio there is AsyncLock)"
        )
    return Store(found, namespace)


def async_store_of(client: Any, namespace: str = NAMESPACE) -> AsyncStore:
    """The asyncio store of an onebeat client, a store, or a redis.asyncio client (then in `namespace`).

    Raises:
        ConfigError: it is something else, or blocking.
    """
    found = getattr(client, "store", client)
    if isinstance(found, AsyncStore):
        return found
    if not inspect.iscoroutinefunction(getattr(found, "execute_command", None)):
        raise ConfigError(
            f"AsyncLock cannot work with a {type(client).__name__}: give an onebeat.AsyncClient, an "
            "AsyncStore or a redis.asyncio.Redis (for blocking code there is Lock)"
        )
    return AsyncStore(found, namespace)


def new_token() -> str:
    """What proves a hold: random, so that nobody releases what is not theirs."""
    return os.urandom(16).hex()


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname()


def who_am_i(task: str = "", message: str = "", room: int | None = None, beside: tuple[str, ...] = ()) -> str:
    """JSON about this process and its work, shown to those who find the lock held."""
    written = _written(os.getpid(), task, room, beside)
    return f'{written[:-1]}, "message": {json.dumps(message)}}}' if message else written


@lru_cache(maxsize=256)
def _written(pid: int, task: str, room: int | None, beside: tuple[str, ...]) -> str:
    return Who(_host(), pid, task, room, beside=beside).written()


def same_process(made_in_pid: int, name: str) -> None:
    """Return if this is still the process that made the handle.

    Raises:
        ForkedHandle: it is a forked child; it shares sockets and tokens that are not its own.
    """
    if os.getpid() != made_in_pid:
        raise ForkedHandle(
            f"this handle of lock {name!r} was made in process {made_in_pid} and is used in its fork "
            f"{os.getpid()}: make a new client and a new lock in the child"
        )
