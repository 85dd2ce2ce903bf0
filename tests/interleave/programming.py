"""Does what programs make, change and delete take effect once for all, with beats of any age? E1 to E6.

The beats and the worker of `emission.py`, and programs that use `onebeat.scheduler.declarations` as the
clients do. Each text says a number that no other has, and so does each message that was made of it: so it
is seen when a beat emits what somebody was told is over.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from onebeat.errors import NotFound, Refused, StoreError
from onebeat.queue.control import pause, resume
from onebeat.scheduler import CatchUp, CatchUpPolicy, EveryTrigger, Overlap, Schedule
from onebeat.scheduler.declarations import Made, create, delete, update
from onebeat.wire import Call
from tests.interleave.choices import Choice
from tests.interleave.emission import KEYS, LATE_MAX_MS, PERIODS_MS, Emission
from tests.interleave.hub import Hub
from tests.interleave.process import Process, Request
from tests.interleave.program_model import Model
from tests.interleave.scenario import expect
from tests.interleave.world import NAMESPACE

MADE_MS = {"p": 500, "q": 1_000}  # the schedules that programs make
WITHIN_S = 10.0


def read(made: Mapping[str, Made]) -> Sequence[Schedule]:
    """What a beat makes of the texts."""
    return [
        Schedule(
            id=id_,
            task=one.text,
            trigger=EveryTrigger(MADE_MS[id_] / 1000),
            overlap=Overlap.ALLOW,
            catch_up=CatchUp(CatchUpPolicy.ALL, window_ms=3_600_000, max=3),
            fingerprint=one.text,
        )
        for id_, one in made.items()
    ]


class Programming(Emission):
    """Two or three beats, up to three configurations, a worker, and programs."""

    name = "programs"
    acts: ClassVar[dict[str, float]] = {"beat": 3, "deploy": 1, "program": 8}
    made = staticmethod(read)

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        one_by_one = self.model.one_by_one
        self.model: Model = Model(PERIODS_MS | MADE_MS)
        self.model.one_by_one = one_by_one
        self._texts = 0
        self._programs = 0
        self._over: dict[str, int] = {}  # schedule → the revision before which nothing of it may be queued
        self._settled = False  # every beat has heard of the last change

    def warm_up(self) -> None:
        self._start_program(self.rng.randrange(1 << 16), ("create",))
        super().warm_up()

    # -- programs -----------------------------------------------------------------------------------

    def act(self, choice: Choice) -> None:
        if choice.what == "program":
            kinds = ("create", "update", "update", "delete", "pause", "resume")
            self._start_program(choice.number, kinds)
        else:
            super().act(choice)

    def _start_program(self, number: int, kinds: Sequence[str]) -> None:
        self._programs += 1
        machine = self.hub.add(f"program{self._programs}")
        rng = random.Random(number)

        def live() -> None:
            for _ in range(rng.choice((1, 2, 3))):
                id_, losses = rng.choice(sorted(MADE_MS)), self.hub.losses
                machine.role = None
                try:
                    self._change(machine, rng.choice(kinds), id_)
                except (StoreError, Refused, NotFound):
                    continue
                if machine.role is not None and losses == self.hub.losses:
                    self._over[id_] = max(self._over.get(id_, 0), machine.role)

        machine.start(live)

    def _change(self, machine: Process, kind: str, id_: str) -> None:
        run, space = machine.port.run, machine.port.space
        self._texts += 1
        text = f"text-{self._texts}"
        acts: dict[str, Callable[[], Any]] = {
            "create": lambda: create(space, NAMESPACE, id_, text, "default", within_s=WITHIN_S),
            "update": lambda: update(space, NAMESPACE, id_, lambda _: (text, "default"), within_s=WITHIN_S),
            "delete": lambda: delete(space, NAMESPACE, id_, lambda _: "default", within_s=WITHIN_S),
            "pause": lambda: pause(KEYS, id_, reason="x", until_ms=self.now_ms + 1_500, within_s=WITHIN_S),
            "resume": lambda: resume(KEYS, id_, within_s=WITHIN_S),
        }
        losses = self.hub.losses
        done = run(acts[kind]())
        self.reached.add(f"{kind}: {bool(done)}")
        if losses == self.hub.losses:
            self.model.answered.add(text)

    # -- what the store answers -----------------------------------------------------------------------

    def observe(self, request: Request, answer: Any) -> None:
        call, model = request.effect, self.model
        verb = call.script.verb if isinstance(call, Call) else ""
        if isinstance(answer, Exception) or verb not in ("declare", "revise", "adopt", "enrol", "emit"):
            super().observe(request, answer)
            return
        args, now_ms = call.args, self.now_ms
        if verb == "declare":
            fresh = model.declare(args, now_ms, answer)
            request.process.role = fresh or request.process.role
        elif verb == "revise":
            model.revise(args, answer)
        elif verb == "adopt" and args[2] != "":
            model.adopt_made(str(args[0]), int(args[2]), now_ms, answer)
        elif verb == "adopt":
            super().observe(request, answer)
        else:
            standing = model.standing(str(args[0]), str(args[1]))
            if standing != str(args[0]):
                self.reached.add("behind")
            if verb == "enrol":
                model.enrol(standing, args[2:], now_ms, answer, excused=self._excused(request))
            else:
                self._emitted(standing, args[4:], answer)

    def _emitted(self, standing: str, rows: Sequence[Any], answer: Any) -> None:
        self.reached |= {told.decode().split()[0] for told in answer[1:]}
        self.model.emit(standing, rows, self.now_ms, answer)
        queued, self.model.queued = self.model.queued, []
        for header in queued:
            if header.schedule in MADE_MS:
                self.reached.add("of a program")
                self._is_current(header.schedule, header.task)

    def _is_current(self, id_: str, text: str) -> None:
        written, over = self.model.written.get(text), self._over.get(id_, 0)
        if written is not None:  # else it was written before the store lost data
            expect(written >= over, "E6", f"{text} of {id_}, revision {written}, was over at {over}")
        if self._settled:
            there = self.model.stored.programs.get(id_)
            expect(there is not None and there.text == text, "E6", f"{id_} is {there}, queued was {text}")

    def lost(self, memory: Any) -> None:
        super().lost(memory)
        self._over.clear()

    # -- the end --------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Programs end, in the middle of what they do."""
        for one in self.hub.living:
            if one.name.startswith("program"):
                one.die()
        super().calm()
        self._settled = True
        self.hub.calm(1_000_000)

    def check_end(self) -> None:
        super().check_end()
        for id_ in self.model.stored.programs:
            expect(id_ in self.model.stored.cursors, "V", f"no beat enrolled {id_} in the calm")
        self.model.complete(self.now_ms - LATE_MAX_MS)
