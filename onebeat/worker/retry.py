"""When is a failed attempt tried again? Pure.

Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS 2015).
"""

from __future__ import annotations

from onebeat.durations import parse_ms
from onebeat.errors import ConfigError
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


def policy_of(retries: int, backoff: str, delay: str, max_delay: str) -> RetryPolicy:
    """The policy that a task says.

    Raises:
        ConfigError: it cannot be meant.
    """
    if backoff not in ("exponential", "constant"):
        raise ConfigError(f"backoff {backoff!r} must be 'exponential' or 'constant'")
    if isinstance(retries, bool) or not 0 <= retries <= 100:
        raise ConfigError(f"retries {retries!r} must be 0 to 100")
    return RetryPolicy(retries, backoff, parse_ms(delay), parse_ms(max_delay))
