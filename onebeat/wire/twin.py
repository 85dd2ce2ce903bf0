"""How does another thread get connections of its own to the same store?

A thread that renews leases must not queue behind the work: not in the same connection pool, not on the
same event loop, and not with the patience of a client made for other calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onebeat.errors import ConfigError
from onebeat.wire.store import AsyncStore, Store

if TYPE_CHECKING:
    import redis

# What says where the server is and who we are; everything else is the twin's own choice.
_PLACE = ("host", "port", "path", "db", "username", "password", "credential_provider", "client_name")
_KINDS = ("Connection", "SSLConnection", "UnixDomainSocketConnection")


def twin(store: Store | AsyncStore, deadline_s: float) -> Store:
    """A blocking store on the same server and namespace; each of its calls ends within `deadline_s`.

    The caller closes it. A blocking client that was given, with connections of an unknown kind (redis-py's
    own for Sentinel or a cluster), is shared as it is.

    Raises:
        ConfigError: an asyncio client with connections of an unknown kind.
    """
    if store.url is not None:
        return Store.open(store.url, store.namespace, deadline_s=deadline_s)
    pool: Any = getattr(store.client, "connection_pool", None)
    kind = getattr(getattr(pool, "connection_class", None), "__name__", "")
    if kind in _KINDS:
        return Store(_open(kind, pool.connection_kwargs, deadline_s), store.namespace, where=store.where)
    if isinstance(store, Store):
        return Store(store.client, store.namespace, where=store.where)
    raise ConfigError(
        f"an asyncio client with {kind or 'unknown'} connections cannot be used for locks, because their "
        "leases are renewed by a thread: give AsyncStore.open(url), or redis.asyncio.Redis of one server"
    )


def _open(kind: str, options: dict[str, Any], deadline_s: float) -> redis.Redis:
    import redis
    import redis.connection as connections
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    chosen = {name: value for name, value in options.items() if name in _PLACE or name.startswith("ssl_")}
    chosen |= {"socket_timeout": deadline_s, "socket_connect_timeout": deadline_s, "protocol": 2}
    pool = redis.ConnectionPool(
        connection_class=getattr(connections, kind), retry=Retry(NoBackoff(), 0), **chosen
    )
    return redis.Redis(connection_pool=pool)
