"""How many messages may a worker hold? Pure.

There is no prefetch setting: a worker holds what it can start. Where a task takes longer than 50 ms,
that is one message per free slot; where it is shorter, enough to keep every slot busy for 50 ms, so
that a round trip is shared by many messages. What has not begun when those 50 ms are over, because
every slot is held up by a long run, goes back to the front for whoever is free first.
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


def put_off_in_ms(unstarted: int, still_ms: float) -> float | None:
    """In how many ms what has not begun goes back, 0 for now; nothing has ended for `still_ms`.

    None: nothing waits here. That nobody else may be hungry is not asked: the answer would cost a call,
    and giving back costs one.
    """
    return max(0.0, AHEAD_MS - still_ms) if unstarted else None
