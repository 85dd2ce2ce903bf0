"""How is a lock believed that several servers hold?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onebeat.errors import LeaseLost
from onebeat.locks.lease import Lease
from onebeat.locks.quorum import Majority, majority_of


class QuorumLease:
    """Held while a majority of the servers holds it: the names of `Lease`."""

    def __init__(self, found: Majority, parts: Sequence[Lease], servers: int) -> None:
        self.name = found.attempt.keys.name
        self.attempt = found.attempt
        self.places = found.places
        self.fence = found.fence
        self.parts = tuple(parts)
        self._needed = majority_of(servers)

    def __repr__(self) -> str:
        held = sum(part.valid for part in self.parts)
        return f"<QuorumLease {self.name!r} fence {self.fence} at {held} servers, {self._needed} needed>"

    @property
    def remaining_s(self) -> float:
        """Seconds for which a majority surely holds it if no part is renewed; 0 when none does."""
        return sorted((part.remaining_s for part in self.parts), reverse=True)[self._needed - 1]

    @property
    def valid(self) -> bool:
        """Does a majority surely hold it at this moment?"""
        return self.remaining_s > 0

    def assert_held(self) -> None:
        """Return if it is surely held; LeaseLost or ForkedHandle as for `Lease`."""
        if self.valid:
            return
        for part in self.parts:
            if not part.valid:
                part.assert_held()

    def loss(self) -> LeaseLost:
        """The error that says why it is not held."""
        reasons = [str(part.loss()) for part in self.parts if not part.valid]
        return LeaseLost(
            f"lock {self.name!r} (fence {self.fence}) is not held by {self._needed} servers any more; "
            + ("; ".join(reasons) or "the servers say that it ended")
        )

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call `listener(reason)` once if fewer than a majority hold it before it is given back."""
        told: list[str] = []

        def one_less(reason: str) -> None:
            if len(self.parts) - sum(part.lost for part in self.parts) < self._needed and not told:
                told.append(reason)
                listener(reason)

        for part in self.parts:
            part.on_lost(one_less)
