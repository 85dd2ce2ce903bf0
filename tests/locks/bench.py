"""How do tests speak with one lock without the machinery around it: one script call at a time?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks.calls import ACQUIRE, ALONE, PROLONG, RELEASE, RENEW, RING, Attempt, ask, give_up, text_of
from onebeat.locks.roster import ROSTER
from onebeat.locks.view import PEEK
from onebeat.wire import Call, Command, Script, Store

# As it is, but an heir has an hour to come for its lock: the machine may stand still between two calls.
PATIENT = replace(
    ACQUIRE,
    text=ACQUIRE.text.replace(
        "CLAIM_MS, QUEUE_MS, NEAR, NEAR_MS, STEP_MS, SLOTS = 64, 300,",
        "CLAIM_MS, QUEUE_MS, NEAR, NEAR_MS, STEP_MS, SLOTS = 64, 3600000,",
    ),
)
assert PATIENT.text != ACQUIRE.text


@dataclass
class Bench:
    """One lock of a store."""

    store: Store
    keys: LockKeys
    acquires: Script = PATIENT

    def acquire(self, token: str, ttl_ms: int = 60_000, stay_ms: int = 0) -> tuple[str, int]:
        verdict, number, *_ = self.store.perform(self.acquire_call(token, ttl_ms, stay_ms))
        return text_of(verdict), int(number)

    def called_by(self, token: str, stay_ms: int = 0) -> tuple[str, list[str]]:
        """What `token` is told when it asks, and whom it shall wake."""
        verdict, _, *wake = self.store.perform(self.acquire_call(token, stay_ms=stay_ms))
        return text_of(verdict), [text_of(each) for each in wake]

    def release(self, token: str, how: str = "release", keep_ms: int = 0) -> tuple[str, str]:
        verdict, heir = self.store.perform(self.release_call(token, how, keep_ms))
        return text_of(verdict), text_of(heir)

    def renew(self, token: str, ttl_ms: int = 60_000) -> bool:
        return bool(self.store.perform(self.renew_call(token, ttl_ms)) == [1])

    def ring(self, token: str) -> int:
        return int(self.store.perform(self.ring_call(token)))

    def command(self, *words: Any) -> Any:
        return self.store.perform(Command(words))

    def silence(self, token: str) -> None:
        """As if this waiter had been called a while ago, and had not asked since."""
        written = self.command("HGET", self.keys.waiters, token).decode()
        self.command("HSET", self.keys.waiters, token, written.rpartition(":")[0] + ":1")

    def acquire_call(self, token: str, ttl_ms: int = 60_000, stay_ms: int = 0) -> Call:
        keys = self.keys
        return self.acquires.call(
            owner=keys.owner,
            state=keys.state,
            queue=keys.queue,
            waiters=keys.waiters,
            bell=keys.bell(token),
            token=token,
            ttl_ms=ttl_ms,
            stay_ms=stay_ms,
            who="{}",
        )

    def release_call(self, token: str, how: str = "release", keep_ms: int = 0) -> Call:
        keys = self.keys
        return RELEASE.call(
            owner=keys.owner,
            state=keys.state,
            queue=keys.queue,
            waiters=keys.waiters,
            bell=keys.bell(token),
            token=token,
            how=how,
            keep_ms=keep_ms,
            note="{}",
        )

    def renew_call(self, token: str, ttl_ms: int = 60_000) -> Call:
        return RENEW.call(owners=[self.keys.owner], holds=[(token, ttl_ms)])

    def ring_call(self, token: str) -> Call:
        return RING.call(bells=[self.keys.bell(token)], life_ms=10_000)

    def peek_call(self) -> Call:
        return PEEK.call(owner=self.keys.owner, state=self.keys.state, queue=self.keys.queue)


@dataclass
class ShareBench:
    """One share of a store."""

    store: Store
    keys: ShareKeys

    def enter(
        self, token: str, room: int = ALONE, *, ttl_ms: int = 10_000, stay_ms: int = 0
    ) -> tuple[str, int, list[str]]:
        """The verdict, its number, and whom to wake."""
        call = self.enter_call(token, room, ttl_ms=ttl_ms, stay_ms=stay_ms)
        verdict, number, *wake = self.store.perform(call)
        return text_of(verdict), int(number), [text_of(each) for each in wake]

    def leave(self, token: str, how: str = "release", keep_ms: int = 0) -> list[str]:
        """The verdict and whom to wake."""
        return [text_of(each) for each in self.store.perform(self.leave_call(token, how, keep_ms))]

    def prolong(self, token: str, ttl_ms: int = 10_000) -> bool:
        return bool(self.store.perform(self.prolong_call(token, ttl_ms)) == [1])

    def command(self, *words: Any) -> Any:
        return self.store.perform(Command(words))

    def silence(self, token: str) -> None:
        """As if this waiter had been called a while ago, and had not asked since."""
        written = self.command("HGET", self.keys.waiters, token).decode()
        self.command("HSET", self.keys.waiters, token, written.rpartition(":")[0] + ":1")

    def lapse(self, token: str) -> None:
        """As if this waiter had died a while ago."""
        self.command("HSET", self.keys.waiters, token, "1:1")

    def expire(self, token: str) -> None:
        """As if this holder had died a lease ago."""
        self.command("ZADD", self.keys.permits, 1, token)

    def enter_call(self, token: str, room: int = ALONE, *, ttl_ms: int = 10_000, stay_ms: int = 0) -> Call:
        return ask(Attempt(self.keys, token, ttl_ms, "{}", room), stay_ms)

    def leave_call(self, token: str, how: str = "release", keep_ms: int = 0) -> Call:
        return give_up(self.keys, token, how, keep_ms, "{}")

    def prolong_call(self, token: str, ttl_ms: int = 10_000) -> Call:
        return PROLONG.call(permits=[self.keys.permits], holds=[(token, ttl_ms)])

    def roster_call(self) -> Call:
        return ROSTER.call(
            permits=self.keys.permits, holders=self.keys.holders, state=self.keys.state, queue=self.keys.queue
        )
