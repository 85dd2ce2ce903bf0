"""When is a failed attempt tried again? Pure.

Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS 2015).
"""

from __future__ import annotations

from onebeat.durations import parse_ms
from onebeat.queue.record import RetryPolicy


class Retry(Exception):
    """Raise it in a task to be tried again: `raise Retry(after=30)` or `Retry(after="5m", reason="…")`.

    `after`: seconds, or a duration with its unit; None takes the task's backoff.
    """

    def __init__(self, after: float | str | None = None, *, reason: str = "") -> None:
        super().__init__(reason or "the task asked to be tried again")
        if isinstance(after, str):
            after = parse_ms(after) / 1000
        if after is not None and after < 0:
            raise ValueError(f"Retry(after={after!r}): give seconds ≥ 0 or a duration such as '5m'")
        self.after_ms = None if after is None else round(after * 1000)


def delay_after(tried: int, policy: RetryPolicy, luck: float) -> int:
    """Milliseconds to wait after `tried` failed attempts (≥ 1); `luck` in [0, 1)."""
    if policy.backoff == "constant":
        return policy.delay_ms
    ceiling: int = min(policy.max_delay_ms, policy.delay_ms * 2 ** min(tried - 1, 32))
    return round(ceiling * luck)
