"""Does a majority of servers hold a lock for one at a time, whatever a minority of them does? L1 to L5.

Three servers. One of them at a time fails, for a while or with its data; to requests and processes happens
what happens in every history. In some histories no data is lost, and instead the clocks of one or two servers
are ahead, so that only a fence that is written back keeps the next one above it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

from onebeat.errors import StoreError
from onebeat.locks import quorum
from onebeat.locks.quorum import Ballot, Everywhere, Majority, T, majority_of
from onebeat.locks.quorum_lease import QuorumLease
from onebeat.locks.quorum_lock import _Quorum
from onebeat.wire import Pause, Store, drive
from tests.interleave.choices import Choice
from tests.interleave.hub import Hub
from tests.interleave.keeping import install
from tests.interleave.lock_model import Model
from tests.interleave.locking import KEYS, LEASE_S, NAME
from tests.interleave.members import Asked, Member, MemberPort, ask_all, pause
from tests.interleave.process import Process, Request
from tests.interleave.scenario import Scenario, expect

MEMBERS = 3
DOWN_S = (0.2, 1.0, 5.0)
AHEAD = 2 * 10**15  # a fence of a clock that is years ahead
# leases that lapse, then leases of data that is too young, then a pause after which all ask again
FREE_S = 2 * LEASE_S + 3.0


class Voters(_Quorum[Store]):
    """The production lock, with the driver of the checker."""

    def __init__(self, ports: dict[int, MemberPort], process: Process) -> None:
        super().__init__([*ports.values()], NAME, LEASE_S, clock=process.clock)
        self._ports = ports

    def _acquiring(self, wait: float | None) -> Ballot[Majority | None]:
        return quorum.acquire(self._attempt, MEMBERS, self._born, wait, self._clock, random.random)

    def acquire(self, wait: float | None) -> QuorumLease | None:
        found = self._run(self._acquiring(wait))
        return None if found is None else self._held(found)

    def release(self, lease: QuorumLease) -> None:
        self._run(self._releasing(lease))

    def _run(self, ballot: Ballot[T]) -> T:
        return drive(ballot, self._perform, StoreError)

    def _perform(self, effect: Everywhere | Pause) -> dict[int, Any]:
        if isinstance(effect, Everywhere):
            return ask_all(self._ports, dict(effect.calls))
        pause(self._ports, effect.seconds)
        return {}


class Voting(Scenario):
    """Two to four processes, three servers and one lock."""

    name = "quorum"
    ends_exactly = True
    acts: ClassVar[dict[str, float]] = {"down": 4, "forget": 4, "contender": 2}
    stress: ClassVar[dict[str, float]] = {"lose": 2}  # who has three servers is as content with two
    without = ("keep", "roll_back", "flush")  # what happens to all servers at once is no minority

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        super().__init__(hub, rng)
        self._undo: Callable[[], None] = install()
        self.members = [Member(hub, place) for place in range(MEMBERS)]
        self.models = [Model() for _ in self.members]
        self._fence_max = 0
        self._count = 0
        self._sick: tuple[int, int] = (
            0,
            0,
        )  # which member failed last, and until when it counts as failed, us
        self._confirmed: dict[tuple[int, str], int] = {}  # member, token → its losses when it said `held`
        self._skewed = rng.random() < 0.4
        for member, model in [*zip(self.members, self.models, strict=True)][: rng.choice((1, 2))]:
            if self._skewed:
                hub.world.raw("HSET", member.key(KEYS.state), "fence", AHEAD)
                model.fence_max = model.stored.fence = AHEAD
        for _ in range(rng.choice((2, 3, 4))):
            self._start()

    # -- the processes --------------------------------------------------------------------------------

    def _start(self) -> None:
        self._count += 1
        machine = self.hub.add(f"holder{self._count}", rate=self.rng.choice((1.0, 0.94, 1.06)))
        rng = random.Random(self.rng.random())
        machine.start(lambda: self._live(machine, rng))

    def _voters(self, machine: Process) -> Voters:
        return Voters({one.place: MemberPort(machine, one) for one in self.members}, machine)

    def _live(self, machine: Process, rng: random.Random) -> None:
        lock = self._voters(machine)
        while True:
            try:
                self._hold(machine, lock, rng)
            except StoreError:
                machine.role = None
                machine.ask(Pause(0.2))

    def _hold(self, machine: Process, lock: Voters, rng: random.Random) -> None:
        lease = lock.acquire(rng.choice((0, 0.5, 4.0, None)))
        if lease is None:
            machine.ask(Pause(rng.choice((0.01, 0.5))))
            return
        self.reached.add("held")
        if lease.valid:
            expect(lease.fence > self._fence_max, "L3", f"fence {lease.fence} after {self._fence_max}")
            self._fence_max = lease.fence
        machine.role = lease
        for _ in range(rng.choice((0, 1, 4))):
            machine.ask(Pause(rng.choice((0.05, 1.0, 4.5))))
            if not lease.valid:
                break
        machine.role = None
        lock.release(lease)

    # -- what happens to the servers --------------------------------------------------------------------

    def act(self, choice: Choice) -> None:
        if choice.what == "contender":
            if self._count < 6:
                self._start()
            return
        forgets = choice.what == "forget" and not self._skewed
        places = (forgets and self._enough()) or range(MEMBERS)
        place, number = places[choice.number % len(places)], choice.number // MEMBERS
        now_us = self.hub.world.time.us
        if now_us < self._sick[1] and self._sick[0] != place:
            return  # one more would be no minority
        seconds = 0.0 if forgets and number % 2 else DOWN_S[number % len(DOWN_S)]
        self.hub.note(
            None, f"member {place} is down for {seconds} s" + (", its data lost" if forgets else "")
        )
        self.members[place].fails(seconds)
        sick_s = seconds
        if forgets:
            self.reached.add("forgot")
            self.members[place].forgets()
            self.models[place].lost(None)
            sick_s = 2 * (seconds + LEASE_S)
        self._sick = place, max(self._sick[1] if self._sick[0] == place else 0, now_us + round(sick_s * 1e6))

    def _enough(self) -> tuple[int, ...]:
        """The members that hold the lock for who believes in it, where one less would be too few."""
        leases = [one.role for one in self.hub.living if one.role is not None and one.role.valid]
        bare = [lease.places for lease in leases if len(lease.places) == majority_of(MEMBERS)]
        return bare[0] if bare else ()

    # -- what the servers answer ----------------------------------------------------------------------

    def observe(self, request: Request, answer: Any) -> None:
        asked = request.effect
        if not isinstance(asked, Asked) or isinstance(answer, Exception):
            return
        member, call, args = asked.member, asked.call, asked.call.args
        model, token = self.models[member.place], str(asked.call.args[0])
        match call.script.verb:
            case "acquire":
                self.reached.add(answer[0].decode())
                model.acquire(args, self.now_ms, answer)
                if answer[0] == b"held":
                    self._confirmed[member.place, token] = member.losses
            case "release":
                self.reached.add(f"{args[1]} {answer[0].decode()}")
                fence = int(self.hub.world.raw("HGET", member.key(KEYS.state), "fence") or 0)
                model.release(args, self.now_ms, answer, fence)
            case "renew":
                model.renew(token, int(args[1]), self.now_ms, answer[0])
                if answer[0]:
                    self._confirmed[member.place, token] = member.losses
            case "witness":
                self._witnessed(model, token, int(args[1]), answer)

    def _witnessed(self, model: Model, token: str, fence: int, answer: Any) -> None:
        mine = model.owner_at(self.now_ms) == token
        expect(bool(answer[0]) == mine, "L2", f"{token} is told {answer[0]}, held by {model.stored.owner}")
        if mine:
            model.stored.fence = max(model.stored.fence, fence)
            model.fence_max = max(model.fence_max, model.stored.fence)

    # -- what must be so ------------------------------------------------------------------------------

    def check(self) -> None:
        believers = [one for one in self.hub.living if one.role is not None and one.role.valid]
        expect(len(believers) < 2, "L4", f"{believers} believe at once that they hold the lock")
        for machine in believers:
            lease = machine.role
            held = [place for place in lease.places if self._holds(place, lease.attempt.token)]
            expect(
                len(held) >= majority_of(MEMBERS),
                "L4",
                f"{machine} believes for {lease.remaining_s:.3f} s more, and members {held} hold it for it",
            )

    def _holds(self, place: int, token: str) -> bool:
        """It does, or has lost its data since it said so."""
        lost = self._confirmed.get((place, token)) != self.members[place].losses
        return lost or self.models[place].owner_at(self.now_ms) == token

    def calm(self) -> None:
        for member in self.members:
            member.down_until_us = 0
        self.hub.calm(3_000_000)
        self.check()
        for machine in self.hub.living:
            machine.die()
        last, got = self.hub.add("last"), list[QuorumLease]()

        def take() -> None:
            lease = self._voters(last).acquire(None)
            assert lease is not None
            got.append(lease)

        last.start(take)
        self.hub.calm(round(FREE_S * 1e6), over=lambda: bool(got))
        expect(bool(got), "L5", f"the lock is not free {FREE_S} s after the death of all")
        expect(got[0].fence > self._fence_max, "L3", f"fence {got[0].fence} after {self._fence_max}")

    def close(self) -> None:
        self._undo()
