"""How often is an unanswered call sent again, and after which waits?

Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS 2015). Safe
because every script of ours is idempotent: executing it twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Any

from onebeat.clock import SYSTEM, Clock
from onebeat.errors import Remedy, StoreError
from onebeat.wire.steps import Effect, Pause, Protocol

FIRST_S = 0.02
MAX_S = 1.0


def backoff_s(tried: int, luck: float) -> float:
    """Seconds to wait after `tried` failures (≥ 1); `luck` in [0, 1) comes from the caller."""
    return luck * min(MAX_S, FIRST_S * 2.0 ** min(tried - 1, 10))


def _unheard(_problem: StoreError) -> None:
    """Most callers need not know."""


def insist(
    effect: Effect,
    *,
    within_s: float,
    clock: Clock = SYSTEM,
    luck: Callable[[], float] = random,
    failed: Callable[[StoreError], None] = _unheard,
) -> Protocol[Any]:
    """Send `effect` again until it is answered, for at most `within_s` seconds.

    `failed` is told of each time that was not answered: that one may still be on its way.

    Raises:
        StoreError: a fatal one at once, the last transient one when the time is over.
    """
    answer, _, _ = yield from insist_timed(effect, within_s=within_s, clock=clock, luck=luck, failed=failed)
    return answer


def insist_timed(
    effect: Effect,
    *,
    within_s: float,
    clock: Clock = SYSTEM,
    luck: Callable[[], float] = random,
    failed: Callable[[StoreError], None] = _unheard,
) -> Protocol[tuple[Any, float, float]]:
    """As `insist`, with the monotonic seconds before and after the one request that was answered."""
    until_s, tried = 0.0, 0
    while True:
        sent_s = clock.mono_s()
        until_s = until_s or sent_s + within_s
        try:
            answer = yield effect
        except StoreError as problem:
            tried += 1
            failed(problem)
            wait_s = backoff_s(tried, luck())
            if problem.remedy is Remedy.FATAL or clock.mono_s() + wait_s >= until_s:
                raise
            yield Pause(wait_s)
        else:
            return answer, sent_s, clock.mono_s()
