"""What follows when a message is done: the next call of its chain, or one member less that a group waits for?

In its own queue it follows in the step that ends the message. For another queue, which may be in another
slot, that step leaves a note in the outbox. Any worker of the queue relays it, and may do so twice; it counts
once, because the next call of a chain has a key and the members of a group are a set.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from onebeat.errors import BadPayload
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys, queue_keys
from onebeat.queue.cycle import After
from onebeat.queue.enqueue import Draft, Lanes, enqueue
from onebeat.queue.payload import decode
from onebeat.queue.record import Chain, Link, Message, pack, unpack
from onebeat.queue.scripts import GATHER, TALLY
from onebeat.queue.signing import KeyRing
from onebeat.wire import Command, Protocol, insist

LOG = logging.getLogger("onebeat.worker")
GROUP_TTL_MS = 30 * 86_400_000  # a group that is open for longer is forgotten
RELAYED_MS = 30 * 86_400_000  # so long a note that is relayed again is recognised
_PAGE = 64


class Note(msgspec.Struct, frozen=True, array_like=True):
    """For `queue`: `record` is to be queued there, or `member` of `group` is done."""

    queue: str
    record: bytes = b""
    group: str = ""
    member: str = ""


_encode = msgspec.msgpack.Encoder().encode


def follows(message: Message) -> bool:
    """Whether anything does when it is done."""
    return message.header.chain is not None or message.header.group is not None


def passes(message: Message) -> bool:
    """Whether what it returns is an argument of what follows."""
    chain = message.header.chain
    return chain is not None and chain.passes


def after(
    message: Message, value: bytes, keys: QueueKeys, namespace: str, ring: KeyRing, now_ms: int
) -> After:
    """What `cycle` is told of a `message` of the queue `keys` that is done and returned `value`. Pure."""
    chain, group = message.header.chain, message.header.group
    if group is not None:
        if group.queue == keys.queue:
            return After(group=group.id)
        return After(note=_encode(Note(group.queue, group=group.id, member=message.id)))
    assert chain is not None
    link = chain.links[0]
    record = pack(_next(message, chain, link, value, now_ms))
    if link.queue == keys.queue:
        return After(ring.seal(keys.prefix, record), link.header.result_ttl_ms or 0)
    return After(note=_encode(Note(link.queue, ring.seal(queue_keys(namespace, link.queue).prefix, record))))


def call_id(chain_id: str, number: int) -> str:
    """The id of call `number` of a chain, or of a group."""
    return f"{chain_id}.{number}"


def _next(message: Message, chain: Chain, link: Link, value: bytes, now_ms: int) -> Message:
    rest = replace(chain, at=chain.at + 1, links=chain.links[1:]) if chain.links[1:] else None
    header = replace(link.header, chain=rest, headers=message.header.headers)
    body = b64decode(link.body)
    if chain.passes:
        args, kwargs = decode(body)
        body = _encode(([msgspec.Raw(value), *args], kwargs))
    return Message(
        id=call_id(chain.id, chain.at),
        header=header,
        body=body,
        flags=link.flags,
        priority=link.priority,
        enqueued_ms=now_ms,
    )


def gather(
    keys: QueueKeys, group: str, total: int, then: Message | None, ring: KeyRing, *, within_s: float
) -> Protocol[None]:
    """Begin a group of `total` members, to be counted in the queue `keys`; `then` follows there."""
    record = b"" if then is None else ring.seal(keys.prefix, pack(then))
    call = GATHER.call(
        members=keys.members(group),
        groups=keys.groups,
        name=group,
        total=total,
        keep_ms=(then.header.result_ttl_ms or 0) if then else 0,
        record=record,
        ttl_ms=GROUP_TTL_MS,
    )
    yield from insist(call, within_s=within_s)


def relay(keys: QueueKeys, namespace: str, lanes: Lanes, *, within_s: float) -> Protocol[int]:
    """Tell other queues what the outbox has for them; how many notes were there.

    Raises:
        StoreError: not answered in time; what is left in the outbox is relayed with the next call.
    """
    told = 0
    for id_, note in (yield from _outbox(keys, within_s)).items():
        target = queue_keys(namespace, note.queue)
        try:
            if note.record:
                draft = Draft(unpack(note.record), key=f"follows {id_}", key_ttl_ms=RELAYED_MS)
                yield from enqueue(target, [draft], lanes, within_s=within_s)
            else:
                yield from _tally(target, note, within_s)
        except BadPayload as problem:  # foreign bytes must not hold up the others
            LOG.error("queue %s: what follows %s cannot be read and is dropped: %s", keys.queue, id_, problem)
        reach("relay.told")
        yield from insist(Command(("HDEL", keys.outbox, id_)), within_s=within_s)
        told += 1
    return told


def _outbox(keys: QueueKeys, within_s: float) -> Protocol[Mapping[str, Note]]:
    page = Command(("HSCAN", keys.outbox, 0, "COUNT", _PAGE))
    _, entries = yield from insist(page, within_s=within_s)
    # some drivers make pairs of the answer, others hand it on as it came
    pairs: Any = (
        entries.items() if isinstance(entries, dict) else zip(entries[::2], entries[1::2], strict=True)
    )
    return {id_.decode(): _read(note) for id_, note in pairs}


def _read(note: bytes) -> Note:
    try:
        return msgspec.msgpack.decode(note, type=Note)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Note("default", record=b"\0")  # which is told as what it is: nothing that can be read


def _tally(target: QueueKeys, note: Note, within_s: float) -> Protocol[None]:
    call = TALLY.call(
        ready=target.ready,
        bell=target.bell,
        stats=target.stats,
        awaited=target.awaited,
        groups=target.groups,
        members=target.members(note.group),
        id=note.member,
    )
    yield from insist(call, within_s=within_s)
