"""Does every message end once, with workers that die, stop and lag, and senders that ask twice? Q1 to Q5.

Senders are `onebeat.queue.Client`, workers are `onebeat.worker.pump.Pump` with the production bench on an
event loop that takes turns, and the supervisor's `Liveness`, which renews leases and recovers the dead.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from typing import Any, ClassVar

from onebeat.errors import StoreError
from onebeat.keys import queue_keys
from onebeat.queue import Client
from onebeat.queue import client as sending
from onebeat.queue.enqueue import new_ids
from onebeat.queue.liveness import DELIVERIES_MAX, recover
from onebeat.queue.record import id_of
from onebeat.queue.scripts import CYCLE
from onebeat.wire import Call, Pause
from onebeat.worker.bench import Bench
from onebeat.worker.line import Line, Slots
from onebeat.worker.liveness import Liveness
from onebeat.worker.pump import Pump
from tests.interleave import queue_tasks
from tests.interleave.choices import Choice
from tests.interleave.hub import Hub
from tests.interleave.process import Process, Request, StopSign
from tests.interleave.queue_model import Model, settled_rows
from tests.interleave.queue_places import PLACES
from tests.interleave.queue_tasks import LEASE_MS, TASKS
from tests.interleave.scenario import Scenario, expect
from tests.interleave.stepping import AsyncPort, SteppingLoop, start_loop
from tests.interleave.world import NAMESPACE

KEYS = queue_keys(NAMESPACE, "default")
POISON_AT = (2, 2, 2, 1)  # a history is too short for five deaths, and two of one message are rare
MEMBERS_AT = sum(slot.size for slot in CYCLE.keys if not slot.rest)  # among the keys of a cycle
CALLS_MAX = 5


class Queueing(Scenario):
    """Two senders and two or three workers."""

    name = "queue"
    calls: ClassVar[int] = CALLS_MAX  # of each sender
    drains_within_s: ClassVar[float] = 30.0
    acts: ClassVar[dict[str, float]] = {"worker": 2, "stop": 1, "bury": 2}
    stress: ClassVar[dict[str, float]] = {"lose_late": 2.0, "lose_reply": 2.0, "sleep": 0.5}

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.model = Model()
        self.runs: Counter[str] = Counter()
        self._acknowledged: list[tuple[str, int]] = []
        self._count = 0
        self._touched = False
        self._running: set[tuple[Process | None, str]] = set()
        self._too_often: list[str] = []
        self._beside_itself: list[str] = []
        self._loops: list[SteppingLoop] = []
        self._begin_telling()
        for number in (1, 2):
            self._start_sender(f"sender{number}", random.Random(rng.random()))
        for _ in range(rng.choice((1, 2, 3))):
            self._start_worker()

    def _begin_telling(self) -> None:
        queue_tasks.begun, queue_tasks.ended = self._began, self._ended
        luck = random.Random()
        luck.setstate(random.getstate())  # of this history's seed, and nobody else draws differently for it
        sys.tracebacklimit = 0  # nobody reads why a task failed; to write it down took a tenth of the time
        recover.__kwdefaults__["deliveries_max"] = luck.choice(POISON_AT)
        # what falls due in the same millisecond goes in the order of its ids, so they are of the seed too
        sending.new_ids = lambda count: [f"{luck.getrandbits(60):015x}" for _ in range(count)]

    def _began(self, id_: str) -> None:
        self.runs[id_] += 1
        if self.runs[id_] > self.model.claims[id_]:
            self._too_often.append(id_)
        if (here := (self.hub.current, id_)) in self._running:
            self._beside_itself.append(id_)
        self._running.add(here)

    def _ended(self, id_: str) -> None:
        self._running.discard((self.hub.current, id_))

    # -- processes ----------------------------------------------------------------------------------

    def _start_sender(self, name: str, rng: random.Random) -> None:
        machine = self.hub.add(name)

        def send() -> None:
            client = Client(machine.port)
            for number in range(self.calls):
                machine.ask(Pause(rng.choice((0.0, 0.1, 0.6))))
                try:
                    self._send(client, rng, number)
                except StoreError:
                    continue  # it may or may not be queued

        machine.start(send)

    def _send(self, client: Client, rng: random.Random, number: int) -> None:
        losses = self.hub.losses
        if number % 2:
            handles = client.enqueue_many([(name, (), None) for name in rng.choices(TASKS, k=2)])
        else:
            key, delay = rng.choice((None, "shared")), rng.choice((None, None, 0.6))
            name = TASKS[0] if key else rng.choice(TASKS)
            handles = [client.enqueue(name, key=key, delay=delay, priority=rng.choice((0, 0, 2)))]
        self._acknowledged += [(handle.id, losses) for handle in handles]

    def _start_worker(self) -> None:
        self._count += 1
        wid = f"w{self._count}"
        machine = self.hub.add(wid, rate=self.rng.choice((1.0, 0.95, 1.05)))
        slots = self.rng.choice((1, 2))
        living = Liveness(
            machine.port,
            [KEYS],
            lambda: (wid,),
            lease_ms=LEASE_MS,
            on_fatal=lambda _problem: machine.die(),
            clock=machine.clock,
        )
        living._done = StopSign(machine)

        def live() -> None:
            try:
                living.join_store([wid])
            except StoreError:
                machine.die()
                return
            self._start_pump(machine, slots)
            living.run()

        machine.start(live)

    def _start_pump(self, machine: Process, slots: int) -> None:
        stopped = asyncio.Event()

        async def main(port: AsyncPort) -> None:
            bench = Bench(port, NAMESPACE, None, "", 0.0, clock=machine.clock)
            pump = Pump(KEYS, machine.name, LEASE_MS, Line(Slots(slots)), bench)
            flow = asyncio.ensure_future(pump.flow())
            stop = asyncio.ensure_future(stopped.wait())
            await asyncio.wait([flow, stop], return_when=asyncio.FIRST_COMPLETED)
            if not flow.done():
                await pump.stop()
                await asyncio.wait([flow], timeout=1.0)
            if not flow.done():
                bench.cutting = lambda: True
                flow.cancel()
                await pump.cut(1.0)
                await pump.leave()
            else:
                flow.result()
                await pump.leave()

        loop = start_loop(machine, main, lambda _ended: machine.die())
        machine.role = loop, stopped
        self._loops.append(loop)

    def act(self, choice: Choice) -> None:
        if choice.what == "worker" and self._count < 7:
            self._start_worker()
        elif choice.what == "stop":
            able = [one for one in self.hub.living if one.role is not None and not one.paused]
            if able:
                self._stop(able[choice.number % len(able)])
        elif choice.what == "bury":
            self._bury(choice.number)

    def _stop(self, machine: Process) -> None:
        loop, stopped = machine.role
        self.hub.note(machine, "told to stop")
        self.hub.current = machine
        loop.call_soon(stopped.set)
        loop.go_on()
        self.hub.current = None

    def _bury(self, number: int) -> None:
        """A supervisor saw a worker end and says so."""
        dead = [one for one in self.hub.processes.values() if not one.alive and one.name.startswith("w")]
        if not dead:
            return
        wid = dead[number % len(dead)].name
        name = f"seer of {wid}"
        if name in self.hub.processes:
            return
        machine = self.hub.add(name)
        living = Liveness(machine.port, [KEYS], tuple, lease_ms=LEASE_MS, on_fatal=lambda _: None)

        def bury() -> None:
            try:
                living.bury(wid)
            except StoreError:
                return

        machine.start(bury)

    # -- what the store answers -----------------------------------------------------------------------

    def observe(self, request: Request, answer: Any) -> None:
        call, now_ms = request.effect, self.now_ms
        if not isinstance(call, Call):
            return
        self._touched = True
        verb, args = call.script.verb, call.args
        if verb == "enqueue":
            self.model.enqueue(call.keys, args, now_ms, answer)
            return
        expect(not isinstance(answer, Exception), "V", f"{verb} failed: {answer}")
        if verb == "cycle":
            self.reached.add(answer[0].decode())
            self.model.members = [str(key).rpartition(":")[2] for key in call.keys[MEMBERS_AT:]]
            self.model.cycle(args, now_ms, answer)
            for id_, move, *_ in settled_rows(args):
                ran = move != "finish" or self.runs[str(id_)] > 0
                expect(ran, "Q1", f"{id_} is acknowledged and has not begun")
        elif verb == "beat":
            self.model.beat(args, now_ms, answer)
        elif verb == "wake":
            self.reached.add("woken" if answer else "nothing woken")
            self.model.wake(str(args[0]), answer.decode())
        elif verb == "recover":
            self.reached.add("alive" if answer == b"alive" else "recovered")
            self.model.recover(args, now_ms, answer)
        elif verb == "release":
            self.reached.add("released" if int(answer) else "nothing released")
            self.model.release(args, answer)

    def remember(self) -> Any:
        return self.model.remember()

    def lost(self, memory: Any) -> None:
        self.model.lost(memory)

    # -- what must be so ------------------------------------------------------------------------------

    def check(self) -> None:
        expect(not self._too_often, "Q5", f"{self._too_often} began more often than they were claimed")
        expect(not self._beside_itself, "Q3", f"{self._beside_itself} began where they were running")
        if not self._touched:
            return
        self._touched = False
        seen, expected = self._seen_places(), self.model.places()
        marks = seen.pop("unique", []), expected.pop("unique", [])
        expect(marks[0] == marks[1], "Q6", f"queued once are {marks[0]}, expected {marks[1]}")
        expect(seen == expected, "Q2", f"the store has {seen}, expected {expected}")

    def _seen_places(self) -> dict[str, list[str]]:
        answer = self.hub.world.raw("EVAL", PLACES, 0, KEYS.prefix)
        found: dict[str, list[str]] = {}
        for place, what in zip(answer[::2], answer[1::2], strict=True):
            name = place.decode()
            if what != b"#":
                found.setdefault(name, []).append(id_of(what) if name.startswith("ready") else what.decode())
        records = sorted(found.pop("record of due", []))
        expect(records == sorted(found.get("due", [])), "Q2", f"due {found.get('due')}, records of {records}")
        return {name: ids if name.startswith("ready") else sorted(ids) for name, ids in found.items()}

    def calm(self) -> None:
        """A fresh worker finishes everything, also what dead ones held; others are left to help, or not."""
        workers = [one for one in self.hub.living if one.role is not None]
        for surplus in workers[self.rng.choice((0, 1, 2)) :]:
            surplus.die()
        self._start_worker()
        self.hub.calm(round(self.drains_within_s * 1e6), over=self._over)

    def _over(self) -> bool:
        sending = any(one.requests for one in self.hub.living if one.name.startswith("sender"))
        return not sending and self.model.complete()

    def check_end(self) -> None:
        ended = self.model.stored.ended
        expect(self.model.complete(), "Q1", f"after {self.drains_within_s} s of calm: {self.model.places()}")
        for id_, losses in self._acknowledged:
            expect(
                id_ in ended or losses != self.hub.losses, "Q1", f"{id_} was acknowledged and has not ended"
            )

    def close(self) -> None:
        queue_tasks.begun = queue_tasks.ended = queue_tasks.nobody_listens
        recover.__kwdefaults__["deliveries_max"] = DELIVERIES_MAX
        sending.new_ids = new_ids
        del sys.tracebacklimit
        for loop in self._loops:
            for pending in asyncio.all_tasks(loop):
                pending._log_destroy_pending = False
            loop.close()
