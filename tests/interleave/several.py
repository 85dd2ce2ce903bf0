"""Does who wants several locks have all or none, and wait in no circle, whatever happens? L1 to L6, V.

A lock and a share; in each history some want both (each names them in its own order), some want one.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from onebeat.errors import NotFound
from onebeat.locks import Lease, Lock, MultiLock
from onebeat.locks.multi import MultiLease
from onebeat.wire import Call
from tests.interleave.lock_model import Model
from tests.interleave.locking import LEASE_S, NAME
from tests.interleave.process import Process, Request
from tests.interleave.scenario import expect
from tests.interleave.sharing import Sharing

PATIENCE_US = 200_000_000  # everybody before one in the queue holds for up to 18 s


class Several(Sharing):
    """Three or four processes, a lock and a share."""

    name = "several"
    free_within_s = 2 * (LEASE_S + 1.0)  # the last one waits for one lock, then for the other

    def _new_model(self) -> Any:
        self.plain = Model()
        self._turns: Counter[str] = Counter()  # how often each process had what it wanted, or gave up
        return super()._new_model()

    def _handles(self, machine: Process) -> list[Any]:
        shares = super()._handles(machine)
        plain = self._plain(machine)
        both = [MultiLock(self.rng.sample([plain, share], 2), clock=machine.clock) for share in shares]
        return [*both, *both, plain, *shares]

    def _hold(self, machine: Process, lock: Any, rng: random.Random) -> None:
        super()._hold(machine, lock, rng)
        self._turns[machine.name] += 1

    def calm(self) -> None:
        if self.rng.random() < 0.4:
            self._everybody_has_a_turn()
        super().calm()

    def _everybody_has_a_turn(self) -> None:
        """Nobody waits in a circle, and nobody for what was taken and not given back."""
        before = self._turns.copy()

        def waiting() -> list[str]:
            return [one.name for one in self._users() if self._turns[one.name] == before[one.name]]

        self.hub.calm(PATIENCE_US, over=lambda: not waiting())
        expect(not waiting(), "V", f"{waiting()} wait for more than {PATIENCE_US // 1_000_000} s")

    def _users(self) -> list[Process]:
        return [machine for machine in self.hub.living if machine.name.startswith("holder")]

    def _plain(self, machine: Process) -> Lock:
        return Lock(machine.port, NAME, lease=LEASE_S, clock=machine.clock)

    def _last(self, machine: Process) -> Any:
        return MultiLock([self._plain(machine), super()._last(machine)], clock=machine.clock)

    def _take_away(self, machine: Process) -> None:
        try:
            Lock.force_release(machine.port, NAME, reason="a test", namespace=machine.port.namespace)
        except NotFound:
            super()._take_away(machine)

    def _parts(self, held: Any) -> list[Lease]:
        return [*held.leases] if isinstance(held, MultiLease) else [held]

    def _believed(self, machine: Process, lease: Lease) -> None:
        if lease.name == NAME:
            self._owns(self.plain, machine, lease)
        else:
            super()._believed(machine, lease)

    def observe(self, request: Request, answer: Any) -> None:
        call = request.effect
        if isinstance(call, Call) and call.script.verb in ("share", "prolong"):
            super().observe(request, answer)
        else:
            self._observe_lock(self.plain, request, answer)

    def remember(self) -> Any:
        return self.model.remember(), self.plain.remember()

    def lost(self, memory: Any) -> None:
        of_share, of_lock = memory or (None, None)
        self.model.lost(of_share)
        self.plain.lost(of_lock)

    def _waits(self) -> bool:
        return bool(self.model.stored.queue or self.plain.stored.queue)
