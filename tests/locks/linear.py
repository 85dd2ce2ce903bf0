"""Is there one order of these calls in which a lock without concurrency answers each as it was answered?

The search of Wing and Gong, "Testing and Verifying Concurrent Objects" (J. Parallel Distrib. Comput. 17,
1993); of several ways to the same calls and the same state only one is followed, as in Lowe, "Testing for
Linearizability" (2017). Pure.

A call takes effect at one moment between its beginning and its answer. One that was never answered, because
its process was killed or did not hear the store, takes effect at some later moment, or never. A lease may
end by itself, but not while its holder is sure of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest
from itertools import accumulate
from math import inf
from typing import NamedTuple


class Act(StrEnum):
    """What a call did, as far as it was told; the last three need not have happened at all."""

    HELD = "held"  # acquired, with a fence
    BUSY = "busy"  # refused: another holds it, or waited before
    GAVE = "gave"  # released by its holder
    LOST = "lost"  # released too late: it was not the holder's any more
    MAY_HOLD = "may hold"  # asked for, and never answered
    MAY_GIVE = "may give"  # released, and never answered
    MAY_LAPSE = "may lapse"  # nobody's call: the lease ends


MUST = frozenset({Act.HELD, Act.BUSY, Act.GAVE, Act.LOST})


@dataclass(frozen=True, slots=True)
class Op:
    """One call for the attempt `hold`, between two monotonic seconds.

    `waits`: it may have stood in the queue meanwhile, and been called up in vain. That is what `to_s` says of
    a call without an answer; it takes effect whenever it does.
    """

    act: Act
    hold: str
    from_s: float
    to_s: float = inf
    fence: int = 0
    waits: bool = False

    def __str__(self) -> str:
        fence = f" fence {self.fence}" if self.fence else ""
        return f"{self.hold} {self.act}{fence} between {self.from_s:.6f} and {self.to_s:.6f}"


class Lock(NamedTuple):
    """The lock without concurrency: who holds it ("": nobody), and the highest fence so far."""

    holder: str = ""
    fence: int = 0

    def after(self, op: Op, *, queue: bool = False) -> Lock | None:
        """This lock after `op`; None when it cannot have answered so.

        `queue`: somebody may have waited before the caller, who then does not get a lock that is free.
        """
        mine = self.holder == op.hold
        if op.act is Act.HELD:
            return Lock(op.hold, op.fence) if not self.holder and op.fence > self.fence else None
        if op.act is Act.MAY_HOLD:
            return None if self.holder else Lock(op.hold, self.fence)
        if op.act is Act.BUSY:
            return self if queue or (self.holder and not mine) else None
        if op.act is Act.LOST:
            return None if mine else self
        return Lock("", self.fence) if mine else None


class _At(NamedTuple):
    """A way as far as it goes: the calls before `first` and those of `done` are explained.

    `used`: which of those that need not have happened did.
    """

    first: int = 0
    done: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    lock: Lock = Lock()


def first_unexplained(ops: Iterable[Op]) -> Op | None:
    """None when there is such an order; else the call at which the longest attempt to find one ended."""
    rows = sorted(ops, key=lambda op: op.from_s)
    search = _Search([op for op in rows if op.act in MUST], [op for op in rows if op.act not in MUST])
    return search.run()


class _Search:
    def __init__(self, musts: Sequence[Op], mays: Sequence[Op]) -> None:
        self._musts, self._mays = musts, mays
        self._queue = list(_beside_who_waits(musts, mays))

    def run(self) -> Op | None:
        ways = [_At()]
        seen, furthest = set(ways), ways[0]
        while ways:
            at = ways.pop()
            if at.first == len(self._musts):
                return None
            furthest = max(furthest, at, key=lambda one: one.first)
            for way in self._steps(at):
                if way not in seen:
                    seen.add(way)
                    ways.append(way)
        return min(self._open(furthest), key=lambda n_op: n_op[1].to_s)[1]

    def _open(self, at: _At) -> list[tuple[int, Op]]:
        """Calls without a place yet that could come next: they began before the first answer among them."""
        found: list[tuple[int, Op]] = []
        end_s = inf
        for n in range(at.first, len(self._musts)):
            op = self._musts[n]
            if op.from_s > end_s:
                break
            if n not in at.done:
                found.append((n, op))
                end_s = min(end_s, op.to_s)
        return [(n, op) for n, op in found if op.from_s <= end_s]

    def _steps(self, at: _At) -> Iterator[_At]:
        """The ways on from here; the last one is tried first."""
        able = self._open(at)
        ways: list[_At] = []
        for n, op in able:
            lock = at.lock.after(op, queue=self._queue[n])
            if lock is not None:
                way = self._explained(at, n, lock)
                if lock == at.lock:  # what changes nothing may as well come now, and no other way is needed
                    yield way
                    return
                ways.append(way)
        # What need not have happened comes in where it must: for that the others are tried before.
        end_s = min(op.to_s for _, op in able)
        for n, op in enumerate(self._mays):
            if op.from_s > end_s:
                break
            lock = at.lock.after(op) if n not in at.used else None
            if lock is not None:
                yield at._replace(used=at.used | {n}, lock=lock)
        yield from ways

    def _explained(self, at: _At, n: int, lock: Lock) -> _At:
        first, done = at.first, at.done | {n}
        while first in done:
            done -= {first}
            first += 1
        return _At(first, done, at.used, lock)


def _beside_who_waits(musts: Sequence[Op], mays: Sequence[Op]) -> Iterator[bool]:
    """Of each of `musts`, whether another one may have stood in the queue meanwhile."""
    waiting = sorted((op for op in (*musts, *mays) if op.waits), key=lambda op: op.from_s)
    begins = [op.from_s for op in waiting]
    last = list(accumulate(([op] for op in waiting), lambda a, b: nlargest(2, a + b, key=lambda op: op.to_s)))
    for op in musts:
        before = bisect_right(begins, op.to_s)
        yield before > 0 and any(one is not op and one.to_s >= op.from_s for one in last[before - 1])
