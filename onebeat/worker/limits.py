"""For how long may a run of a task take, and where does it run? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from onebeat.durations import parse_ms
from onebeat.errors import ConfigError

MARGIN_MS = 5_000  # from the soft limit to the hard one of a process that has but one run


class Pool(StrEnum):
    """Where a task that is no coroutine runs."""

    THREAD = "thread"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Limits:
    """`soft_ms` asks a run to end, `hard_ms` kills it; None is no limit."""

    soft_ms: int | None = None
    hard_ms: int | None = None
    pool: Pool = Pool.THREAD

    @classmethod
    def read(cls, timeout: str | None, hard_timeout: str | None, pool: str) -> Limits:
        """From durations with a unit.

        Raises:
            ConfigError: a limit or a pool that cannot be meant.
        """
        if pool not in list(Pool):
            raise ConfigError(f"pool {pool!r} must be 'thread' or 'process'")
        soft_ms = parse_ms(timeout) if timeout else None
        hard_ms = parse_ms(hard_timeout) if hard_timeout else None
        if hard_ms is not None and hard_ms <= (soft_ms or 0):
            raise ConfigError(
                f"hard_timeout {hard_timeout} must be longer than timeout, which the task may still obey"
            )
        return cls(soft_ms, hard_ms, Pool(pool))

    def check(self, name: str, *, is_async: bool) -> None:
        """Return if the task `name` may run where this says.

        Raises:
            ConfigError: it may not.
        """
        if is_async and self.pool is Pool.PROCESS:
            raise ConfigError(
                f"task {name}: pool='process' is for functions that compute; "
                "a coroutine runs on the event loop: write 'def', or leave out pool"
            )

    def killed_after_ms(self, timeout_ms: int | None) -> int | None:
        """After how long a run is killed; a `timeout_ms` of its schedule that is longer than the task's moves
        it by as much."""
        if self.hard_ms is None:
            return timeout_ms + MARGIN_MS if timeout_ms and self.pool is Pool.PROCESS else None
        return self.hard_ms + max(0, (timeout_ms or 0) - (self.soft_ms or 0))
