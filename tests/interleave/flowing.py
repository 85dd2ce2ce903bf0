"""Does what follows come once, and only when all it follows is done, in another queue too? Q1 to Q9.

The workers of `queueing.py`. Its senders queue groups and chains; what follows does so in the same queue, or
in one where nobody works, so that what came there can be counted.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from onebeat.keys import queue_keys
from onebeat.queue import Client
from onebeat.queue.record import id_of
from onebeat.wire import Call, Command
from onebeat.worker.flow import Chain, Group
from tests.interleave import queue_tasks
from tests.interleave.process import Request
from tests.interleave.queueing import KEYS, Queueing
from tests.interleave.scenario import expect
from tests.interleave.world import NAMESPACE

THERE = queue_keys(NAMESPACE, "there")
MEMBERS = (queue_tasks.quick, queue_tasks.quick, queue_tasks.fails_once, queue_tasks.slow)


class Flowing(Queueing):
    """Two senders and one to three workers."""

    name = "flows"
    calls = 3

    def __init__(self, *given: Any) -> None:
        self._needs: dict[str, list[str]] = {}  # what comes to the other queue → what must be done before
        self._sent: list[str] = []
        super().__init__(*given)

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        id_ = f"f{len(self._needs)}{rng.choice('abcdefgh')}{number}{rng.randrange(10_000)}"
        then = rng.choice((queue_tasks.quick, queue_tasks.there)).s()
        if rng.random() < 0.5:
            steps = tuple(rng.choice(MEMBERS).s() for _ in range(rng.choice((1, 2, 3))))
            plan: Group | Chain = Group(steps, then, id=id_)
            before, last = [f"{id_}.{n}" for n in range(len(steps))], f"{id_}.then"
        else:
            steps = (rng.choice(MEMBERS).s(), queue_tasks.quick.s(), then)
            plan = Chain(steps, passes=False, id=id_)
            before, last = [f"{id_}.{n}" for n in range(2)], f"{id_}.2"
        losses = self.hub.losses
        self._needs[last] = before
        client.store.run(plan._send(client))
        if then.task is queue_tasks.there:
            self._sent.append(last)
        self._acknowledged += [(one, losses) for one in (before if isinstance(plan, Group) else before[:1])]

    def observe(self, request: Request, answer: Any) -> None:
        effect = request.effect
        if isinstance(effect, Command) and effect.words[:2] == ("HDEL", KEYS.outbox):
            self._touched = True
            self.model.stored.outbox.discard(str(effect.words[2]))
        elif isinstance(effect, Call) and effect.script.verb == "gather":
            if KEYS.groups in effect.keys and not isinstance(answer, Exception):
                self._touched = True
                self.model.stored.gather(effect.args, answer)
        elif isinstance(effect, Call) and THERE.ready[0] in effect.keys:
            self.reached.add(f"{effect.script.verb} there")
        else:
            super().observe(request, answer)

    def check(self) -> None:
        super().check()
        came = Counter(self._came())
        twice = [id_ for id_, count in came.items() if count > 1]
        expect(not twice, "Q9", f"{twice} came twice")
        for id_ in came if not self.hub.losses else ():
            missing = [one for one in self._needs[id_] if self.model.stored.ended.get(one) != "done"]
            expect(not missing, "Q9", f"{id_} came before {missing}")

    def _came(self) -> list[str]:
        return [id_of(one) for one in self.hub.world.raw("LRANGE", THERE.ready[0], 0, -1)]

    def _over(self) -> bool:
        return super()._over() and not self.model.stored.outbox

    def check_end(self) -> None:
        super().check_end()
        came, ended = self._came(), self.model.stored.ended
        expect(not self.model.stored.outbox, "Q9", f"{self.model.stored.outbox} were never relayed")
        for id_ in self._sent if not self.hub.losses else ():
            if all(ended.get(one) == "done" for one in self._needs[id_]):
                expect(id_ in came, "Q9", f"{id_} never came, {self._needs[id_]} are done")
                self.reached.add("came")
