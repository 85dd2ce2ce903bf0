"""How does a person run dead letters again, or throw them away?

Both read letters in pages and send what they mean, each with the time of the death that they read: a
letter that somebody else has taken meanwhile, or that died again, is left alone. A call that is sent
again is answered again, so a lost reply queues nothing twice and miscounts nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from onebeat.errors import BadPayload
from onebeat.events import Event
from onebeat.keys import QueueKeys
from onebeat.queue.enqueue import LANE_TTL_MS, uniq_key, unique_field
from onebeat.queue.operators import PAGE, By, Tally
from onebeat.queue.pages import as_ms
from onebeat.queue.record import RECORDED, Message, event_line, pack, unpack
from onebeat.queue.scripts import DISCARD, LOG_MAX, REDRIVE
from onebeat.wire import Command, Protocol, insist
from onebeat.wire.store_time import store_now_ms

_Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Which:
    """Which dead letters: these `ids`, else those of `task` that died of `died_of`; '' means any."""

    ids: tuple[str, ...] = ()
    task: str = ""
    died_of: str = ""


@dataclass(frozen=True, slots=True)
class _Letter:
    id: str
    died_ms: int
    record: bytes
    message: Message | None


def redrive(
    keys: QueueKeys, which: Which, by: By, *, within_s: float, told: _Told = lambda _count: None
) -> Protocol[Tally]:
    """Queue dead letters again under their ids, as if they were new: no attempt counts, nothing expires.

    One that is queued once for its singleton (`scope="queued"`) stays dead while another one is. Only what
    is dead when it begins: what dies again stays. `told` hears how many were done since the last time.
    """
    tally = Tally()
    pages = _Pages(keys, which, (yield from store_now_ms(within_s)))
    while (letters := (yield from pages.next(within_s))) is not None:
        tally.unreadable += sum(one.message is None for one in letters)
        able = [one for one in letters if one.message is not None]
        if not able:
            continue
        at_ms = yield from store_now_ms(within_s)
        call = REDRIVE.call(
            ready=keys.ready,
            dead=keys.dead,
            deadrec=keys.deadrec,
            deadwhy=keys.deadwhy,
            live=keys.live,
            cancel=keys.cancel,
            bell=keys.bell,
            stats=keys.stats,
            log=keys.log,
            unique=keys.unique,
            lane=keys.lane(secrets.token_urlsafe(9)),
            lane_ttl_ms=LANE_TTL_MS,
            log_max=LOG_MAX,
            letters=[_row(one, at_ms, by) for one in able],
        )
        _note(tally, able, (yield from insist(call, within_s=within_s)), told)
    return tally


def discard(
    keys: QueueKeys, which: Which, by: By, *, within_s: float, told: _Told = lambda _count: None
) -> Protocol[Tally]:
    """Throw dead letters away, those that nothing can read too; the history keeps that they died."""
    tally = Tally()
    pages = _Pages(keys, which, (yield from store_now_ms(within_s)))
    while (letters := (yield from pages.next(within_s))) is not None:
        uniq: list[str] = []
        rows = []
        for one in letters:
            key = one.message.header.key if one.message else ""
            if key:
                uniq.append(uniq_key(keys, key))
            rows.append((one.id, one.died_ms, _line(Event.DISCARDED, one, by), len(uniq) if key else 0))
        if not rows:
            continue
        call = DISCARD.call(
            dead=keys.dead,
            deadrec=keys.deadrec,
            deadwhy=keys.deadwhy,
            stats=keys.stats,
            log=keys.log,
            awaited=keys.awaited,
            lane=keys.lane(secrets.token_urlsafe(9)),
            uniq=uniq,
            lane_ttl_ms=LANE_TTL_MS,
            log_max=LOG_MAX,
            letters=rows,
        )
        _note(tally, letters, (yield from insist(call, within_s=within_s)), told)
    return tally


def _note(tally: Tally, letters: Sequence[_Letter], answers: Sequence[int], told: _Told) -> None:
    done = [one.id for one, answer in zip(letters, answers, strict=True) if answer == 1]
    tally.add(done)
    tally.refused += sum(answer == 2 for answer in answers)
    told(len(done))


def _row(letter: _Letter, at_ms: int, by: By) -> tuple[str, int, bytes, bytes, str]:
    """The row of `redrive.lua`'s ARGV."""
    unique = letter.message.header.unique if letter.message else ""
    line = _line(Event.REDRIVEN, letter, by)
    return letter.id, letter.died_ms, _as_new(letter, at_ms), line, unique_field(unique)


def _as_new(letter: _Letter, at_ms: int) -> bytes:
    """Its record with nothing of its past: deaths, attempts, age and expiry are those of a new call."""
    message = letter.message
    assert message is not None
    if message.seal:  # a seal covers the header and the time: only the counts begin again
        return pack(replace(message, flags=message.flags | RECORDED, deliveries=0, attempt=0))
    fresh = replace(
        message,
        header=replace(message.header, expires_at_ms=None),
        stored=b"" if message.header.expires_at_ms is not None else message.stored,
        flags=message.flags | RECORDED,
        deliveries=0,
        attempt=0,
        enqueued_ms=at_ms,
    )
    return pack(fresh)


def _line(event: Event, letter: _Letter, by: By) -> bytes:
    header = letter.message.header if letter.message else None
    return event_line(
        event,
        letter.id,
        schedule=header.schedule or None if header else None,
        task=header.task if header else None,
        nominal_ms=header.nominal_ms if header else None,
        **by.fields(),
    )


class _Pages:
    """The letters that are wanted, a page at a time, the first to die first; what stays is passed over."""

    def __init__(self, keys: QueueKeys, which: Which, until_ms: int) -> None:
        self._keys, self._which, self._until_ms = keys, which, until_ms
        self._after: tuple[int, str] = (-1, "")
        self._named: Iterator[str] | None = iter(dict.fromkeys(which.ids)) if which.ids else None

    def next(self, within_s: float) -> Protocol[list[_Letter] | None]:
        """The next page, perhaps empty; None when there are no more."""
        ids = (yield from self._ids(within_s)) if self._named is None else self._some(self._named)
        if not ids:
            return None
        times = yield from insist(Command(("ZMSCORE", self._keys.dead, *ids)), within_s=within_s)
        records = yield from insist(Command(("HMGET", self._keys.deadrec, *ids)), within_s=within_s)
        whys = yield from insist(Command(("HMGET", self._keys.deadwhy, *ids)), within_s=within_s)
        found = []
        for id_, at, record, why in zip(ids, map(as_ms, times), records, whys, strict=True):
            if at is None or at > self._until_ms:
                continue
            letter = _Letter(id_, at, record or b"", _read(record or b""))
            if self._wanted(letter, why or b""):
                found.append(letter)
        return found

    def _ids(self, within_s: float) -> Protocol[list[str]]:
        """Ids after the last page's, in the order of deaths; an offset would miss some when others go."""
        after_ms, after_id = self._after
        start, ids, skip = max(after_ms, 0), list[str](), 0
        while not ids:
            look = Command(
                ("ZRANGEBYSCORE", self._keys.dead, start, self._until_ms, "WITHSCORES", "LIMIT", skip, PAGE)
            )
            page = _pairs((yield from insist(look, within_s=within_s)))
            if not page:
                return []
            fresh = [one for one in page if one > (after_ms, after_id)]
            ids, skip = [id_ for _, id_ in fresh], skip + len(page)
            self._after = max([self._after, *fresh])
        return ids

    @staticmethod
    def _some(ids: Iterator[str]) -> list[str]:
        return [id_ for _, id_ in zip(range(PAGE), ids, strict=False)]

    def _wanted(self, letter: _Letter, why: bytes) -> bool:
        which = self._which
        if which.task and (letter.message is None or letter.message.header.task != which.task):
            return False
        return not which.died_of or _reason(why) == which.died_of


def _pairs(answer: Sequence[Any]) -> list[tuple[int, str]]:
    """(died ms, id) whether or not the driver has made pairs of the answer."""
    flat = list(answer)
    pairs = flat if flat and isinstance(flat[0], (list, tuple)) else zip(flat[::2], flat[1::2], strict=True)
    return [(int(float(score)), member.decode(errors="replace")) for member, score in pairs]


def _read(record: bytes) -> Message | None:
    try:
        return unpack(record)
    except BadPayload:
        return None


def _reason(why: bytes) -> str:
    try:
        known = msgspec.json.decode(why)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return str(known.get("reason") or "") if isinstance(known, dict) else ""
