"""Which keys did a test leave behind that nobody would ever delete?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from onebeat.keys import TABLE, Key

if TYPE_CHECKING:
    import redis

NO_TTL, GONE = -1, -2


def _pattern(key: Key, namespace: str) -> re.Pattern[str]:
    """What keys of this row look like: the words of the row's pattern in place of its variables."""
    text = re.escape(key.pattern).replace("ns", re.escape(namespace), 1)
    for variable, shape in (("queue", "[^{}:]+"), ("lock:name", "lock:.+"), ("share:name", "share:.+")):
        text = text.replace(f":{variable}\\}}", f":{shape}\\}}", 1)
    return re.compile(re.sub(r"<\w+>", ".+", text), re.DOTALL)


def keys_of(client: redis.Redis, namespace: str) -> list[str]:
    """Every key of `namespace`."""
    found: list[Any] = [*client.scan_iter(f"ob:{{{namespace}}}*", 1000)]
    found += client.scan_iter(f"ob:{{{namespace}:*", 1000)
    return sorted(key.decode() for key in found)


def find_leaks(client: redis.Redis, namespace: str) -> list[str]:
    """What is wrong with each key of `namespace`; empty when nothing is.

    A key must match a row of `keys.TABLE` and have its type. Its row's life decides the rest: `ttl`
    must have one, `permanent` must not, and `in use` must be a collection, which Redis deletes with
    its last element.
    """
    rows = [(_pattern(key, namespace), key) for key in TABLE]
    wrong: list[str] = []
    for name in keys_of(client, namespace):
        row = next((key for pattern, key in rows if pattern.fullmatch(name)), None)
        kind, ttl_ms = client.type(name).decode(), client.pttl(name)
        if ttl_ms == GONE:
            continue
        if row is None:
            wrong.append(f"{name}: no row of keys.TABLE describes it")
        elif kind != row.type:
            wrong.append(f"{name}: a {kind}, and keys.TABLE says {row.type}")
        elif row.life == "ttl" and ttl_ms == NO_TTL:
            wrong.append(f"{name}: has no TTL, nobody will ever delete it")
        elif row.life == "permanent" and ttl_ms != NO_TTL:
            wrong.append(f"{name}: would be forgotten in {ttl_ms} ms, and keys.TABLE says permanent")
    return wrong


def forget(client: redis.Redis, namespace: str) -> None:
    """Delete every key of `namespace`."""
    names = keys_of(client, namespace)
    for start in range(0, len(names), 500):
        client.unlink(*names[start : start + 500])
