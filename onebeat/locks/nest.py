"""Does the caller hold this lock already, and how often? For handles that may be entered again."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

from onebeat.locks.lease import Lease


class Nest:
    """Which thread or task holds which lease, and how many blocks of it are open. Safe between threads.

    Callers are known by their objects, weakly: a thread that ended while it held leaves nothing that a
    new thread of the same number could take for its own.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._leases: WeakKeyDictionary[Any, Lease] = WeakKeyDictionary()
        self._depths: dict[str, int] = {}

    def begin(self, caller: Any, lease: Lease) -> None:
        """`caller` holds `lease`, for the first time."""
        with self._guard:
            self._leases[caller] = lease
            self._depths[lease.token] = 1

    def again(self, caller: Any) -> Lease | None:
        """The lease that `caller` holds, held once more; None when it holds none.

        Raises:
            LeaseLost: it has open blocks under a lease that is over.
        """
        with self._guard:
            lease = self._leases.get(caller)
            if lease is None or lease.token not in self._depths:
                return None
            lease.assert_held()
            self._depths[lease.token] += 1
            return lease

    def leave(self, lease: Lease) -> bool:
        """One block less; whether it was the outermost one, with which the hold ends."""
        with self._guard:
            left = self._depths.get(lease.token, 1) - 1
            if left > 0:
                self._depths[lease.token] = left
                return False
            self._depths.pop(lease.token, None)
            for caller in [one for one, held in self._leases.items() if held is lease]:
                del self._leases[caller]
            return True
