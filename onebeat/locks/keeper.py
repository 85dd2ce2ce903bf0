"""Who renews the leases of this process while their holders work?

One thread per store, with a connection of its own, so that neither a busy event loop nor a busy
connection pool delays a renewal. It ends when there was nothing to renew for `LINGER_S`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from onebeat.clock import Clock
from onebeat.errors import Remedy, StoreError
from onebeat.locks import protocol
from onebeat.locks.lease import Lease
from onebeat.locks.validity import DEADLINE_MAX_S, believed_until_s, deadline_s, renew_at_s
from onebeat.wire import AsyncStore, Store
from onebeat.wire.twin import twin

LINGER_S = 5.0
IDLE_LOOK_S = 1.0  # so that a hold that is not due within this need not wake the thread
BATCH_MAX = 128  # locks renewed by one call
EARLY = 6  # what is due within a sixth of its lease is renewed along with what is due now
RETRIES = 20  # an unanswered renewal is repeated after this part of the lease


_GUARD = threading.Lock()  # of what there is to renew in this process


@dataclass(slots=True, eq=False)
class Hold:
    """A lease to renew: when next, and at which monotonic second no more (`max_hold`)."""

    lease: Lease
    next_s: float
    last_s: float
    trouble: str = ""

    def due(self, now_s: float) -> bool:
        return now_s >= self.next_s - self.lease.lease_s / EARLY and now_s < self.last_s

    @property
    def look_at_s(self) -> float:
        """When there is something to do about it: a renewal, or to notice that it is over."""
        return min(self.next_s, self.lease.until_s) if self.next_s < self.last_s else self.lease.until_s


class Keeper:
    """The thread that renews what is held in one store. Use `keep` and `let_go`."""

    def __init__(self, origin: Store | AsyncStore, clock: Clock, retire: Callable[[Keeper], bool]) -> None:
        self.origin = origin  # referenced, so that its client's id stays taken while this lives
        self._clock = clock
        self._retire = retire
        self._holds: dict[Lease, Hold] = {}  # not by token: who is told its token may use it twice
        self._changed = threading.Condition(_GUARD)
        self._wakes_at_s = 0.0
        self._used_s = clock.mono_s()
        self._deadline_s = DEADLINE_MAX_S
        self._store = twin(origin, self._deadline_s)

    def start(self) -> None:
        threading.Thread(target=self._run, name="onebeat-keeper", daemon=True).start()

    @property
    def idle(self) -> bool:
        return not self._holds

    def add(self, hold: Hold) -> None:
        """Called with `_GUARD` held."""
        self._holds[hold.lease] = hold
        self._used_s = hold.lease.since_s
        if hold.look_at_s < self._wakes_at_s:  # a short hold never costs a thread switch
            self._changed.notify()

    def remove(self, lease: Lease) -> None:
        self._holds.pop(lease, None)

    def _run(self) -> None:
        reason = "the thread that renews leases failed"
        try:
            while self._wait() or not self._retire(self):
                self._look()
        finally:
            for hold in [*self._holds.values()]:  # empty unless something unforeseen was raised
                hold.lease.lose(reason)
            self._retire(self)
            self._close()

    def _wait(self) -> bool:
        """Wait until a hold needs a look; False when nothing was held for `LINGER_S`."""
        with self._changed:
            now_s = self._clock.mono_s()
            looks = [hold.look_at_s for hold in self._holds.values()]
            self._wakes_at_s = min(looks, default=now_s + min(IDLE_LOOK_S, LINGER_S))
            self._changed.wait(max(0.0, self._wakes_at_s - now_s))
            self._wakes_at_s = 0.0
            return bool(looks or self._holds) or self._clock.mono_s() < self._used_s + LINGER_S

    def _look(self) -> None:
        holds = [*self._holds.values()]  # at once, as `remove` is: neither needs the guard
        now_s = self._clock.mono_s()
        for hold in holds:
            if hold.lease.past_due:
                self._lose(hold, _why_over(hold, now_s))
        due = [hold for hold in holds if hold.due(now_s) and not hold.lease.past_due]
        self._hurry(due)
        for start in range(0, len(due), BATCH_MAX):
            self._renew(due[start : start + BATCH_MAX])

    def _hurry(self, due: list[Hold]) -> None:
        """The deadline of a call fits the shortest lease."""
        wanted_s = min((deadline_s(hold.lease.lease_s) for hold in due), default=self._deadline_s)
        if wanted_s < self._deadline_s:
            self._close()
            self._deadline_s = wanted_s
            self._store = twin(self.origin, wanted_s)

    def _renew(self, due: list[Hold]) -> None:
        sent_s = self._clock.mono_s()
        locks = [(hold.lease.keys, hold.lease.token, round(hold.lease.lease_s * 1000)) for hold in due]
        try:
            answers = self._store.run(protocol.renew(locks))
            trouble = "the store refuses its keys"
        except StoreError as problem:
            answers, trouble = [None] * len(due), str(problem)
            if problem.remedy is Remedy.RESOLVE:  # the new master may never have heard of these locks
                for hold in due:
                    hold.lease.doubt(
                        f"its store is no master any more, and no renewal confirmed it; {problem}"
                    )
        answered_s = self._clock.mono_s()
        for hold, mine in zip(due, answers, strict=True):
            lease_s = hold.lease.lease_s
            if mine:
                hold.lease.extend(believed_until_s(sent_s, answered_s, lease_s))
                hold.next_s = renew_at_s(sent_s, lease_s)
            elif mine is None:
                hold.next_s = answered_s + lease_s / RETRIES
                hold.trouble = trouble
            else:
                self._lose(hold, "the store says that it ended, or that an operator took it")

    def _lose(self, hold: Hold, reason: str) -> None:
        self.remove(hold.lease)
        hold.lease.lose(reason)

    def _close(self) -> None:
        if self._store.client is not self.origin.client:
            self._store.close()


def _why_over(hold: Hold, now_s: float) -> str:
    if now_s >= hold.last_s:
        return "it was held for its max_hold, and is renewed no more"
    if hold.trouble:
        return f"its time was over and no renewal succeeded; {hold.trouble}"
    return "its time was over before it was renewed: this process, or its machine, stood still"


_KEEPERS: dict[int, Keeper] = {}


def keep(store: Store | AsyncStore, lease: Lease, max_hold_s: float, clock: Clock) -> None:
    """Renew `lease` until `let_go`, for at most `max_hold_s` seconds since it was acquired."""
    hold = Hold(lease, renew_at_s(lease.since_s, lease.lease_s), lease.since_s + max_hold_s)
    with _GUARD:
        keeper = _KEEPERS.get(id(store.client))
        if keeper is None:
            keeper = Keeper(store, clock, _retire)
            keeper.start()
            _KEEPERS[id(store.client)] = keeper
        keeper.add(hold)


def let_go(store: Store | AsyncStore, lease: Lease) -> None:
    """Renew `lease` no more."""
    keeper = _KEEPERS.get(id(store.client))
    if keeper is not None:
        keeper.remove(lease)


def _retire(keeper: Keeper) -> bool:
    """Forget `keeper`, unless it was given something to renew meanwhile."""
    with _GUARD:
        if keeper.idle and _KEEPERS.get(id(keeper.origin.client)) is keeper:
            del _KEEPERS[id(keeper.origin.client)]
        return keeper.idle


def _forget_all() -> None:
    """Threads do not survive a fork, and a lock may have been held by one of them."""
    global _GUARD
    _GUARD = threading.Lock()
    _KEEPERS.clear()


os.register_at_fork(after_in_child=_forget_all)
