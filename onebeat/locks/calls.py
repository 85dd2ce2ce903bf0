"""Which script call asks for a lock of which kind, renews it, or gives it up? Pure.

A *lock* has one holder. A *share* has several: each says how many may be in with it (`room`), which
makes a semaphore (all say the limit) and a lock for readers and writers (a writer says: nobody else).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks.who import ALONE
from onebeat.wire import Call, load

ACQUIRE = load("locks", "acquire")
RELEASE = load("locks", "release")
RENEW = load("locks", "renew")
RING = load("locks", "ring")
SHARE = load("locks", "share")
PROLONG = load("locks", "prolong")

BELL_MS = 10_000

AnyKeys: TypeAlias = LockKeys | ShareKeys
Held: TypeAlias = tuple[AnyKeys, str, int]


class Attempt(NamedTuple):
    """One try to get one lock: `token` is random and never used for another try."""

    keys: AnyKeys
    token: str
    lease_ms: int
    who: str
    room: int = ALONE  # of a share: how many may be in with it, itself counted


def text_of(answer: bytes | str) -> str:
    """An answer as text; a client given by the user may decode by itself."""
    return answer.decode() if isinstance(answer, bytes) else answer


def ask(attempt: Attempt, stay_ms: int) -> Call:
    """Take it, or queue for it when `stay_ms` is more than 0."""
    keys = attempt.keys
    if isinstance(keys, ShareKeys):
        return _share(keys, attempt.token, "enter", attempt.lease_ms, stay_ms, attempt.room, attempt.who)
    return ACQUIRE.call(
        owner=keys.owner,
        state=keys.state,
        queue=keys.queue,
        waiters=keys.waiters,
        bell=keys.bell(attempt.token),
        token=attempt.token,
        ttl_ms=attempt.lease_ms,
        stay_ms=stay_ms,
        who=attempt.who,
    )


def give_up(keys: AnyKeys, token: str, how: str, keep_ms: int = 0, note: str = "") -> Call:
    """End the hold or the wait of `token`: `how` is `release`, `abandon` or `force`."""
    if isinstance(keys, ShareKeys):
        if how == "release":  # a share keeps no history
            how, note = "leave", ""
        return _share(keys, token, how, keep_ms, 0, ALONE, note)
    return RELEASE.call(
        owner=keys.owner,
        state=keys.state,
        queue=keys.queue,
        waiters=keys.waiters,
        bell=keys.bell(token),
        token=token,
        how=how,
        keep_ms=keep_ms,
        note=note,
    )


def _share(keys: ShareKeys, token: str, how: str, ttl_ms: int, stay_ms: int, room: int, who: str) -> Call:
    return SHARE.call(
        permits=keys.permits,
        holders=keys.holders,
        state=keys.state,
        queue=keys.queue,
        waiters=keys.waiters,
        bell=keys.bell(token),
        token=token,
        how=how,
        ttl_ms=ttl_ms,
        stay_ms=stay_ms,
        room=room,
        who=who,
    )


def wake(keys: AnyKeys, tokens: Sequence[Any]) -> Call | None:
    """Ring for those whom an answer names; None when it names nobody."""
    bells = [keys.bell(text_of(token)) for token in tokens if token]
    return RING.call(bells=bells, life_ms=BELL_MS) if bells else None


def renewals(held: Sequence[Held]) -> Iterator[tuple[list[int], Call]]:
    """One call for all locks and one for all shares, each with the places of what it renews in `held`."""
    locks = [(place, keys.owner) for place, (keys, _, _) in enumerate(held) if isinstance(keys, LockKeys)]
    shares = [(place, keys.permits) for place, (keys, _, _) in enumerate(held) if isinstance(keys, ShareKeys)]
    for script, slot, rows in ((RENEW, "owners", locks), (PROLONG, "permits", shares)):
        if rows:
            places = [place for place, _ in rows]
            holds = [held[place][1:] for place in places]
            yield places, script.call(**{slot: [key for _, key in rows], "holds": holds})
