"""Is each message in one place and ended once, while people redrive, purge and pause? Q1 to Q5.

The senders and workers of `queueing.py`. Some calls are of a schedule whose runs follow one another, so
that what is purged or redriven has a count to leave or to join.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from onebeat.errors import StoreError
from onebeat.queue import By, Client, Queue, Which, payload
from onebeat.queue.control import Ask, Inserted, insert
from onebeat.queue.record import LIVE, Header, Message, pack
from onebeat.wire import Call
from tests.interleave.choices import Choice
from tests.interleave.hub import Hub
from tests.interleave.operator_model import Model
from tests.interleave.process import Request
from tests.interleave.queue_tasks import TASKS
from tests.interleave.queueing import KEYS, Queueing
from tests.interleave.scenario import expect

BY = By("a person", "a history")
ACTS: dict[str, Callable[[Queue, int], object]] = {
    "redrive": lambda queue, _n: queue.redrive(Which(), BY),
    "discard": lambda queue, _n: queue.discard(Which(), BY),
    "purge": lambda queue, n: queue.purge(BY, ready=n % 3 > 0, delayed=n % 3 < 2),
    "hold": lambda queue, n: queue.pause(BY, for_s=(None, 0.5, 3.0)[n % 3]),
    "let_go": lambda queue, _n: queue.resume(BY),
}


class Operating(Queueing):
    """Two senders, one to three workers, and people who look after the queue."""

    name = "operators"
    calls = 9
    acts: ClassVar[dict[str, float]] = {
        **Queueing.acts,
        "redrive": 4,
        "discard": 1,
        "purge": 2,
        "hold": 2,
        "let_go": 2,
    }

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        self._people = 0
        super().__init__(hub, rng)
        self.model: Model = Model()

    def warm_up(self) -> None:
        """Something has died before the faults begin."""
        machine = self.hub.add("before")

        def send() -> None:
            client = Client(machine.port)
            once = client.enqueue("i.never", unique="once")
            for handle in (once, *client.enqueue_many([("i.never", (), None)] * 2)):
                self._acknowledged.append((handle.id, self.hub.losses))

        machine.start(send)
        self.hub.calm(1_500_000)

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        if rng.random() < 0.5:
            super()._send(client, rng, number)
            return
        if rng.random() < 0.2:
            losses = self.hub.losses  # before it is sent: the store may lose data before the answer is read
            self._acknowledged.append((client.enqueue("i.never", unique="once").id, losses))
            return
        nominal_ms = rng.randrange(1, 1_000)
        id_ = f"s@{nominal_ms:03}-{rng.randrange(1 << 30)}"
        header = Header(rng.choice(TASKS), schedule="s", nominal_ms=nominal_ms)
        record = pack(Message(id_, header, payload.encode((), {}), flags=LIVE))
        losses = self.hub.losses
        asked = Ask(id_, "s", nominal_ms, "queue-all", record, f'"id":"{id_}"'.encode())
        (told,) = client.store.run(insert(KEYS, [asked], within_s=3600.0))
        if told is not Inserted.EXISTING:
            self._acknowledged.append((id_, losses))

    def act(self, choice: Choice) -> None:
        if choice.what in ACTS:
            self._start_person(choice)
        else:
            super().act(choice)

    def _start_person(self, choice: Choice) -> None:
        self._people += 1
        machine = self.hub.add(f"person{self._people}")

        def decide() -> None:
            try:
                ACTS[choice.what](Client(machine.port).queue(), choice.number)
            except StoreError:
                return

        machine.start(decide)

    def observe(self, request: Request, answer: Any) -> None:
        call, model = request.effect, self.model
        people = {"redrive": model.redrive, "discard": model.discard, "purge": model.purge}
        verb = call.script.verb if isinstance(call, Call) else ""
        if not isinstance(call, Call) or verb not in (*people, "insert", "halt"):
            super().observe(request, answer)
            return
        self._touched = True
        expect(not isinstance(answer, Exception), "V", f"{verb} failed: {answer}")
        if verb == "insert":
            model.insert(_keys_from(call, "uniq"), call.args, answer)
        elif verb == "halt":
            model.halt(call.args, answer)
            self.reached.add("paused" if model.stored.halt else "resumed")
        else:
            people[verb](_keys_from(call, "lane"), call.args, answer)
            if any(answer):
                self.reached.add(verb)

    def check(self) -> None:
        touched = self._touched
        super().check()
        if touched:
            model = self.model
            flat, waiting, waitrec, deadrec = self.hub.world.look(
                ("HGETALL", KEYS.live),
                ("ZRANGE", KEYS.waiting, 0, -1),
                ("HKEYS", KEYS.waitrec),
                ("HKEYS", KEYS.deadrec),
            )
            live = {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}
            expect(live == model.counts(), "Q2", f"{live} count as not over, expected {model.counts()}")
            for seen in (waiting, waitrec):
                ids = sorted(id_.decode() for id_ in seen)
                expect(ids == sorted(model.stored.waiting), "Q2", f"{ids} wait, not {model.stored.waiting}")
            records = sorted(id_.decode() for id_ in deadrec)
            dead = model.places().get("dead", [])
            expect(records == dead, "Q2", f"dead {dead}, records of {records}")

    def calm(self) -> None:
        """Nobody is about to pause it any more, and somebody lets it go on."""
        for one in self.hub.living:
            if one.name.startswith("person"):
                one.die()
        self._start_person(Choice("let_go"))
        super().calm()


def _keys_from(call: Call, name: str) -> Sequence[Any]:
    """The keys of a call from `name` on, wherever the script's header has it."""
    names = [slot.name for slot in call.script.keys for _ in range(slot.size)]
    return call.keys[names.index(name) :]
