"""Is a singleton queued once, for as long as its message lives and no longer, whatever happens? Q1 to Q6.

The senders and workers of `queueing.py`, all of whose single calls are for one of two singletons.
"""

from __future__ import annotations

import random

from onebeat.queue import Client
from tests.interleave.queue_tasks import TASKS
from tests.interleave.queueing import Queueing

NAMES = ("a", "b")


class Once(Queueing):
    """Two senders and one to three workers; nearly every call is refused while the one before it lives."""

    name = "once"

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        losses = self.hub.losses
        key, delay = rng.choice((None, None, "shared")), rng.choice((None, None, 0.6))
        name = TASKS[0] if key else rng.choice(TASKS)
        handle = client.enqueue(name, key=key, delay=delay, unique=rng.choice(NAMES))
        self.reached.add("refused" if handle.refused else "existing" if handle.existing else "stored")
        self._acknowledged.append((handle.id, losses))
