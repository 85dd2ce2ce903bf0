"""What has happened to a lock lately, for people?

The scripts keep the last holds in the lock's state, a field of JSON for each, written when it is released,
forced, or found to have lapsed: `[event, fence, since, who, note, until]`, times in microseconds. Who
releases it says in its note for how long it was held; then there is no `until`. Nothing is sent for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from onebeat.keys import LockKeys
from onebeat.locks import view
from onebeat.locks.calls import text_of
from onebeat.locks.protocol import INSIST_S
from onebeat.locks.view import Holder
from onebeat.locks.who import who_was
from onebeat.wire import Command, Protocol, insist

HOLDS = 12  # that are kept: `SLOTS` of the scripts, which write over the oldest
_PAST = tuple(f"past-{chr(ord('A') + slot)}" for slot in range(HOLDS))


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold that is over: `ended` is release, force or lapsed. Milliseconds of the store's clock.

    `waited_ms` and `renewals` are what its holder told, None when it could not.
    """

    ended: str
    host: str
    pid: int
    task: str
    fence: int
    since_ms: int
    until_ms: int
    waited_ms: int | None
    renewals: int | None
    reason: str  # of an operator who forced it


@dataclass(frozen=True, slots=True)
class Story:
    """A lock's holder, if any, the last fence handed out, and the last holds, the newest first."""

    holder: Holder | None
    fence: int
    past: tuple[Hold, ...]


def story(keys: LockKeys) -> Protocol[Story | None]:
    """What is known of the lock; None when nobody used it in the last thirty days.

    Raises:
        StoreError: no answer, or refused.
    """
    holder = yield from view.peek(keys)
    words = ("HMGET", keys.state, "fence", "holder", "over", *_PAST)
    answer = yield from insist(Command(words), within_s=INSIST_S)
    fence, last, over, *past = (text_of(each or "") for each in answer)
    if holder is None and not fence:
        return None
    holds = sorted(_holds(past), key=lambda hold: hold.fence, reverse=True)  # which grew with each
    if holder is None and last and not over.startswith(fence, 1):  # nobody came since its lease ended
        holds[:0] = _holds([f'["lapsed",{fence},{last},{{}},0]'])
    return Story(holder, int(fence or 0), tuple(holds))


def _holds(past: Iterable[str]) -> Iterator[Hold]:
    for line in past:
        with suppress(ValueError, KeyError, TypeError):  # written by another version
            event, fence, since_us, who, note, *until_us = json.loads(line)
            since_ms, known = since_us // 1000, who_was(json.dumps(who))
            until_ms = until_us[0] // 1000 if until_us else since_ms + note["held_ms"]
            told = note.get("waited_ms"), note.get("renewals"), str(note.get("reason", ""))
            yield Hold(event, known.host, known.pid, known.task, fence, since_ms, until_ms, *told)
