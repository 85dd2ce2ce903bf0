"""Which few choices are enough to break the invariant again?

Delta debugging (A. Zeller and R. Hildebrandt, IEEE TSE 2002): leave out ever smaller parts, as long as an
invariant of the same name is broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.interleave.choices import Choice
from tests.interleave.history import Told, play
from tests.interleave.scenario import Scenario
from tests.interleave.world import World

WITHIN_S = 20.0


def shrink(world: World, kind: type[Scenario], told: Told, *, within_s: float = WITHIN_S) -> Told:
    """The shortest history found that breaks what `told` breaks, with its trace."""
    assert told.violation is not None
    name, until_s = told.violation.name, time.monotonic() + within_s

    def broken(choices: list[Choice]) -> bool:
        again = play(world, kind, told.seed, choices)
        return again.violation is not None and again.violation.name == name

    choices = least(list(told.choices), broken, lambda: time.monotonic() < until_s)
    return play(world, kind, told.seed, choices, keep_trace=True)


def least(
    choices: list[Choice], broken: Callable[[list[Choice]], bool], more: Callable[[], bool]
) -> list[Choice]:
    """`choices` without those parts that `broken` does not need; looks while there is `more` time."""
    parts = 2
    while choices and more():
        size = max(1, len(choices) // parts)
        for start in range(0, len(choices), size):
            rest = choices[:start] + choices[start + size :]
            if more() and broken(rest):
                choices, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(choices), parts * 2)
    return choices
