"""What does a scenario tell the checker? Its processes, its model, and what must be so at the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar

from tests.interleave.choices import Choice
from tests.interleave.hub import Hub
from tests.interleave.process import Request, Violation


class Scenario:
    """The base of all; a new one for each history."""

    name: ClassVar[str] = ""
    # shorter ones cost half as much, most of it for the calm, and find a fraction of what these find
    steps: ClassVar[tuple[int, int]] = (50, 100)
    acts: ClassVar[dict[str, float]] = {}  # its own kinds of choice, with their weights beside 60 plain steps
    stress: ClassVar[dict[str, float]] = {}  # faults that come so many times as often
    without: ClassVar[Sequence[str]] = ()  # faults that would break a condition of the promise

    ends_exactly: ClassVar[bool] = False  # leases must end at the told millisecond: needs the preloaded clock

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        self.hub, self.rng = hub, rng
        self.reached: set[str] = set()

    @property
    def now_ms(self) -> int:
        return self.hub.world.time.ms

    def warm_up(self) -> None:
        """Before the first choice."""

    def act(self, choice: Choice) -> None:
        """Make a choice of its own."""

    def observe(self, request: Request, answer: Any) -> None:
        """The store has just answered `answer` (a StoreError when it refused) to `request`."""

    def check(self) -> None:
        """After each step.

        Raises:
            Violation: an invariant does not hold at this moment.
        """

    def remember(self) -> Any:
        """A copy of what the model knows of the store, for `lost`."""

    def lost(self, memory: Any) -> None:
        """The store is empty (None), or as it was at `remember`."""

    def calm(self) -> None:
        """Let everything that lives come to rest."""
        self.hub.calm(10_000_000)

    def check_end(self) -> None:
        """After the calm; raises as `check`."""

    def close(self) -> None:
        """Let go of what the processes hold in this interpreter."""


def expect(held: bool, name: str, what: str) -> None:
    """Return if it is so.

    Raises:
        Violation: of invariant `name`.
    """
    if not held:
        raise Violation(name, what)
