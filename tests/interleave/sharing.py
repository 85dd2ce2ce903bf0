"""Are semaphores, readers and writers as many at once as they should be, whatever happens? L1 to L6.

One name for all; in each history its users ask for it in one or two ways: up to a limit, as readers,
as writers, or by different limits as during a deploy.
"""

from __future__ import annotations

from typing import Any

from onebeat.errors import NotFound
from onebeat.keys import ShareKeys
from onebeat.locks import Lease, protocol
from onebeat.locks.calls import ALONE
from onebeat.locks.lock import Blocking
from onebeat.locks.roster import roster
from onebeat.locks.share import READERS_MAX
from onebeat.wire import Call
from tests.interleave.locking import LEASE_S, Locking
from tests.interleave.process import Process, Request
from tests.interleave.scenario import expect
from tests.interleave.share_model import Model
from tests.interleave.world import NAMESPACE

KEYS = ShareKeys(NAMESPACE, "s")
ROOMS = ((1,), (2,), (3,), (ALONE, READERS_MAX), (ALONE, READERS_MAX), (2, 3), (ALONE, 2))


class Sharing(Locking):
    """Three or four processes and one share."""

    name = "shares"

    def _new_model(self) -> Any:
        self._rooms = self.rng.choice(ROOMS)
        return Model()

    def _handles(self, machine: Process) -> list[Any]:
        return [
            Blocking(machine.port, KEYS, LEASE_S, room=room, clock=machine.clock, at_least=self._shut_s)
            for room in self._rooms
        ]

    def _last(self, machine: Process) -> Any:
        return Blocking(machine.port, KEYS, LEASE_S, room=ALONE, clock=machine.clock)

    def _take_away(self, machine: Process) -> None:
        found = machine.port.run(roster(KEYS))
        if not found.permits:
            raise NotFound("nobody is in")
        machine.port.run(protocol.force(KEYS, found.permits[0].token, "{}"))

    def _believed(self, machine: Process, lease: Lease) -> None:
        inside = self.model.holders_at(self.now_ms)
        expect(
            lease.token in inside,
            "L4",
            f"{machine} believes for {lease.remaining_s:.3f} s more that it is in; in are {inside}",
        )

    def observe(self, request: Request, answer: Any) -> None:
        call = request.effect
        if not isinstance(call, Call) or isinstance(answer, Exception):
            return
        now_ms, args = self.now_ms, call.args
        if call.script.verb == "share":
            verdict, how = answer[0].decode(), str(args[1])
            self.reached.add(f"{how} {verdict}")
            if how == "enter":
                self.model.enter(args, now_ms, answer)
                if verdict == "held":
                    self._confirmed[str(args[0])] = self.hub.losses
                    self.reached |= {"several"} if len(self.model.stored.permits_ms) > 1 else set()
            else:
                if how == "force" and verdict == "done":
                    self._taken.add(str(args[0]))
                fence = int(self.hub.world.raw("HGET", KEYS.state, "fence") or 0)
                self.model.leave(args, now_ms, answer, fence)
        elif call.script.verb == "prolong":
            for token, ttl_ms, renewed in zip(args[::2], args[1::2], answer, strict=True):
                self.model.prolong(str(token), int(ttl_ms), now_ms, renewed)
                if renewed:
                    self._confirmed[str(token)] = self.hub.losses
