"""Does what is parked for a lock have its turn, whoever dies between the release and the wake-up? Q1 to Q5.

The senders and workers of `queueing.py`; half of the calls find a lock held at their first run and are
parked. It is free when they look again, so they are woken at once, or by themselves a little later.
"""

from __future__ import annotations

import random

from onebeat.queue import Client
from tests.interleave import queue_tasks
from tests.interleave.queueing import Queueing

KEEPS = ("all", "last")


class Parking(Queueing):
    """Two senders and one to three workers."""

    name = "parking"

    def _begin_telling(self) -> None:
        super()._begin_telling()
        queue_tasks.is_held = self._is_held

    def _is_held(self, id_: str) -> bool:
        first = self.runs[id_] == 1
        self.reached.add("parked" if first else "ran")
        return first

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        losses = self.hub.losses
        if number % 2:
            super()._send(client, rng, number)
            return
        calls = [("i.parks", (keep,), None) for keep in rng.choices(KEEPS, weights=(2, 1), k=2)]
        self._acknowledged += [(handle.id, losses) for handle in client.enqueue_many(calls)]

    def close(self) -> None:
        super().close()
        queue_tasks.is_held = queue_tasks.is_free
