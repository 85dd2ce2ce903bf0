"""How many messages may a worker hold? Pure.

There is no prefetch setting: a worker holds what it can start. Where a task takes longer than 50 ms,
that is one message per free slot; where it is shorter, enough to keep every slot busy for 50 ms, so
that a round trip is shared by many messages.
"""

from __future__ import annotations

HOLD_MAX = 256
AHEAD_MS = 50.0
_WEIGHT = 0.1  # of the newest duration in the moving average


def average_ms(average: float | None, newest_ms: float) -> float:
    """The exponentially weighted moving average of run times."""
    return newest_ms if average is None else average + _WEIGHT * (newest_ms - average)


def wanted(slots: int, held: int, run_ms: float | None) -> int:
    """How many more to claim: `slots` in all, `held` now, an average run of `run_ms` (None: unknown)."""
    ahead = slots if run_ms is None or run_ms >= AHEAD_MS else int(slots * AHEAD_MS / max(run_ms, 0.05))
    return max(0, min(max(ahead, slots), HOLD_MAX) - held)
