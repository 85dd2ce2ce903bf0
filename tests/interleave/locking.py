"""Is one lock held by one at a time, in order, and free again, whatever happens to its holders? L1 to L6.

The processes use `onebeat.locks.Lock` with its keeper. A holder is believed as long as its `Lease` says
`valid` on its own clock, which may be wrong and may run a few percent too slow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

from onebeat.errors import NotFound, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import Lease, Lock
from onebeat.wire import Call, Pause
from tests.interleave.choices import Choice
from tests.interleave.hub import Hub
from tests.interleave.keeping import install
from tests.interleave.lock_model import Model
from tests.interleave.process import Process, Request
from tests.interleave.scenario import Scenario, expect
from tests.interleave.world import NAMESPACE

NAME = "l"
KEYS = LockKeys(NAMESPACE, NAME)
LEASE_S = 3.0
STOPPED_S = 0.5


def _acquires(call: Call) -> bool:
    return call.script.verb == "acquire" or "enter" in call.args[:2]


class Interrupt(BaseException):
    """What Ctrl-C is to a thread that waits."""


class Locking(Scenario):
    """Three or four processes and one lock."""

    name = "locks"
    ends_exactly = True
    free_within_s = LEASE_S + 1.0  # however many waiters died
    acts: ClassVar[dict[str, float]] = {"contender": 2, "force": 1.5, "interrupt": 2}

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self.model: Any = self._new_model()
        self._undo: Callable[[], None] = install()
        self._count = 0
        self._confirmed: dict[str, int] = {}  # token → losses of the store before it was told that it holds
        self._taken: set[str] = set()  # tokens of leases that an operator ended
        self._shut_s = rng.choice((0.0, 0.0, 1.0))
        for _ in range(rng.choice((2, 3, 4))):
            self._start()

    # -- what is of one kind of lock; `sharing.py` has another ------------------------------------------

    def _new_model(self) -> Any:
        return Model()

    def _handles(self, machine: Process) -> list[Any]:
        """What a process of this history tries to hold, one after the other."""
        return [Lock(machine.port, NAME, lease=LEASE_S, clock=machine.clock, at_least=self._shut_s)]

    def _last(self, machine: Process) -> Any:
        """What can be had only when nobody has anything."""
        return Lock(machine.port, NAME, lease=LEASE_S, clock=machine.clock)

    def _take_away(self, machine: Process) -> None:
        """An operator's act; NotFound when there is nothing to take."""
        Lock.force_release(machine.port, NAME, reason="a test", namespace=NAMESPACE)

    def _believed(self, machine: Process, lease: Lease) -> None:
        self._owns(self.model, machine, lease)

    def _owns(self, model: Model, machine: Process, lease: Lease) -> None:
        owner = model.owner_at(self.now_ms)
        expect(
            owner == lease.token,
            "L4",
            f"{machine} believes for {lease.remaining_s:.3f} s more that it holds the lock, which is "
            f"{'held by ' + owner if owner else 'free'}",
        )

    def _parts(self, held: Any) -> list[Lease]:
        return [held]

    def _waits(self) -> bool:
        return bool(self.model.stored.queue)

    # -- the processes --------------------------------------------------------------------------------

    def _start(self) -> Process:
        self._count += 1
        machine = self.hub.add(f"holder{self._count}", rate=self.rng.choice((1.0, 0.94, 1.06)))
        rng = random.Random(self.rng.random())
        machine.start(lambda: self._live(machine, rng))
        return machine

    def _live(self, machine: Process, rng: random.Random) -> None:
        handles = self._handles(machine)
        while True:
            try:
                self._hold(machine, rng.choice(handles) if len(handles) > 1 else handles[0], rng)
            except (StoreError, Interrupt):
                machine.role = None
                machine.ask(Pause(0.2))

    def _hold(self, machine: Process, lock: Any, rng: random.Random) -> None:
        lease = lock.acquire(rng.choice((0, 0.5, 4.0, None)))
        if lease is None:
            machine.ask(Pause(rng.choice((0.01, 0.5))))
            return
        machine.role = lease
        for _ in range(rng.choice((0, 1, 4))):
            machine.ask(Pause(rng.choice((0.05, 1.0, 4.5))))
            if not lease.valid:
                break
        machine.role = None
        lock.release(lease)

    def act(self, choice: Choice) -> None:
        if choice.what == "contender" and self._count < 7:
            self._start()
        elif choice.what == "force":
            self._force()
        elif choice.what == "interrupt":
            waiting = [
                one
                for machine in self.hub.living
                for one in machine.requests
                if one.blocking or (isinstance(one.effect, Call) and _acquires(one.effect))
            ]
            if waiting:
                request = waiting[choice.number % len(waiting)]
                self.hub.note(request, "interrupted")
                self.hub.resume(request, Interrupt())

    def _force(self) -> None:
        self._count += 1
        machine = self.hub.add(f"operator{self._count}")

        def ask() -> None:
            try:
                self._take_away(machine)
            except (NotFound, StoreError, Interrupt):
                return

        machine.start(ask)

    # -- what the store answers -----------------------------------------------------------------------

    def observe(self, request: Request, answer: Any) -> None:
        self._observe_lock(self.model, request, answer)

    def _observe_lock(self, model: Model, request: Request, answer: Any) -> None:
        call = request.effect
        if not isinstance(call, Call) or isinstance(answer, Exception):
            return
        now_ms, args = self.now_ms, call.args
        match call.script.verb:
            case "acquire":
                self.reached.add(answer[0].decode())
                model.acquire(args, now_ms, answer)
                self.reached |= {"called"} if len(answer) > 2 else set()
                if answer[0] == b"held":
                    self._confirmed[str(args[0])] = self.hub.losses
            case "release":
                self.reached.add(f"{args[1]} {answer[0].decode()}")
                if args[1] == "force" and answer[0] == b"done":
                    self._taken.add(str(args[0]))
                fence = int(self.hub.world.raw("HGET", KEYS.state, "fence") or 0)
                model.release(args, now_ms, answer, fence)
            case "renew":
                for token, ttl_ms, renewed in zip(args[::2], args[1::2], answer, strict=True):
                    model.renew(str(token), int(ttl_ms), now_ms, renewed)
                    if renewed:
                        self._confirmed[str(token)] = self.hub.losses

    def remember(self) -> Any:
        return self.model.remember()

    def lost(self, memory: Any) -> None:
        self.model.lost(memory)

    # -- what must be so ------------------------------------------------------------------------------

    def check(self) -> None:
        for machine in self.hub.living:
            for lease in self._parts(machine.role) if machine.role else ():
                if lease.token in self._taken or not lease.valid:
                    continue
                if self._confirmed.get(lease.token) == self.hub.losses:  # else the store lost it
                    self._believed(machine, lease)

    def calm(self) -> None:
        self.hub.calm(3_000_000)
        self.check()
        if self.rng.random() < 0.4:
            self._waiters_die()
        for machine in self.hub.living:
            machine.die()
        self._waits_for_the_dead()

    def _waiters_die(self) -> None:
        """Only the holder is left, and gives the lock back when the others were dead for long."""
        for machine in self.hub.living:
            if machine.role is None:
                machine.die()
        self.hub.calm(20_000_000)
        self.check()

    def _waits_for_the_dead(self) -> None:
        """Everybody died at once; the next one gets the lock."""
        waiters = self._waits()
        last = self.hub.add("last")
        got: list[Lease] = []

        def take() -> None:
            lease = self._last(last).acquire(None)
            assert lease is not None
            got.append(lease)

        last.start(take)
        within_s = self.free_within_s if waiters else LEASE_S + STOPPED_S
        self.hub.calm(round(within_s * 1e6), over=lambda: bool(got))
        expect(bool(got), "L5", f"the lock is not free {within_s} s after the death of all")

    def close(self) -> None:
        self._undo()
