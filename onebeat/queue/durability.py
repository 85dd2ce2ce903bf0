"""When is a call that was queued safe, and from what?

- `default`: when the server has answered. Its `appendfsync` says what a power failure may cost.
- `fsync`: when it is on the master's disk (`WAITAOF`). With `appendfsync everysec` that takes up to a second.
- `replicated`, `replicated:2`: when so many replicas have it in memory (`WAIT`), so that one that is
  promoted does not lack it.

Waiting follows the call on the same connection, because the server waits for what *that* connection wrote.
A call that is repeated writes nothing when the first one was executed; so a write stands between the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import random
from typing import Any

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import ConfigError, NotConfirmed, Remedy, StoreError
from onebeat.wire import Call, Chain, Command, Protocol, insist

ENVIRON = "ONEBEAT_DURABILITY"
WAIT_S = 1.5  # one wait on the server; a longer one is a repeated call
_FORM = re.compile(r"default|fsync|replicated(?::([1-9]))?")


@dataclass(frozen=True, slots=True)
class Durability:
    """`copies`: how many replicas; 0 stands for the master's disk."""

    name: str
    copies: int = 0

    def wait(self, ms: int) -> Command:
        """What the server is asked behind a call."""
        words = ("WAIT", self.copies, ms) if self.copies else ("WAITAOF", 1, 0, ms)
        return Command(words, block_s=ms / 1000)

    def confirmed(self, answer: Any) -> int:
        """How many have it."""
        return int(answer if self.copies else answer[0])

    @property
    def wanted(self) -> int:
        """How many shall have it."""
        return self.copies or 1


def read_durability(text: str | None) -> Durability | None:
    """What `default`, `fsync`, `replicated` or `replicated:n` ask for; None: nothing more than an answer.

    Raises:
        ConfigError: it is something else.
    """
    if text is None or text == "default":
        return None
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ConfigError(f"durability {text!r} is none: write default, fsync, replicated or replicated:2")
    return Durability(text, 0 if text == "fsync" else int(found[1] or 1))


def check(durability: Durability, *, within_s: float) -> Protocol[None]:
    """Return if the server can confirm; asked before anything is queued.

    Raises:
        ConfigError: it cannot.
    """
    try:
        yield from insist(durability.wait(1), within_s=within_s)
    except StoreError as problem:
        if problem.remedy is not Remedy.FATAL:
            raise
        mend = "durability fsync needs Redis 7.2 or Valkey 7.2, or later, with 'appendonly yes'"
        if durability.copies:
            mend = "durability replicated needs the right to send WAIT to a master"
        raise ConfigError(f"{mend}; {problem}") from problem


def surely(
    call: Call,
    lane: str,
    lane_ttl_ms: int,
    durability: Durability | None,
    *,
    within_s: float,
    clock: Clock = SYSTEM,
    luck: Callable[[], float] = random,
) -> Protocol[Any]:
    """The answer to `call` once it is as durable as asked; both are repeated for `within_s` seconds.

    Raises:
        NotConfirmed: executed, and not confirmed in time. StoreError: not answered.
    """
    if durability is None:
        return insist(call, within_s=within_s, clock=clock, luck=luck)
    return _confirmed(call, lane, lane_ttl_ms, durability, within_s, clock, luck)


def _confirmed(
    call: Call,
    lane: str,
    lane_ttl_ms: int,
    durability: Durability,
    within_s: float,
    clock: Clock,
    luck: Callable[[], float],
) -> Protocol[Any]:
    until_s = clock.mono_s() + within_s
    touch = Command(("PEXPIRE", lane, lane_ttl_ms))
    while True:
        left_s = until_s - clock.mono_s()
        wait = durability.wait(max(1, round(min(left_s, WAIT_S) * 1000)))
        chain = Chain(call, (touch, wait))
        answer, _, answered = yield from insist(chain, within_s=max(0.0, left_s), clock=clock, luck=luck)
        have = durability.confirmed(answered)
        if have >= durability.wanted:
            return answer
        if clock.mono_s() >= until_s:
            raise NotConfirmed(_sentence(durability, have, within_s), remedy=Remedy.RETRY)


def _sentence(durability: Durability, have: int, within_s: float) -> str:
    what = f"{have} of {durability.copies} replicas have it" if durability.copies else "it is not on the disk"
    return (
        f"the call is queued and may be run, but it is not as safe as durability {durability.name!r} asks: "
        f"{what} after {within_s:g} s. Look at the replicas ('onebeat doctor'). Queuing it again with the "
        "same key= is safe: it is stored once"
    )
