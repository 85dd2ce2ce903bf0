"""Do never more runs of a key start in a time than its rate allows, and has each its turn? Q1 to Q8, Q10.

The senders and workers of `crowding.py`; most calls have a rate, some a limit of how many run at once too, or
that only. Q10: since the store lost data last, of the starts of one key none came before its token; nothing
that has a rate runs by a claim that did not know it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from onebeat.queue.record import RateHead, unpack
from onebeat.wire import Call
from onebeat.worker.task import Task
from tests.interleave.crowding import Crowding
from tests.interleave.hub import Hub
from tests.interleave.process import Process, Request
from tests.interleave.queue_tasks import PACED
from tests.interleave.rate_model import Model
from tests.interleave.scenario import expect


class Pacing(Crowding):
    """Two senders and one to three workers, two keys."""

    name = "rates"
    tasks = PACED
    weights = (4, 2, 4, 1, 1)

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.model: Model = Model()
        self._has_rate: set[str] = set()
        self._starts: dict[str, list[int]] = defaultdict(list)  # of a key, ms, since the last loss
        self._without: set[tuple[Process | None, str]] = set()  # claimed as if nothing bounded it
        self._untold: list[str] = []

    def _know(self, id_: str, key: str, task: Task[..., Any]) -> None:
        super()._know(id_, key, task)
        if task.bounds is not None and task.bounds.pace is not None:
            self._has_rate.add(id_)

    def _began(self, id_: str) -> None:
        super()._began(id_)
        if (self.hub.current, id_) in self._without and id_ in self._has_rate:
            self._untold.append(id_)

    def observe(self, request: Request, answer: Any) -> None:
        super().observe(request, answer)
        call = request.effect
        if isinstance(call, Call) and call.script.verb == "cycle" and answer[0] == b"ok":
            for message in map(unpack, answer[5]):
                here = request.process, message.id
                if message.header.rate is None:
                    self._without.add(here)
                else:
                    self._without.discard(here)
                    self._started(message.header.rate)

    def _started(self, rate: RateHead) -> None:
        """Within any time there may be as many starts as tokens come in it, and a burst."""
        starts = self._starts[rate.key]
        starts.append(self.now_ms)
        self.reached.add("started")
        for number, at_ms in enumerate(starts):
            count, within_us = len(starts) - number, (self.now_ms - at_ms) * 1000
            held = count <= rate.burst + within_us // rate.every_us
            expect(held, "Q10", f"{count} starts of {rate.key!r} in {within_us} µs: {starts} {rate}")

    def lost(self, memory: Any) -> None:
        super().lost(memory)
        self._starts.clear()

    def check(self) -> None:
        expect(not self._untold, "Q10", f"{self._untold} began, and their claim knew of no rate")
        super().check()
        self.reached.update("waits for a token" for line in self.model.stored.queues.values() if line)
