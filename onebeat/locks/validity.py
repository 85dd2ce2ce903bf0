"""For how long may a holder believe it holds the lock? Pure.

The server starts the lease when the request arrives, which is after it was sent: counting from before
the request can only be early. A tenth is taken off for clocks that run at different speeds, and the
round trip for everything else (the safety margin of Redlock, S. Sanfilippo, counted more strictly).
"""

from __future__ import annotations

import math

from onebeat.errors import ConfigError

SAFETY = 0.1  # part of the lease that is never believed
RENEWALS = 3  # a lease is renewed this often before it would end
LEASE_MIN_S = 0.1
LEASE_MAX_S = 86_400.0
DEADLINE_MAX_S = 2.0


def believed_until_s(sent_s: float, answered_s: float, lease_s: float) -> float:
    """The monotonic second until which a lease of `lease_s` is believed.

    `sent_s` is from before the request, `answered_s` from after its answer. The result can lie in the
    past: then the answer came too late to be of use.
    """
    return sent_s + lease_s * (1 - SAFETY) - (answered_s - sent_s)


def renew_at_s(sent_s: float, lease_s: float) -> float:
    """The monotonic second at which a lease that was confirmed by a request of `sent_s` is renewed."""
    return sent_s + lease_s / RENEWALS


def deadline_s(lease_s: float) -> float:
    """How long one call about a lease may take, so that several fit into it."""
    return min(DEADLINE_MAX_S, max(LEASE_MIN_S, lease_s / 5))


def checked_lease_ms(lease_s: float) -> int:
    """`lease_s` in whole milliseconds.

    Raises:
        ConfigError: not a number of seconds between a tenth and a day.
    """
    if not LEASE_MIN_S <= lease_s <= LEASE_MAX_S:  # also false for NaN
        raise ConfigError(
            f"a lease of {lease_s!r} seconds is not possible: give {LEASE_MIN_S:g} to {LEASE_MAX_S:g} "
            "(it is renewed while the lock is held, so it need not cover the work)"
        )
    return round(lease_s * 1000)


def checked_wait_s(wait_s: float | None) -> float | None:
    """`wait_s` itself; None is without a limit.

    Raises:
        ConfigError: negative or not a number.
    """
    if wait_s is not None and not (wait_s >= 0 and math.isfinite(wait_s)):
        raise ConfigError(
            f"a wait of {wait_s!r} seconds is not possible: give 0 or more, or None for no limit"
        )
    return wait_s
