"""Is every fire queued once, with beats that die, stop, lag, and with a store that forgets? E1 to E6.

The beats are `onebeat.scheduler.beat.Beat` itself. A worker that is as plain as can be takes what they
queue, so that policies on overlapping runs have something to look at.
"""

from __future__ import annotations

import random
from typing import Any, ClassVar

from onebeat.keys import queue_keys
from onebeat.queue.control import pause, resume
from onebeat.queue.cycle import Settled, cycle_call, read_claims
from onebeat.queue.liveness import beat
from onebeat.queue.record import unpack
from onebeat.queue.states import Move
from onebeat.scheduler import CatchUp, CatchUpPolicy, EveryTrigger, Overlap, Schedule
from onebeat.scheduler.annex import Reader
from onebeat.scheduler.beat import Beat
from onebeat.scheduler.desk import Known
from onebeat.wire import Call, insist
from tests.interleave.choices import Choice
from tests.interleave.emission_model import Model
from tests.interleave.hub import Hub
from tests.interleave.process import Process, Request, StopSign, Violation
from tests.interleave.scenario import Scenario, expect
from tests.interleave.world import NAMESPACE

KEYS = queue_keys(NAMESPACE, "default")
PERIODS_MS = {"often": 500, "seldom": 2_000}
LATE_MAX_MS = 700  # in the calm, with a deputy's patience to spare
OVERLAPS = (Overlap.SKIP, Overlap.QUEUE_ONE, Overlap.QUEUE_ALL, Overlap.ALLOW)
CONFIGS = ("old", "new", "newer")


class Emission(Scenario):
    """Two or three beats, up to three configurations, and a worker."""

    name = "emission"
    acts: ClassVar[dict[str, float]] = {"beat": 3, "deploy": 1, "hold_back": 2, "let_go": 1}
    made: Reader | None = None  # what reads the schedules of programs

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.model = Model(PERIODS_MS)
        policies = (CatchUpPolicy.LATEST, CatchUpPolicy.ALL, CatchUpPolicy.NONE)
        self._schedules = [
            Schedule(
                id=id_,
                task="t",
                trigger=EveryTrigger(period_ms / 1000),
                overlap=rng.choice(OVERLAPS),
                limit=rng.choice((None, None, 4)),
                catch_up=CatchUp(rng.choice(policies), window_ms=rng.choice((11_000, 3_600_000)), max=3),
                fingerprint=id_,
            )
            for id_, period_ms in PERIODS_MS.items()
        ]
        self.model.one_by_one = frozenset(
            one.id for one in self._schedules if one.overlap is not Overlap.ALLOW
        )
        self._newest = 0
        self._beats = 0
        self._people = 0
        for _ in range(rng.choice((2, 2, 3))):
            self._start_beat(0)
        self._start_worker()

    def warm_up(self) -> None:
        """Most histories begin where all is well."""
        if self.rng.random() < 0.6:
            self.hub.calm(300_000)

    # -- processes ----------------------------------------------------------------------------------

    def _start_beat(self, config: int) -> None:
        self._beats += 1
        machine = self.hub.add(
            f"beat{self._beats}",
            rate=self.rng.choice((1.0, 0.95, 1.05)),
            wall_off_ms=self.rng.choice((0, 3_600_000, -3_600_000)),
        )
        machine.role = config
        made = Beat(
            machine.port,
            self._schedules,
            config=CONFIGS[config],
            known=lambda: self._known(machine),
            made=self.made,
            clock=machine.clock,
        )
        made._stop = StopSign(machine)
        machine.start(made.run)

    def _known(self, machine: Process) -> Known:
        machine.role = (machine.role[0] if isinstance(machine.role, tuple) else machine.role, self.hub.losses)
        return Known(self.model.starts(), self.model.fired())

    def _start_worker(self) -> None:
        machine = self.hub.add("worker")
        machine.start(lambda: self._work(machine))

    def _work(self, machine: Process) -> None:
        """Take two, run them, settle them with the next cycle."""
        port, settled, seq, number = machine.port, list[Settled](), 0, 0
        while True:
            wid = f"{machine}{number}"
            port.run(beat(KEYS, [wid], lease_ms=3_600_000, join=True, within_s=3600.0))
            while True:
                seq += 1
                call = cycle_call(KEYS, wid=wid, seq=seq, lease_ms=3_600_000, want=2, settled=settled)
                claims = read_claims(port.run(insist(call, within_s=3600.0)))
                if claims.fenced:
                    settled, seq, number = [], 0, number + 1
                    break
                self._ran(claims.records)
                settled = [_finished(record) for record in claims.records]
                StopSign(machine).wait(0.3)

    def _ran(self, records: Any) -> None:
        for record in records:
            self.model.ran.add(unpack(record).id)

    def _start_person(self, choice: Choice) -> None:
        """Somebody pauses or resumes a schedule."""
        self._people += 1
        machine = self.hub.add(f"person{self._people}")
        schedule = sorted(PERIODS_MS)[choice.number % 2]
        until_ms = self.now_ms + 3_000 if choice.number % 3 else 0

        def decide() -> None:
            if choice.what == "hold_back":
                machine.port.run(pause(KEYS, schedule, reason="x", until_ms=until_ms, within_s=3600.0))
            else:
                machine.port.run(resume(KEYS, schedule, within_s=3600.0))

        machine.start(decide)

    def act(self, choice: Choice) -> None:
        if choice.what in ("hold_back", "let_go"):
            self._start_person(choice)
        if self._beats >= 7:
            return
        if choice.what == "deploy" and self._newest + 1 < len(CONFIGS):
            self._newest += 1
            self._start_beat(self._newest)
        elif choice.what == "beat":
            self._start_beat(choice.number % (self._newest + 1))

    # -- what the store answers -----------------------------------------------------------------------

    def observe(self, request: Request, answer: Any) -> None:
        call = request.effect
        if not isinstance(call, Call) or isinstance(answer, Exception):
            return
        model, args = self.model, call.args
        match call.script.verb:
            case "adopt":
                model.adopt(str(args[0]), self.now_ms, answer)
            case "enrol":
                model.enrol(str(args[0]), args[2:], self.now_ms, answer, excused=self._excused(request))
            case "emit":
                self.reached |= {told.decode().split()[0] for told in answer[1:]}
                model.emit(str(args[0]), args[4:], self.now_ms, answer)
            case "pause":
                model.pause(str(args[0]), int(args[1]), answer)
            case "resume":
                model.resume(str(args[0]), answer)
            case "cycle" if answer[0] in (b"ok", b"again"):
                model.cycle(args, [unpack(record).id for record in answer[5]])

    def _excused(self, request: Request) -> bool:
        """Whether the data went after this beat had asked the history."""
        role = request.process.role
        return not isinstance(role, tuple) or bool(role[1] != self.hub.losses)

    def remember(self) -> Any:
        return self.model.remember()

    def lost(self, memory: Any) -> None:
        self.model.lost(memory)
        self.reached.add("rolled back" if memory else "flushed")

    # -- the end --------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Who is left emits: a fresh beat, one that went through all this alone, or a few together."""
        beats = [one for one in self.hub.living if one.name.startswith("beat")]
        stay = min(self.rng.choice((0, 1, 2)), len(beats))
        for surplus in self.rng.sample(beats, len(beats) - stay):
            surplus.die()
        if not stay and self.rng.random() < 0.5:  # all is lost but the history
            self.hub.world.flush()
            self.lost(None)
        if stay != 1:
            self._start_beat(self._newest)
        self.hub.world.advance(5_500_000)
        self.hub.calm(1_200_000)

    def check_end(self) -> None:
        stored, raw = self.model.stored, self.hub.world.raw
        self.model.complete(self.now_ms - LATE_MAX_MS)
        for id_ in PERIODS_MS:
            expect(id_ in stored.cursors, "V", f"no beat enrolled {id_} in the calm")
        told = raw("HGETALL", KEYS.sched)
        cursors = {key.decode(): int(value) for key, value in zip(told[::2], told[1::2], strict=True)}
        expect(cursors == stored.cursors, "E4", f"cursors {cursors}, expected {stored.cursors}")
        queued = [unpack(record).id for key in KEYS.ready for record in raw("LRANGE", key, 0, -1)]
        queued += [field.decode() for field in raw("HKEYS", KEYS.waitrec)]
        twice = {id_ for id_ in queued if queued.count(id_) > 1}
        if twice:
            raise Violation("E1", f"more than once in the queue: {sorted(twice)[:5]}")
        expect(set(queued) <= stored.emitted, "E1", f"never emitted: {set(queued) - stored.emitted}")
        nowhere = stored.emitted - set(queued) - self.model.ran - self._held()
        expect(not nowhere, "E1", f"emitted and in no place: {sorted(nowhere)[:5]}")

    def _held(self) -> set[str]:
        """What a worker claimed and has not begun: it was killed, or its answer was on its way."""
        raw = self.hub.world.raw
        return {field.decode() for key in raw("KEYS", f"{KEYS.prefix}:own:*") for field in raw("HKEYS", key)}


def _finished(record: bytes) -> Settled:
    message = unpack(record)
    return Settled(message.id, Move.FINISH, counted=message.header.schedule)
