"""Which locks are compared? Each with the same verbs, make, acquire and release, and a lease of 30 seconds.

The peers get the settings that are best for what is measured and safe to use: redis-py polls every 10 ms in
place of 100 (a waiter gets the lock sooner, the server has ten times the work); the others have no such
setting. All get the same patience with the store, so that a machine that stands still ends no run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import redis

LEASE_S = 30
PATIENCE_S = 30.0  # with one answer of the store
SLEEP_S = 0.01


@dataclass(frozen=True)
class Kind:
    """`make(url, name)` gives a lock; `acquire` waits for `seconds` at most and says whether it is held."""

    name: str
    make: Callable[[str, str], Any]
    acquire: Callable[[Any, float], bool]
    release: Callable[[Any], object]
    package: str = ""  # that must be there

    @property
    def is_there(self) -> bool:
        return not self.package or find_spec(self.package) is not None


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=PATIENCE_S)


def _onebeat(url: str, name: str) -> Any:
    from onebeat.locks import Lock
    from onebeat.wire import Store

    return Lock(Store.open(url, deadline_s=PATIENCE_S), name, LEASE_S)


def _compat(url: str, name: str) -> Any:
    from onebeat.locks.compat import Lock

    return Lock(_client(url), name, timeout=LEASE_S)


def _redis_py(url: str, name: str) -> Any:
    return _client(url).lock(name, timeout=LEASE_S, sleep=SLEEP_S)


def _python_redis_lock(url: str, name: str) -> Any:
    import redis_lock

    return redis_lock.Lock(_client(url), name, expire=LEASE_S)


def _pottery(url: str, name: str) -> Any:
    from pottery import Redlock

    return Redlock(key=name, masters={_client(url)}, auto_release_time=LEASE_S)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("onebeat", _onebeat, lambda lock, s: lock.acquire(s) is not None, lambda lock: lock.release()),
        Kind(
            "onebeat compat",
            _compat,
            lambda lock, s: bool(lock.acquire(blocking_timeout=s)),
            lambda lock: lock.release(),
        ),
        Kind(
            "redis-py",
            _redis_py,
            lambda lock, s: bool(lock.acquire(blocking_timeout=s)),
            lambda lock: lock.release(),
        ),
        Kind(
            "python-redis-lock",
            _python_redis_lock,
            lambda lock, s: bool(lock.acquire(blocking=s > 0, timeout=s or None)),
            lambda lock: lock.release(),
            "redis_lock",
        ),
        Kind(
            "pottery",
            _pottery,
            lambda lock, s: bool(lock.acquire(blocking=s > 0, timeout=s or -1)),
            lambda lock: lock.release(),
            "pottery",
        ),
    )
}
