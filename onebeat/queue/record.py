"""What are the bytes of a stored message? Pure.

A fixed head that Lua reads by offset and never decodes further, then three variable parts:

    offset  bytes  field
    0       1      version (1)
    1       1      flags: 1 = write its life to the history, 2 = counted in `live`, 4 = signed,
                   8 = says in its header what bounds it: how many of its key may run, and its rate
    2       1      deliveries: how often it went back because its worker died
    3       1      attempt: how often it was tried and failed
    4       1      priority 0 (first) … 3
    5       6      enqueued, wall ms, big-endian (sorts as bytes)
    11      1      length of the id
    12      2      length of the header, big-endian
    14      …      id, header (msgpack map), body (msgpack [args, kwargs])
    -36     36     only when signed: the seal, see `signing.py`
"""

from __future__ import annotations

import re
import struct
from hashlib import sha1
from typing import Any

import msgspec

from onebeat.errors import BadPayload
from onebeat.keys import PRIORITIES

VERSION = 1
RECORDED = 1
LIVE = 2
SIGNED = 4
LIMITED = 8
FLAGS_AT = 1
SIGNED_FROM = 4  # before it, the store and workers count
SEAL_BYTES = 36
_HEAD = struct.Struct(">BBBBBHIBH")
_HEADER_MAX = 65_535
_BARE_MAX = 512  # kinds, of so many bytes at the most
_BARE_BYTES = 128
_ID = re.compile(rb"[A-Za-z0-9_.:@+~-]{1,255}")  # the same set as in cycle.lua; needs no escape in JSON


class RetryPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How a failed attempt is tried again; `max` counts the tries after the first."""

    max: int = 0
    backoff: str = "exponential"
    delay_ms: int = 10_000
    max_delay_ms: int = 600_000


class SingletonHead(msgspec.Struct, frozen=True, array_like=True):
    """A schedule's singleton: overrides what the task's decorator says."""

    key: str | None = None
    on_conflict: str = "skip"
    lease_ms: int = 10_000
    wait_ms: int = 0
    keep: str = "all"


class ConcurrencyHead(msgspec.Struct, frozen=True, array_like=True):
    """At most `limit` runs of `key` at once; `cycle.lua` reads it."""

    key: str
    limit: int


class RateHead(msgspec.Struct, frozen=True, array_like=True):
    """One start of `key` every `every_us`, and `burst` at once at the most; `cycle.lua` reads it."""

    key: str
    every_us: int
    burst: int


class BoundsHead(msgspec.Struct, frozen=True, array_like=True):
    """What bounds a message; at least one of both."""

    concurrency: ConcurrencyHead | None = None
    rate: RateHead | None = None


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A call of a chain that is not queued yet: what its message will say.

    `body` is base64: scripts read headers, and the server's msgpack knows no bytes.
    """

    queue: str
    header: Header
    body: str
    priority: int = 0
    flags: int = 0


class Chain(msgspec.Struct, frozen=True, array_like=True):
    """What follows a message when it is done: `links`, the first of which is call number `at` of the chain.

    `passes`: what a call returned is the first argument of the next.
    """

    id: str
    at: int
    links: tuple[Link, ...]
    passes: bool = False


class Group(msgspec.Struct, frozen=True, array_like=True):
    """The group of which a message is a member, and the queue in which its members are counted."""

    id: str
    queue: str


# A name is stored with every message, so each is one byte.
_NAMES = {
    "task": "t",
    "schedule": "s",
    "nominal_ms": "n",
    "key": "k",
    "expires_at_ms": "e",
    "timeout_ms": "m",
    "hard_timeout_ms": "h",
    "retries": "r",
    "singleton": "o",
    "unique": "u",
    "headers": "x",
    "result_ttl_ms": "w",
    "bounds": "c",
    "chain": "f",
    "group": "g",
}


class Header(msgspec.Struct, frozen=True, omit_defaults=True, rename=_NAMES):
    """What a worker must know before it decodes arguments; defaults are not stored.

    A sixteenth field would cost every message two bytes more, for MessagePack's short maps have fifteen.
    """

    task: str
    schedule: str = ""
    nominal_ms: int | None = None
    key: str = ""  # the business key of an idempotent enqueue
    expires_at_ms: int | None = None  # Redis ms after which it must not start
    timeout_ms: int | None = None
    hard_timeout_ms: int | None = None
    retries: RetryPolicy | None = None
    singleton: SingletonHead | None = None
    unique: str = ""  # the singleton for which it is queued once
    headers: dict[str, str] | None = None  # written by hooks of who queued it
    result_ttl_ms: int | None = None  # for how long its result is wanted
    bounds: BoundsHead | None = None
    chain: Chain | None = None
    group: Group | None = None

    @property
    def concurrency(self) -> ConcurrencyHead | None:
        """How many of its key may run."""
        return None if self.bounds is None else self.bounds.concurrency

    @property
    def rate(self) -> RateHead | None:
        """How often one of its key may start."""
        return None if self.bounds is None else self.bounds.rate


class Message(msgspec.Struct, frozen=True, gc=False):
    """A task call in a queue. `body` is decoded only by who runs it.

    `stored` is the header as it was read, so that a retry keeps what a newer release wrote and this one does
    not know; `seal` goes with it.
    """

    id: str
    header: Header
    body: bytes
    flags: int = 0
    deliveries: int = 0
    attempt: int = 0
    priority: int = 0
    enqueued_ms: int = 0
    stored: bytes = b""
    seal: bytes = b""


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(Header).decode
_bare: dict[bytes, Header] = {}  # as stored; what names a task and says no more is decoded once


def _header(stored: bytes) -> Header:
    header = _decode_header(stored)
    if len(stored) <= _BARE_BYTES and len(_bare) < _BARE_MAX and header == Header(header.task):
        _bare[stored] = header
    return header


def is_bare(message: Message) -> bool:
    """Whether a message that was read says no more than its task and arguments, and is at its first try."""
    first = not (message.flags & ~SIGNED or message.attempt or message.deliveries)
    return first and message.stored in _bare


def pack(message: Message) -> bytes:
    """The record of `message`.

    Raises:
        BadPayload: a field does not fit its place.
    """
    id_ = message.id.encode("ascii", "replace")
    header = message.stored or _encode_header(message.header)
    if not _ID.fullmatch(id_):
        raise BadPayload(f"message id {message.id[:80]!r} must be 1 to 255 of A-Z a-z 0-9 _ . : @ + ~ -")
    if len(header) > _HEADER_MAX or not 0 <= message.priority < PRIORITIES:
        raise BadPayload(f"message {message.id}: its header is too long, or its priority not 0 to 3")
    enqueued_ms, deliveries, attempt = message.enqueued_ms, message.deliveries, message.attempt
    try:
        head = _HEAD.pack(
            VERSION,
            message.flags | SIGNED if message.seal else message.flags & ~SIGNED,
            deliveries if deliveries < 255 else 255,
            attempt if attempt < 255 else 255,
            message.priority,
            enqueued_ms >> 32,
            enqueued_ms & 0xFFFF_FFFF,
            len(id_),
            len(header),
        )
    except struct.error as problem:
        raise BadPayload(f"message {message.id}: a number does not fit its place ({problem})") from None
    return b"".join((head, id_, header, message.body, message.seal))


def unpack(record: bytes) -> Message:
    """The message of `record`; its body is not looked into.

    Raises:
        BadPayload: not a record of a version that this release reads.
    """
    try:
        version, flags, deliveries, attempt, priority, high, low, id_len, header_len = _HEAD.unpack_from(
            record
        )
        start = _HEAD.size + id_len
        id_ = record[_HEAD.size : start]
        if version != VERSION:
            raise BadPayload(
                f"a record of version {version} was written by another release: upgrade this worker"
            )
        if not _ID.fullmatch(id_) or priority >= PRIORITIES:
            raise BadPayload(
                f"{len(record)} bytes in the queue are not a onebeat record (its id or priority)"
            )
        end = len(record) - SEAL_BYTES if flags & SIGNED else len(record)
        if end < start + header_len:
            raise BadPayload(f"{len(record)} bytes in the queue are not a onebeat record (its length)")
        header = record[start : start + header_len]
        return Message(
            id=id_.decode(),
            header=_bare.get(header) or _header(header),
            body=record[start + header_len : end],
            flags=flags,
            deliveries=deliveries,
            attempt=attempt,
            priority=priority,
            enqueued_ms=(high << 32) | low,
            stored=header,
            seal=record[end:],
        )
    except (struct.error, UnicodeDecodeError, msgspec.MsgspecError) as problem:
        raise BadPayload(f"{len(record)} bytes in the queue are not a onebeat record ({problem})") from None


def id_of(record: bytes) -> str:
    """Under which id a worker holds `record`, whatever it is worth (for burying what cannot be read).

    Foreign bytes without a usable id go by their SHA-1, as in cycle.lua.
    """
    id_ = record[_HEAD.size : _HEAD.size + record[11]] if len(record) > 11 else b""
    return id_.decode() if _ID.fullmatch(id_) else sha1(record, usedforsecurity=False).hexdigest()


def event_line(event: str, id_: str, **fields: Any) -> bytes:
    """One JSON line of the event log; fields that are None are left out."""
    return msgspec.json.encode(
        {"event": event, "id": id_, **{k: v for k, v in fields.items() if v is not None}}
    )
