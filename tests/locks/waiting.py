"""How does a test wait for something to become true, and never for a length of time?"""

from __future__ import annotations

import time
from collections.abc import Callable

from onebeat.locks import Lease


def until(true: Callable[[], object], within_s: float = 90.0) -> None:
    """Return as soon as `true()` is.

    Raises:
        AssertionError: it did not become true.
    """
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, f"not true within {within_s} s"
        time.sleep(0.005)


def renewed(lease: Lease) -> None:
    """Return when a renewal of `lease` was confirmed after this call.

    Raises:
        LeaseLost: it ended.
        AssertionError: nobody renewed it.
    """
    before_s = lease.until_s
    until(lambda: lease.until_s > before_s or not lease.valid)
    lease.assert_held()
