"""What does a holder know of its hold?"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from onebeat.clock import Clock
from onebeat.errors import ForkedHandle, LeaseLost
from onebeat.locks.calls import AnyKeys
from onebeat.locks.protocol import Grant

_LOG = logging.getLogger("onebeat.locks")


class Lease:
    """A held lock. `valid` turns false *before* the server lets another in.

    `fence` grows with every holder of this lock, for as long as the lock is used: give it to the
    resource, which refuses a lower one than it has seen.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_doubt",
        "_end_reason",
        "_guard",
        "_listeners",
        "_lost",
        "_pid",
        "_renewals",
        "_waited_s",
        "fence",
        "keys",
        "lease_s",
        "name",
        "since_s",
        "token",
        "until_s",
    )

    def __init__(self, keys: AnyKeys, token: str, grant: Grant, lease_s: float, clock: Clock) -> None:
        self.name = keys.name
        self.keys = keys
        self.token = token
        self.fence = grant.fence
        self.lease_s = lease_s
        self.since_s = grant.sent_s
        self._waited_s = grant.waited_s
        self._renewals = 0
        self.until_s = grant.until_s  # the monotonic second at which it ends if it is not renewed
        self._clock = clock
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._end_reason: str | None = None
        self._lost = False
        self._doubt = ""  # why it is not believed until its next renewal is confirmed
        self._listeners: list[Callable[[str], None]] = []

    def __repr__(self) -> str:
        return f"<Lease {self.name!r} fence {self.fence} {'valid' if self.valid else 'over'}>"

    @property
    def remaining_s(self) -> float:
        """Seconds for which the lock is surely held if it is not renewed; 0 when it is not held."""
        if self._end_reason is not None or self._doubt or os.getpid() != self._pid:
            return 0.0
        return max(0.0, self.until_s - self._clock.mono_s())

    @property
    def valid(self) -> bool:
        """Is the lock surely held at this moment?"""
        return self.remaining_s > 0

    @property
    def lost(self) -> bool:
        """Did the hold end before it was given back?"""
        return self._lost

    def assert_held(self) -> None:
        """Return if the lock is surely held; call it before an effect that must not happen twice.

        Raises:
            LeaseLost: it is not, or not surely.
            ForkedHandle: this is a copy in a forked process.
        """
        if os.getpid() != self._pid:
            raise ForkedHandle(
                f"the lease of lock {self.name!r} belongs to process {self._pid}: "
                "acquire the lock in the process that works under it"
            )
        if not self.valid:
            raise self.loss()

    def loss(self) -> LeaseLost:
        """The error that says why it is not held."""
        reason = self._end_reason or self._doubt or "its lease ended before it was renewed"
        return LeaseLost(
            f"lock {self.name!r} (fence {self.fence}) is not held any more: {reason}. Another may have "
            "worked since; give the fence to what you write to, so that it refuses the older one"
        )

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call `listener(reason)` once if the hold ends before it is given back; at once if it has.

        It is called in the thread that renews all leases, at most a fifth of the lease after `valid`
        turned false: it must return quickly and may only signal.
        """
        with self._guard:
            if self._end_reason is None:
                self._listeners.append(listener)
                return
        if self._lost:
            self._tell(listener)

    # -- for the keeper and the lock that made this ------------------------------------------------

    def extend(self, until_s: float) -> None:
        """A renewal was confirmed; a lease that ended stays ended."""
        self._renewals += 1
        self.until_s = max(self.until_s, until_s)
        self._doubt = ""

    def doubt(self, reason: str) -> None:
        """The store may not be the one that granted it: believe it again when a renewal is confirmed."""
        self._doubt = reason

    @property
    def note(self) -> str:
        """JSON about the hold for the lock's history."""
        held_ms = round((self._clock.mono_s() - self.since_s) * 1000)
        waited_ms = round(self._waited_s * 1000)
        return f'{{"held_ms":{held_ms},"waited_ms":{waited_ms},"renewals":{self._renewals}}}'

    def lose(self, reason: str) -> None:
        """It ended without being given back."""
        if self._end(reason, lost=True):
            _LOG.warning("lock %r (fence %d) is lost: %s", self.name, self.fence, reason)
            for listener in self._listeners:
                self._tell(listener)

    def end(self) -> None:
        """It is given back: nothing under it may be believed from here on."""
        self._end("it was released", lost=False)

    @property
    def past_due(self) -> bool:
        """Is its time over, whether or not anyone noticed?"""
        return self._clock.mono_s() >= self.until_s

    def _end(self, reason: str, *, lost: bool) -> bool:
        with self._guard:
            if self._end_reason is not None:
                return False
            self._lost = lost
            self._end_reason = reason
            return True

    def _tell(self, listener: Callable[[str], None]) -> None:
        try:
            listener(self._end_reason or "")
        except Exception:
            _LOG.exception("a listener to the loss of lock %r failed", self.name)
