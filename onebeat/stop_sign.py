"""How does a signal handler end a loop that waits? With a flag whose `set` never waits for a lock."""

from __future__ import annotations

import contextlib
from queue import Empty, SimpleQueue


class StopSign:
    """`threading.Event` for handlers of signals.

    A handler runs between two steps of the thread that waits. `Event.set` takes the lock that this thread may
    hold at that moment, and both wait for ever; `SimpleQueue.put` is made to be called there.
    """

    def __init__(self) -> None:
        self._raised = False
        self._bell: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """From now on `is_set`; who waits goes on."""
        self._raised = True
        self._bell.put(None)

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._raised

    def wait(self, seconds: float) -> bool:
        """Return when it is set, after `seconds` at the latest; whether it is. For one thread at a time."""
        if not self._raised:
            with contextlib.suppress(Empty):
                self._bell.get(timeout=seconds)
        return self._raised
