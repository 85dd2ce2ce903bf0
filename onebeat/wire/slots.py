"""In which slot of a Cluster does a call belong? Pure.

A key's slot is CRC16 of its hash tag, modulo 16384 (Redis Cluster specification, "Key distribution model").
All keys of a call must share one; ours carry a tag for that reason (`keys.py`).
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from typing import Any

SLOTS = 16384
# Where a command has its keys. Those without any may be asked of every node.
_KEYLESS = frozenset(("PING", "INFO", "TIME", "CONFIG", "SCAN", "CLUSTER", "ROLE", "WAIT", "WAITAOF"))
_FIRST = frozenset(
    (
        *(
            "GET",
            "SET",
            "PEXPIRE",
            "HGET",
            "HSET",
            "HDEL",
            "HLEN",
            "HMGET",
            "HSCAN",
            "HEXISTS",
            "LLEN",
            "LRANGE",
        ),
        *("SADD", "SSCAN", "XRANGE", "XREVRANGE", "ZCARD", "ZMSCORE", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE"),
        *("ZSCAN", "ZSCORE"),
    )
)
_SEVERAL = frozenset(("DEL", "EXISTS"))
_BLOCKING = frozenset(("BLPOP", "BZPOPMIN"))


def as_bytes(key: Any) -> bytes:
    """A key as it goes over the wire."""
    return key if isinstance(key, bytes) else str(key).encode()


def tag_of(key: bytes) -> bytes:
    """What decides its slot: the text between its first `{` and the next `}`, where there is any."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    return key[start + 1 : end] if 0 <= start < end - 1 else key


@lru_cache(maxsize=4096)
def _slot_of_tag(tag: bytes) -> int:
    return binascii.crc_hqx(tag, 0) % SLOTS


def slot_of(key: Any) -> int:
    """Its slot."""
    return _slot_of_tag(tag_of(as_bytes(key)))


def keys_of(words: tuple[Any, ...]) -> tuple[Any, ...]:
    """The keys among the words of a command that onebeat sends.

    Raises:
        ValueError: where this command has its keys is not known here.
    """
    verb = str(words[0]).upper()
    if verb in ("EVALSHA", "EVAL"):
        return words[3 : 3 + int(words[2])]
    if verb in _KEYLESS:
        return ()
    if verb in _SEVERAL:
        return words[1:]
    if verb in _BLOCKING:
        return words[1:-1]
    if verb == "XREAD":
        named = words[words.index("STREAMS") + 1 :]
        return named[: len(named) // 2]
    if verb == "XINFO":
        return words[2:3]
    if verb not in _FIRST:
        raise ValueError(f"{verb} is not in slots.py, which says where a command has its keys")
    return words[1:2]


def slot_of_call(words: tuple[Any, ...]) -> int | None:
    """The slot of all keys of a call; None when it has none.

    Raises:
        ValueError: its keys are in several slots.
    """
    slots = {slot_of(key) for key in keys_of(words)}
    if len(slots) > 1:
        raise ValueError(f"{words[0]} names keys of {len(slots)} slots")
    return slots.pop() if slots else None
