"""How often may a task start, over all workers? Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict

from onebeat.durations import UNIT_MS, parse_ms
from onebeat.errors import ConfigError, InvalidDuration
from onebeat.locks.key import KeyRule
from onebeat.queue.record import RateHead
from onebeat.worker.rule import read_rule

PERIOD_MAX_MS = 366 * 86_400_000
EVERY_MIN_US = 100  # so at most 10 000 in a second
_EXAMPLE = '"10/s", "100/m", or {"key": "{tenant}", "limit": "100/m", "burst": 5}'
_TEXT = re.compile(r"(\d{1,9})/(\S+)", re.ASCII)


class Rate(TypedDict, total=False):
    """`limit` starts of one `key`, as `"100/m"`; the key is as that of `concurrency`.

    `burst`: how many may start at once; 1 when absent.
    """

    key: KeyRule
    limit: str
    burst: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What `@task(rate=…)` says; a message carries it in its header."""

    key: KeyRule
    every_us: int
    burst: int

    @classmethod
    def read(cls, said: str | Rate) -> Pace:
        """From what was written.

        Raises:
            ConfigError: it cannot be meant.
        """
        if isinstance(said, str):
            said = {"limit": said}
        rule = read_rule(said, ("key", "limit", "burst"), kind="rate", example=_EXAMPLE)
        count, period_ms = _limit(rule.get("limit"))
        burst = rule.get("burst", 1)
        if not isinstance(burst, int) or isinstance(burst, bool) or not 1 <= burst <= count:
            raise ConfigError(
                f"rate burst {burst!r} must be a whole number from 1 to {count}, the limit itself"
            )
        # rounded up: never one more than the limit
        return cls(rule.get("key"), -(-period_ms * 1000 // count), burst)

    def head(self, key: str) -> RateHead:
        """What the header of a call with this key says."""
        return RateHead(key, self.every_us, self.burst)


def _limit(said: object) -> tuple[int, int]:
    """How many in how many ms `10/s` and `1/10m` say."""
    found = _TEXT.fullmatch(said.replace(" ", "")) if isinstance(said, str) else None
    if not found or not int(found[1]):
        raise ConfigError(f"rate limit {said!r:.80} must be {_EXAMPLE}")
    count, period = int(found[1]), found[2]
    try:
        period_ms = parse_ms(f"1{period}" if period in UNIT_MS else period)
    except InvalidDuration as problem:
        raise ConfigError(f"rate limit {said!r:.80}: {problem}") from None
    if not 0 < period_ms <= PERIOD_MAX_MS:
        raise ConfigError(f"rate limit {said!r:.80}: a period lasts from 1ms to 366d")
    if period_ms * 1000 < EVERY_MIN_US * count:
        raise ConfigError(f"rate limit {said!r:.80} is more than 10 000 in a second: leave it out")
    return count, period_ms
