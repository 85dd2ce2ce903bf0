"""Which calls acquire, wait for, renew and give up a lock?

A script cannot wake a waiter whose mailbox it was not told of (every key is declared), so it answers
whom it granted the lock to, and the protocol rings that bell. A bell saves time and decides nothing: a
waiter whose bell stays silent asks again by itself, every `BEAT_S`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple

from onebeat.clock import Clock
from onebeat.errors import Remedy, StoreError
from onebeat.failpoints import reach
from onebeat.locks.calls import AnyKeys, Attempt, Held, ask, give_up, renewals, text_of, wake
from onebeat.locks.validity import believed_until_s
from onebeat.wire import Command, Pause, Protocol, insist_timed

INSIST_S = 5.0  # an unanswered call is repeated for this long
ABANDON_S = 1.0  # and this one for less: its caller is leaving, and what it leaves behind lapses
BEAT_S = 2.0  # a waiter asks again at least this often; far below any client's read timeout
STAY_MS = 8_000  # a waiter that did not ask for this long loses its place
TOO_LATE_MAX = 3  # answers that came too late to be believed, one after the other


class Released(StrEnum):
    """What a release found."""

    DONE = "done"
    ALREADY = "already"  # this token gave it back before: a repeated release is no mistake
    NOT_YOURS = "not-yours"  # the lease had ended, or an operator took the lock
    NESTED = "nested"  # a block around this one holds it still


_FOUND = {said: found for found in Released for said in (found.value, found.value.encode())}


class Grant(NamedTuple):
    """The lock is held: its fence, when that was asked for, and until when to believe it (monotonic)."""

    fence: int
    sent_s: float
    until_s: float
    waited_s: float = 0.0


def acquire(attempt: Attempt, wait_s: float | None, clock: Clock) -> Protocol[Grant | None]:
    """Get the lock within `wait_s` seconds (None: without limit); None when another holds it.

    Whatever ends this protocol other than its own return, `abandon` must follow.

    Raises:
        StoreError: the store did not answer for `INSIST_S`, or refused.
    """
    began_s = clock.mono_s()
    until_s = None if wait_s is None else began_s + wait_s
    too_late, now_s = 0, began_s
    reach("lock.ready")
    while too_late < TOO_LATE_MAX:
        left_s = BEAT_S if until_s is None else until_s - now_s
        call = ask(attempt, STAY_MS if left_s > 0 else 0)
        (verdict, number, *others), sent_s, answered_s = yield from insist_timed(
            call, within_s=INSIST_S, clock=clock
        )
        if others:
            yield from _wake(attempt.keys, others)
        said = text_of(verdict)
        if said == "held":
            reach("lock.granted")
            believed_s = believed_until_s(sent_s, answered_s, attempt.lease_ms / 1000)
            if believed_s > answered_s:
                return Grant(int(number), sent_s, believed_s, sent_s - began_s)
            too_late += 1
        elif said == "queued":
            yield from _listen(attempt, min(left_s, _look_again_s(int(number))))
        else:
            break
        now_s = clock.mono_s()
    if wait_s != 0 or too_late:
        yield from abandon(attempt.keys, attempt.token)
    return None


def _look_again_s(watch_ms: int) -> float:
    """All look when the lease or a call could end, and on their beat at the latest; the front more often."""
    return BEAT_S if watch_ms < 0 else min(BEAT_S, (watch_ms + 1) / 1000)


def _listen(attempt: Attempt, for_s: float) -> Protocol[None]:
    """Return when the bell rings, and after `for_s` seconds at the latest."""
    seconds = max(0.001, for_s)
    try:
        yield Command(("BLPOP", attempt.keys.bell(attempt.token), f"{seconds:.3f}"), block_s=seconds)
    except StoreError as problem:
        if problem.remedy is Remedy.FATAL:
            raise
        yield Pause(min(seconds, 0.25))


def release(keys: AnyKeys, token: str, keep_ms: int = 0, note: str = "") -> Protocol[Released]:
    """Give the lock back and wake the next waiter; with `keep_ms` it stays shut for so long.

    `note` is JSON about the hold, for those who look at the lock's history.

    Raises:
        StoreError: the store did not answer for `INSIST_S`, or refused; the lease ends by itself.
    """
    return _give_up(keys, token, "release", keep_ms, note)


def abandon(keys: AnyKeys, token: str) -> Protocol[Released]:
    """End an attempt for good: leave the queue, and pass the lock on if it was granted meanwhile."""
    return _give_up(keys, token, "abandon")


def force(keys: AnyKeys, token: str, note: str) -> Protocol[Released]:
    """Take the lock from `token`, on an operator's word; `note` stays for the audit."""
    return _give_up(keys, token, "force", note=note)


def _give_up(keys: AnyKeys, token: str, how: str, keep_ms: int = 0, note: str = "") -> Protocol[Released]:
    if how == "release":
        reach("lock.releasing")
    within_s = ABANDON_S if how == "abandon" else INSIST_S
    (verdict, *others), _, _ = yield from insist_timed(
        give_up(keys, token, how, keep_ms, note), within_s=within_s
    )
    if any(others):
        yield from _wake(keys, others)
    if how == "release":
        reach("lock.released")
    return _FOUND[verdict]


def _wake(keys: AnyKeys, tokens: Sequence[Any]) -> Protocol[None]:
    call = wake(keys, tokens)
    if call is not None:
        with suppress(StoreError):  # they ask by themselves before long
            yield call


def renew(held: Sequence[Held]) -> Protocol[list[bool | None]]:
    """Restart the leases of (keys, token, lease ms) in as few calls as can be; which are still held.

    None for a lock whose own keys the store refuses to read. When a call is refused as a whole (a
    cluster takes no keys of different slots, a foreign program overwrote a key) each lock has its own.

    Raises:
        StoreError: no answer; it may be repeated.
    """
    mine: list[bool | None] = [None] * len(held)
    for places, call in renewals(held):
        try:
            answers = yield call
        except StoreError as problem:
            if problem.remedy is not Remedy.FATAL:
                raise
            for place in places if len(places) > 1 else ():
                (mine[place],) = yield from renew([held[place]])
        else:
            for place, answer in zip(places, answers, strict=True):
                mine[place] = answer == 1
    return mine
