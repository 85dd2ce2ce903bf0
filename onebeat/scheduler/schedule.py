"""What does a declared schedule say? Pure.

Times are integers in milliseconds since the epoch, UTC (`…_ms`); a trigger speaks aware datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Trigger(Protocol):
    """When does it fire? Both answers are aware datetimes in the trigger's zone; both are pure."""

    def next(self, after: datetime) -> datetime | None:
        """The first fire strictly after `after`; None when there is none."""

    def prev(self, before: datetime) -> datetime | None:
        """The last fire strictly before `before`; None when there is none."""


class Overlap(StrEnum):
    """What happens to a fire when the previous run of its schedule is not over."""

    SKIP = "skip"
    QUEUE_ONE = "queue-one"  # one waits until the run before it is over, more are skipped
    QUEUE_ALL = "queue-all"  # each waits for its turn
    CANCEL_RUNNING = "cancel-running"  # the run before it is cancelled, it starts when that is over
    ALLOW = "allow"


class CatchUpPolicy(StrEnum):
    """Which of the times missed while no beat ran are still run."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """`window_ms`: how old a missed time may be; `max`: how many are run at the most (`all`)."""

    policy: CatchUpPolicy = CatchUpPolicy.LATEST
    window_ms: int = 3_600_000
    max: int = 100


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How a failed attempt is tried again. `max` counts the tries after the first."""

    max: int = 0
    backoff: str = "exponential"  # or "constant"
    delay_ms: int = 10_000
    max_delay_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class SingletonRule:
    """The lock that a run holds. `key` may name arguments: `report:{currency}`."""

    key: str | None = None
    on_conflict: str = "skip"  # skip | wait | fail | park | replace
    lease_ms: int = 10_000
    wait_ms: int = 0
    scope: str = "run"  # or "queued"
    keep: str = "all"  # or "last", of those that are parked


_NO_KWARGS: Mapping[str, Any] = {}  # one for all: there may be a million schedules


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry of `schedules:`; `id` is its stable name.

    `limit`: how many fires there are in all; `pause_after`: how many failures in a row pause it.
    """

    id: str
    task: str
    trigger: Trigger
    queue: str = "default"
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: _NO_KWARGS)
    priority: int = 0
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp()
    expires_ms: int | None = None
    limit: int | None = None
    pause_after: int | None = None
    timeout_ms: int | None = None
    hard_timeout_ms: int | None = None
    retries: RetryRule | None = None
    singleton: SingletonRule | None = None
    jitter_ms: int = 0  # each fire is due up to this much after its nominal time (`jitter.py`)
    enabled: bool = True
    owner: str = ""
    tags: tuple[str, ...] = ()
    formerly: str = ""  # the id that it had, whose state it takes over
    timezone: str = "UTC"
    trigger_text: str = ""  # as written, for people: `cron "30 2 * * *"`
    fingerprint: str = ""  # hash of everything above that changes what happens
