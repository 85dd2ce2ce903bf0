"""Do never more than so many runs of a key go on at once, and does nobody wait for ever? Q1 to Q8.

The senders and workers of `queueing.py`; nearly all calls are of one of two keys. Half of them were queued
by name, so a worker finds out that they have a key. Q8: of the runs of one key that their workers hold by
a valid lease, and that they asked for since the store lost data last, there are no more than its limit.
(One that was claimed before that may hold a slot of which the store knows nothing any more.)
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from onebeat.queue import Client
from onebeat.queue.client import draft
from onebeat.queue.enqueue import Draft
from onebeat.queue.record import id_of
from onebeat.wire import Call
from onebeat.worker.task import Task
from tests.interleave.hub import Hub
from tests.interleave.process import Request
from tests.interleave.queue_tasks import BOUNDED
from tests.interleave.queueing import KEYS, Queueing
from tests.interleave.scenario import expect
from tests.interleave.slot_model import Model

_HELD = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':own:*')) do
  local ends = redis.call('ZSCORE', ARGV[1] .. ':lease', string.sub(key, #ARGV[1] + 6))
  if tonumber(ends or '0') > tonumber(ARGV[2]) then
    for _, id in ipairs(redis.call('HKEYS', key)) do found[#found + 1] = id end
  end
end
return found
"""


class Crowding(Queueing):
    """Two senders and one to three workers, two keys."""

    name = "slots"
    tasks: ClassVar[Sequence[Task[..., Any]]] = BOUNDED
    weights: ClassVar[Sequence[int]] = (6, 1, 2, 1)  # the last of a call that nothing bounds
    drains_within_s = 50.0  # one at a time; shorter than until somebody looks by itself

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.model: Model = Model()
        self._keys: dict[str, tuple[str, int]] = {}
        self._asked_after: dict[tuple[str, str], int] = {}  # how many losses of data, by worker and id

    def observe(self, request: Request, answer: Any) -> None:
        super().observe(request, answer)
        call = request.effect
        if isinstance(call, Call) and call.script.verb == "cycle" and answer[0] in (b"ok", b"again"):
            for record in answer[5]:  # as it was when it was sent: the answer may be read later
                here = request.process, id_of(record)
                if here not in self._running:  # else what runs was asked for before
                    self._asked_after[here[0].name, here[1]] = request.losses

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        losses, drafts = self.hub.losses, list[Draft]()
        for task in rng.choices((*self.tasks, None), weights=self.weights, k=2):
            key = rng.choice("ab")
            args, name = ([key], task.name) if task else ([], "i.quick")
            one = draft(name, args, priority=rng.choice((0, 0, 2)), delay=rng.choice((None, None, 0.6)))
            if task is not None:
                self._know(one.message.id, key, task)
                if number % 2:
                    one = Draft(task.bounded(one.message, {"key": key}), delay_ms=one.delay_ms)
            drafts.append(one)
        self._acknowledged += [(handle.id, losses) for handle in client.send_drafts("default", drafts)]

    def _know(self, id_: str, key: str, task: Task[..., Any]) -> None:
        """By which bounds a call is to be judged, whatever its message says."""
        if task.bounds is not None and task.bounds.slots is not None:
            self._keys[id_] = key, task.bounds.slots.limit

    def check(self) -> None:
        if self._touched:
            self._count_those_that_run()
        super().check()
        self.reached.update("waits" for line in self.model.stored.lines.values() if line)

    def _count_those_that_run(self) -> None:
        held = {id_.decode() for id_ in self.hub.world.raw("EVAL", _HELD, 0, KEYS.prefix, self.now_ms)}
        recent = {
            id_
            for process, id_ in self._running
            if process is not None and self._asked_after.get((process.name, id_)) == self.hub.losses
        }
        running = recent & held & self._keys.keys()
        at_once = Counter(self._keys[id_] for id_ in running)
        for (key, limit), count in at_once.items():
            expect(count <= limit, "Q8", f"{count} runs of {key!r} at once, and {limit} may be: {running}")
