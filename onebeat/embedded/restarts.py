"""When is a dead child started again, and when does everything stop? Pure."""

from __future__ import annotations

from collections.abc import Sequence

DEATHS_MAX = 5
WITHIN_S = 60.0
FIRST_S = 0.25
LONGEST_S = 5.0


def delay_s(deaths_s: Sequence[float]) -> float | None:
    """Seconds to wait after these deaths (monotonic, oldest first, the last one just now).

    Doubles with each death in the last minute; None after five of them: what dies that often does
    not heal by being started again.
    """
    recent = sum(1 for death_s in deaths_s if deaths_s[-1] - death_s < WITHIN_S)
    if recent >= DEATHS_MAX:
        return None
    return min(LONGEST_S, FIRST_S * 2.0 ** (recent - 1))
