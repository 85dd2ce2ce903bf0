"""Is how a message ended there from the step that ends it, and do those who wait for it learn it? Q1 to Q7.

The senders and workers of `queueing.py`; most calls want their result, and two readers wait for each.
"""

from __future__ import annotations

import random
from typing import Any

from onebeat.errors import NoResult, RunFailed, StoreError
from onebeat.queue import Client
from onebeat.queue.payload import decode_value
from onebeat.queue.results import result
from onebeat.wire import Pause
from tests.interleave.queue_tasks import TASKS
from tests.interleave.queueing import KEYS, Queueing
from tests.interleave.scenario import expect

WITHIN_S = 10.0


class Results(Queueing):
    """Two senders, one to three workers, and two readers."""

    name = "results"

    def __init__(self, *given: Any) -> None:
        self._wanted: list[str] = []
        self._told: dict[str, list[Any]] = {}
        super().__init__(*given)
        for number in (1, 2):
            self._start_reader(f"reader{number}")

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        losses = self.hub.losses
        name = rng.choice(("i.returns", "i.returns", *TASKS))
        ttl = rng.choice((None, "1h", "1h"))
        handle = client.enqueue(name, delay=rng.choice((None, None, 0.6)), result_ttl=ttl)
        self._acknowledged.append((handle.id, losses))
        if handle.keeps:
            self._wanted.append(handle.id)

    def _start_reader(self, name: str) -> None:
        machine = self.hub.add(name)

        def read() -> None:
            place = 0
            while place < len(self._wanted) or self._sending():
                if place == len(self._wanted):
                    machine.ask(Pause(0.1))
                    continue
                id_, place = self._wanted[place], place + 1
                told = self._told.setdefault(id_, [])
                waiting = result(KEYS, id_, None, within_s=WITHIN_S, clock=machine.clock)
                try:
                    told.append(machine.port.run(waiting))
                except (RunFailed, NoResult) as problem:
                    told.append(type(problem))
                except StoreError:
                    continue

        machine.start(read)

    def _sending(self) -> list[str]:
        return self._busy("sender")

    def _busy(self, kind: str) -> list[str]:
        return [one.name for one in self.hub.living if one.name.startswith(kind) and one.requests]

    def _over(self) -> bool:
        return super()._over() and not self._busy("reader")

    def check_end(self) -> None:
        super().check_end()
        expect(not self._busy("reader"), "Q7", f"{self._busy('reader')} still wait for what is over")
        for id_, told in self._told.items() if not self.hub.losses else ():
            ending = self.model.stored.results.get(id_, b"")
            right = RunFailed if not ending else decode_value(ending.partition(b"\n")[2])
            expect(all(one == right for one in told), "Q7", f"readers of {id_} were told {told}, not {right}")
            self.reached.add("failure told" if right is RunFailed else "value told")
