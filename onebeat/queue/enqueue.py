"""How does a message get into a queue exactly once, although replies get lost?

A sender numbers its calls, as Kafka's idempotent producer does: each *lane* has one call in flight, the
server remembers the lane's last number and answers, so a call that is sent again is recognised and
answered, not executed, at a cost of one small key per lane instead of one per message.
"""

from __future__ import annotations

import os
import secrets
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

import msgspec

from onebeat.errors import IdempotencyConflict
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys
from onebeat.queue.durability import Durability, surely
from onebeat.queue.payload import canonical
from onebeat.queue.record import Message, pack
from onebeat.queue.scripts import BATCH_MAX, ENQUEUE
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.wire import Protocol
from onebeat.wire.steps import Arg

LANE_TTL_MS = 600_000
KEY_TTL_MS = 86_400_000  # how long an idempotency key is remembered
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(slots=True)
class Lane:
    """One sender's numbering; used by one call at a time and dropped when a call is left unanswered."""

    name: str
    seq: int = 0
    pid: int = field(default_factory=os.getpid)


class Lanes:
    """Free lanes; `list` methods used here are atomic, so threads may share it."""

    def __init__(self) -> None:
        self._free: list[Lane] = []

    def take(self) -> Lane:
        """A lane that nobody uses."""
        pid = os.getpid()
        while self._free:
            try:
                lane = self._free.pop()
            except IndexError:  # another thread was faster
                break
            # After a fork parent and child would number different calls alike, and one would be lost.
            if lane.pid == pid:
                return lane
        return Lane(secrets.token_urlsafe(9))

    def give(self, lane: Lane) -> None:
        """Take back a lane whose last call was answered."""
        self._free.append(lane)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A message to send.

    `key` makes it idempotent: the same key within `key_ttl_ms` is stored once.
    """

    message: Message
    delay_ms: int = 0
    key: str = ""
    key_ttl_ms: int = KEY_TTL_MS

    @property
    def result_ttl_ms(self) -> int:
        """For how long its result is kept; 0 when nobody asked for it."""
        return self.message.header.result_ttl_ms or 0


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What became of a draft: `existing` when its key had been used, `refused` when another message is queued
    for its singleton; `id` then names that message."""

    id: str
    existing: bool = False
    refused: bool = False


def new_ids(count: int) -> list[str]:
    """Random message ids: 90 bits, 15 characters each, safe in every text."""
    text = b2a_base64(os.urandom(12 * count), newline=False).translate(_URL_SAFE).decode()  # 16 from 12 bytes
    return [text[at : at + 15] for at in range(0, 16 * count, 16)]


def _digest(*parts: bytes) -> str:
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()


def unique_field(name: str) -> str:
    """What stands for the singleton `name` in the queue's `unique`; no message id begins like it."""
    return "=" + _digest(name.encode()) if name else ""


def uniq_key(keys: QueueKeys, key: str) -> str:
    """Where the store remembers that the idempotency key `key` was used."""
    return keys.uniq(_digest(key.encode()))


def enqueue(
    keys: QueueKeys,
    drafts: Sequence[Draft],
    lanes: Lanes,
    ring: KeyRing = NO_KEYS,
    *,
    within_s: float,
    durability: Durability | None = None,
) -> Protocol[list[Sent]]:
    """Store `drafts`, in order, in calls of at most 256; sends again for at most `within_s` seconds each.

    Raises:
        IdempotencyConflict: a key was used before with another task or other arguments.
        NotConfirmed: stored, and not as durable as asked.
        StoreError: not answered in time. What was asked may or may not be stored.
    """
    if len(drafts) <= BATCH_MAX:
        return _enqueue_batch(keys, drafts, lanes, ring, within_s, durability)
    return _enqueue_batches(keys, drafts, lanes, ring, within_s, durability)


def _enqueue_batches(
    keys: QueueKeys,
    drafts: Sequence[Draft],
    lanes: Lanes,
    ring: KeyRing,
    within_s: float,
    durability: Durability | None,
) -> Protocol[list[Sent]]:
    sent: list[Sent] = []
    for start in range(0, len(drafts), BATCH_MAX):
        batch = drafts[start : start + BATCH_MAX]
        sent += yield from _enqueue_batch(keys, batch, lanes, ring, within_s, durability)
    return sent


def _enqueue_batch(
    keys: QueueKeys,
    drafts: Sequence[Draft],
    lanes: Lanes,
    ring: KeyRing,
    within_s: float,
    durability: Durability | None,
) -> Protocol[list[Sent]]:
    rules, uniq = _rules(keys, drafts)
    records = [pack(draft.message) for draft in drafts]
    if ring:
        records = [ring.seal(keys.prefix, record) for record in records]
    lane = lanes.take()
    lane.seq += 1
    call = ENQUEUE.call_on(
        (*_keys(keys, lane.name), *uniq),
        seq=lane.seq,
        lane_ttl_ms=LANE_TTL_MS,
        rules=msgspec.msgpack.encode(rules) if rules else b"",
        records=records,
    )
    reach("enqueue.ready")
    own = keys.lane(lane.name)
    answers: list[bytes] = yield from surely(call, own, LANE_TTL_MS, durability, within_s=within_s)
    reach("enqueue.sent")
    lanes.give(lane)
    return [
        _not_stored(draft, answer.decode()) if answer else Sent(draft.message.id)
        for draft, answer in zip(drafts, answers, strict=True)
    ]


@lru_cache(maxsize=256)
def _keys(keys: QueueKeys, lane: str) -> tuple[Arg, ...]:
    """The keys of every call of a lane, without those of the messages that have a key."""
    return ENQUEUE.keys_of(
        ready=keys.ready,
        due=keys.due,
        duerec=keys.duerec,
        bell=keys.bell,
        stats=keys.stats,
        lane=keys.lane(lane),
        unique=keys.unique,
        awaited=keys.awaited,
        uniq=(),
    )


def _rules(
    keys: QueueKeys, drafts: Sequence[Draft]
) -> tuple[dict[int, tuple[int, int, str, int, str, int]], list[str]]:
    """What `enqueue.lua` is told of the drafts that are more than a message, and the markers of keys."""
    uniq: list[str] = []
    rules: dict[int, tuple[int, int, str, int, str, int]] = {}
    for number, draft in enumerate(drafts, 1):
        name, keep_ms = unique_field(draft.message.header.unique), draft.result_ttl_ms
        if draft.key:
            uniq.append(uniq_key(keys, draft.key))
            fingerprint = _digest(draft.message.header.task.encode(), canonical(draft.message.body))
            rules[number] = (draft.delay_ms, len(uniq), fingerprint, draft.key_ttl_ms, name, keep_ms)
        elif draft.delay_ms or name or keep_ms:
            rules[number] = (draft.delay_ms, 0, "", 0, name, keep_ms)
    return rules, uniq


def _not_stored(draft: Draft, answer: str) -> Sent:
    if answer[0] == "~":
        return Sent(answer[1:], refused=True)
    if answer[0] == "!":
        raise IdempotencyConflict(
            f"key {draft.key!r} belongs to message {answer[1:]} with another task or other arguments: "
            "use another key, or send the same arguments"
        )
    return Sent(answer[1:], existing=True)
