"""Who pays when a supervisor kills a worker process for one run in it? That run alone; a zombie does nothing.

The queue's histories, in which supervisors also kill: what the dead process had sent may still arrive,
the supervisor's own calls meet every fault, and another worker may find the lease over first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from onebeat.errors import StoreError
from onebeat.queue.record import RetryPolicy
from onebeat.wire import Call, Command
from onebeat.worker.board import Note
from onebeat.worker.liveness import Liveness
from tests.interleave.choices import Choice
from tests.interleave.process import Process, Request
from tests.interleave.queue_model import settled_rows
from tests.interleave.queue_tasks import LEASE_MS
from tests.interleave.queueing import KEYS, Queueing
from tests.interleave.scenario import expect


@dataclass
class Case:
    """A worker that was killed for the run of `guilty`."""

    wid: str
    guilty: str
    losses: int
    taken: bool = False  # its place was taken while it had one
    held: bool = False  # and it held the message then
    charged: bool = False
    others: bool = False  # another worker came first

    def wrong(self, losses: int) -> bool:
        """Whether the run should have been charged by now, the store having lost data `losses` times."""
        return self.held and not self.charged and not self.others and losses == self.losses


class Killing(Queueing):
    """Two senders, two or three workers, and supervisors that kill."""

    name = "kills"
    acts: ClassVar[dict[str, float]] = {"worker": 3, "stop": 1, "bury": 1, "kill": 4}

    def _begin_telling(self) -> None:
        super()._begin_telling()
        self._cases: dict[str, Case] = {}  # by the process that sees to it
        self._uncharged: list[Case] = []

    def act(self, choice: Choice) -> None:
        if choice.what != "kill":
            super().act(choice)
            return
        able = [one for one in self.hub.living if one.role is not None and self.model.owned(one.name)]
        if able:
            self._kill(able[choice.number % len(able)], choice.number)

    def _kill(self, worker: Process, number: int) -> None:
        held = sorted(self.model.owned(worker.name))
        guilty = held[number % len(held)]
        for request in worker.requests:
            effect = request.effect
            if isinstance(effect, (Call, Command)) and not request.executed and not request.blocking:
                self.hub.orphans.append(Request(worker, effect, lambda _: None, losses=request.losses))
        self.hub.note(worker, f"killed for {guilty}")
        worker.die()
        machine = self.hub.add(f"killer of {worker.name}")
        case = self._cases[machine.name] = Case(worker.name, guilty, self.hub.losses)
        living = Liveness(
            machine.port, [KEYS], tuple, lease_ms=LEASE_MS, on_fatal=lambda _: None, clock=machine.clock
        )
        policy = RetryPolicy(1, "constant", 400, 400)

        def expel() -> None:
            try:
                living.expel(case.wid, [Note(guilty, 800, 1, policy, again=bool(number % 2))])
            except StoreError:
                return  # others recover it when its lease ends
            if case.wrong(self.hub.losses):
                self._uncharged.append(case)

        machine.start(expel)

    def observe(self, request: Request, answer: Any) -> None:
        super().observe(request, answer)
        call = request.effect
        if not isinstance(call, Call) or call.script.verb not in ("cycle", "recover"):
            return
        wid, who = str(call.args[0]), request.process.name
        case = next((one for one in self._cases.values() if one.wid == wid), None)
        if case is None or case.losses != self.hub.losses:
            return
        if call.script.verb == "recover":
            expect(who not in self._cases, "Q5", f"{who} counts a delivery of what {wid} held")
            case.others |= answer != b"alive"
        elif who in self._cases:
            self._taken(case, call, answer)
        elif case.taken:
            expect(answer[0] in (b"fenced", b"stale"), "Q3", f"{wid} is dead and was answered {answer[0]}")

    def _taken(self, case: Case, call: Call, answer: Any) -> None:
        if not case.taken:
            refused = answer[0] in (b"fenced", b"stale")  # stale: others recovered it, and it joined late
            expect(answer[0] != b"stale" or case.others, "Q3", f"the place of {case.wid} could not be taken")
            case.taken = True
            case.held = not refused and case.guilty in self.model.owned(case.wid)
        for id_, move, *_ in settled_rows(call.args):
            if str(id_) == case.guilty and answer[0] != b"fenced":
                case.charged = True
                self.reached.add(f"killed run: {move}")

    def check(self) -> None:
        expect(not self._uncharged, "Q5", f"{self._uncharged} went back as if nothing had been")
        super().check()
