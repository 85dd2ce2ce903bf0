"""Do fences of a quorum grow through every sequence of failures of a minority?

python -m tests.locks.minorities                     three servers: every sequence of three faults
python -m tests.locks.minorities --servers 5 --random 5000 --length 6

Real servers, the production protocol, and a driver that lets calls fail. The clock of one server is a
fortnight ahead, so its fences are far above those that the others would give: only what is written back
to a majority keeps the next fence above.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from onebeat.clock import SYSTEM
from onebeat.errors import Remedy, StoreError
from onebeat.keys import LockKeys, SpaceKeys
from onebeat.locks import quorum
from onebeat.locks.calls import Attempt
from onebeat.locks.door import new_token
from onebeat.locks.quorum import Ballot, Everywhere, Majority, T
from onebeat.wire import Call, Command, Store
from tests.servers import Server

NAMESPACE, LEASE_MS, AHEAD = "q", 10_000, 2 * 10**15
KEYS, BORN = LockKeys(NAMESPACE, "l"), SpaceKeys(NAMESPACE).born


class Kind(StrEnum):
    """What happens to one server during one hold."""

    DOWN = "nothing arrives"
    FORGOT = "it lost its data a lease ago"
    VOTE_UNHEARD = "it votes, and nobody hears"
    WITNESS_LOST = "the write-back does not arrive"
    WITNESS_UNHEARD = "the write-back arrives, and nobody hears"
    RELEASE_LOST = "the release does not arrive"


class Fault(NamedTuple):
    kind: Kind
    place: int


Step: TypeAlias = tuple[Fault, ...]  # of a minority: at different places
_SPOILS = {  # kind → the verb that fails, and whether it is carried out
    Kind.VOTE_UNHEARD: ("acquire", True),
    Kind.WITNESS_LOST: ("witness", False),
    Kind.WITNESS_UNHEARD: ("witness", True),
    Kind.RELEASE_LOST: ("release", False),
}


class Quorum:
    """The servers of one run."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self.stores = stores

    def fence_after(self, step: Step) -> int:
        """The fence of one hold, during which `step` happens; the leases before it are over."""
        for store in self.stores:
            store.perform(Command(("DEL", KEYS.owner)))
        for fault in step:
            if fault.kind is Kind.FORGOT:
                self._forget(self.stores[fault.place])
        count = len(self.stores)
        found = self._drive(quorum.acquire(_attempt, count, BORN, 0.0, SYSTEM, lambda: 0.0), step)
        assert isinstance(found, Majority), f"a minority failed, and nobody got the lock: {step}"
        self._drive(quorum.release(found.attempt, count), step)
        return found.fence

    def begin(self, ahead: int) -> None:
        """Nothing is known; the clock of server `ahead` is."""
        for place, store in enumerate(self.stores):
            self._forget(store)
            if place == ahead:
                store.perform(Command(("HSET", KEYS.state, "fence", AHEAD)))

    def _forget(self, store: Store) -> None:
        store.perform(Command(("FLUSHALL",)))
        store.perform(Command(("SET", BORN, 1)))

    def _drive(self, ballot: Ballot[T], step: Step) -> T:
        try:
            effect = next(ballot)
            while True:
                assert isinstance(effect, Everywhere), f"nobody else is there, and it waits: {step}"
                answers = {place: self._ask(place, call, step) for place, call in effect.calls.items()}
                effect = ballot.send(answers)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _ask(self, place: int, call: Call, step: Step) -> Any:
        problem = StoreError("no answer", remedy=Remedy.RETRY)
        kinds = [fault.kind for fault in step if fault.place == place]
        if Kind.DOWN in kinds:
            return problem
        spoilt = [_SPOILS[kind] for kind in kinds if kind in _SPOILS]
        fails = [carried_out for verb, carried_out in spoilt if verb == call.script.verb]
        answer = None if fails == [False] else self.stores[place].perform(call)
        return problem if fails else answer


def _attempt() -> Attempt:
    return Attempt(KEYS, new_token(), LEASE_MS, "{}")


def steps_of(servers: int) -> list[Step]:
    """No fault, and every fault of one server."""
    return [(), *((Fault(kind, place),) for kind in Kind for place in range(servers))]


def random_step(servers: int, luck: random.Random) -> Step:
    """Faults of at most a minority."""
    places = luck.sample(range(servers), luck.randint(0, (servers - 1) // 2))
    return tuple(Fault(luck.choice([*Kind]), place) for place in places)


def check(servers: Quorum, ahead: int, sequence: Sequence[Step]) -> None:
    """Play one sequence.

    Raises:
        AssertionError: a fence did not grow, or a minority kept everybody out.
    """
    servers.begin(ahead)
    fences: list[int] = []
    for step in sequence:
        fence = servers.fence_after(step)
        assert not fences or fence > fences[-1], f"{fence} after {fences} in {sequence}, ahead is {ahead}"
        fences.append(fence)


@contextmanager
def running(count: int) -> Iterator[Quorum]:
    """So many servers without a disk."""
    with ExitStack() as stack:
        stores = []
        for _ in range(count):
            server = Server("--appendonly", "no")
            stack.callback(server.remove)
            stores.append(stack.enter_context(Store.open(server.start().url, NAMESPACE, deadline_s=60)))
        yield Quorum(stores)


def main() -> None:
    reader = argparse.ArgumentParser(prog="python -m tests.locks.minorities")
    reader.add_argument("--servers", type=int, default=3)
    reader.add_argument("--length", type=int, default=3)
    reader.add_argument("--random", type=int, default=0, help="so many random sequences instead of all")
    reader.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    asked = reader.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    luck, tried = random.Random(asked.seed), 0
    with running(asked.servers) as servers:
        if asked.random:
            for _ in range(asked.random):
                sequence = [random_step(asked.servers, luck) for _ in range(asked.length)]
                check(servers, luck.randrange(asked.servers), sequence)
                tried += 1
        else:
            for sequence in itertools.product(steps_of(asked.servers), repeat=asked.length):
                check(servers, tried % asked.servers, sequence)
                tried += 1
    print(f"{tried} sequences of {asked.length} holds over {asked.servers} servers: every fence grew")


if __name__ == "__main__":
    main()
