"""How does `onebeat up` run on a store that somebody else runs? It waits for it and leaves it alone."""

from __future__ import annotations

from onebeat.clock import SYSTEM, Clock
from onebeat.embedded.part import End
from onebeat.errors import StoreError
from onebeat.wire import Command, Store
from onebeat.wire.urls import without_secret

WAIT_S = 10.0
_PING_S = 0.25  # one look, so that the supervisor's loop goes on


class GivenStore:
    """The store at `url`, as a part of `up` that is neither started nor stopped."""

    name = "store"

    def __init__(self, url: str, *, clock: Clock = SYSTEM) -> None:
        self.url = url
        self._clock = clock
        self._store = Store.open(url, deadline_s=_PING_S)
        self._until_s = 0.0
        self._answered = False
        self._problem: StoreError | None = None
        self._left = False

    def launch(self) -> None:
        """Begin to wait for it."""
        self._until_s = self._clock.mono_s() + WAIT_S
        self._answered = False

    def readiness(self) -> str | None:
        """Where it is, once it answers."""
        try:
            self._store.perform(Command(("PING",)))
        except StoreError as problem:
            self._problem = problem
            return None
        self._answered = True
        return without_secret(self.url)

    def ended(self) -> End | None:
        """Left alone on request, or never reached; an outage later is the children's to sit out."""
        if self._left:
            return End("is left running")
        if not self._answered and self._clock.mono_s() > self._until_s:
            return End(f"did not answer within {WAIT_S:g} s: {self._problem}", hopeless=True)
        return None

    def ask_to_stop(self) -> None:
        """Leave it alone."""
        self._left = True
        self._store.close()

    def cut(self) -> None:
        """As `ask_to_stop`."""
        self.ask_to_stop()
