"""How does a person end what is queued and has not begun?

What is in a list is taken from its front, where it was seen: what a worker claims meanwhile is left alone.
Each message ends as cancelled, with an event, as if a worker had ended it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec

from onebeat.errors import BadPayload
from onebeat.keys import QueueKeys
from onebeat.queue.enqueue import LANE_TTL_MS, uniq_key
from onebeat.queue.operators import PAGE, By, Tally
from onebeat.queue.record import id_of, unpack
from onebeat.queue.scripts import LOG_MAX, PURGE
from onebeat.wire import Command, Protocol, insist

_MISSES_MAX = 100  # looks in a row at a front that others change at the same time
_Row = tuple[str, int, bytes]  # id, number of its ready list or 0, record


def purge(
    keys: QueueKeys,
    by: By,
    *,
    ready: bool = True,
    delayed: bool = False,
    within_s: float,
    told: Callable[[int], None] = lambda _count: None,
) -> Protocol[Tally]:
    """End as many messages as are there when it begins: `ready` ones, and those that are `delayed`.

    Delayed are also those that wait for the run before them; else they begin when that is purged.
    """
    tally = Tally()
    if delayed:  # what waits goes first: else the end of the one before would start it
        for ids, records in ((keys.waiting, keys.waitrec), (keys.due, keys.duerec)):
            yield from _purge_aside(keys, ids, records, by, tally, within_s, told)
    if ready:
        for number, key in enumerate(keys.ready, 1):
            yield from _purge_list(keys, number, key, by, tally, within_s, told)
    return tally


def _purge_list(
    keys: QueueKeys,
    number: int,
    key: str,
    by: By,
    tally: Tally,
    within_s: float,
    told: Callable[[int], None],
) -> Protocol[None]:
    left = int((yield from insist(Command(("LLEN", key)), within_s=within_s)))
    misses = 0
    while left > 0 and misses < _MISSES_MAX:
        look = Command(("LRANGE", key, 0, min(left, PAGE) - 1))
        records = yield from insist(look, within_s=within_s)
        if not records:
            return
        rows = [(id_of(record), number, record) for record in records]
        done = yield from _end(keys, rows, by, tally, within_s)
        told(done)
        left -= done
        misses = 0 if done else misses + 1


def _purge_aside(
    keys: QueueKeys,
    ids: str,
    records: str,
    by: By,
    tally: Tally,
    within_s: float,
    told: Callable[[int], None],
) -> Protocol[None]:
    left = int((yield from insist(Command(("ZCARD", ids)), within_s=within_s)))
    passed = 0  # what went meanwhile, or has no record
    while left > 0:
        look = Command(("ZRANGE", ids, passed, passed + min(left, PAGE) - 1))
        page = [id_.decode(errors="replace") for id_ in (yield from insist(look, within_s=within_s))]
        if not page:
            return
        found = yield from insist(Command(("HMGET", records, *page)), within_s=within_s)
        rows = [(id_, 0, record or b"") for id_, record in zip(page, found, strict=True)]
        done = yield from _end(keys, rows, by, tally, within_s)
        told(done)
        left -= len(page)
        passed += len(page) - done


def _end(keys: QueueKeys, rows: Sequence[_Row], by: By, tally: Tally, within_s: float) -> Protocol[int]:
    """End these; how many were there."""
    uniq: list[str] = []
    messages = []
    for id_, number, record in rows:
        key = _key(record)
        if key:
            uniq.append(uniq_key(keys, key))
        messages.append((id_, number, len(uniq) if key else 0))
    call = PURGE.call(
        ready=keys.ready,
        due=keys.due,
        duerec=keys.duerec,
        live=keys.live,
        waiting=keys.waiting,
        waitrec=keys.waitrec,
        cancel=keys.cancel,
        cutoff=keys.cutoff,
        bell=keys.bell,
        stats=keys.stats,
        log=keys.log,
        unique=keys.unique,
        slots=keys.slots,
        parked=keys.parked,
        parkedof=keys.parkedof,
        awaited=keys.awaited,
        results=keys.results,
        kept=keys.kept,
        lane=keys.lane(secrets.token_urlsafe(9)),
        uniq=uniq,
        lane_ttl_ms=LANE_TTL_MS,
        log_max=LOG_MAX,
        fields=_fields(by),
        messages=messages,
    )
    answers = yield from insist(call, within_s=within_s)
    done = [id_ for (id_, _, _), answer in zip(messages, answers, strict=True) if answer]
    tally.add(done)
    return len(done)


def _fields(by: By) -> bytes:
    """The members of the event that all of them have."""
    said = by.fields()
    why = "purged" + (f" by {said['by']}" if said["by"] else "")
    why += f": {said['reason']}" if said["reason"] else ""
    members = {"reason": why, "by": said["by"]} if said["by"] else {"reason": why}
    return msgspec.json.encode(members)[1:-1]


def _key(record: bytes) -> str:
    """The idempotency key of its call; empty when it has none or cannot be read."""
    try:
        return unpack(record).header.key
    except BadPayload:
        return ""
