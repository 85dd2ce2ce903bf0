"""What must the scripts of one lock answer? A sequential model. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.interleave.scenario import expect

RECENT = 16  # released tokens that the lock remembers
TOMB_MS = 60_000  # for so long a late request of an abandoned attempt is refused
CLAIM_MS = 300  # a grant waits so long for its heir, and a call for those whose turn it is
NEAR = 8  # as many of the queue look often
LATER_MS = 700  # those who may have a turn look within so long, the others so long after the lease's end


@dataclass
class Stored:
    """What the store should hold; a data loss replaces it."""

    owner: str = ""
    until_ms: int = 0
    fence: int = 0
    queue: list[str] = field(default_factory=list)
    lives_ms: dict[str, int] = field(default_factory=dict)
    grants_ms: dict[str, int] = field(default_factory=dict)
    called_ms: dict[str, int] = field(default_factory=dict)  # since when they are called and did not ask
    over: list[str] = field(default_factory=list)
    tombs_ms: dict[str, int] = field(default_factory=dict)
    heir: str = ""


@dataclass
class Model:
    """`fence_max` outlives every loss: a resource has seen it."""

    stored: Stored = field(default_factory=Stored)
    fence_max: int = 0

    def remember(self) -> Stored:
        return copy.deepcopy(self.stored)

    def lost(self, memory: Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if memory else Stored()

    def owner_at(self, now_ms: int) -> str:
        """Who holds the lock."""
        if self.stored.owner and now_ms > self.stored.until_ms:
            self.stored.owner = ""
        return self.stored.owner

    # -- acquire ------------------------------------------------------------------------------------

    def acquire(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        token, ttl_ms, stay_ms = str(args[0]), int(args[1]), int(args[2])
        verdict, number, stored = answer[0].decode(), int(answer[1]), self.stored
        woken = [each.decode() for each in answer[2:]]
        held = self.owner_at(now_ms)
        if token in stored.over or stored.tombs_ms.get(token, 0) >= now_ms:
            expect(verdict == "over", "L1", f"a late request revived the attempt {token}: {verdict}")
            return
        before = self._before(now_ms, token)
        if held == token or (not held and not before):
            expect(verdict == "held", "L1", f"{token} was refused ({verdict}), the lock is {held or 'free'}")
            self._takes(token, number, held)
            stored.owner, stored.until_ms = token, now_ms + ttl_ms
            return
        name = "L6" if not held and verdict == "held" else "L1"
        expect(verdict != "held", name, f"{token} got the lock of {held or 'those who waited before'}")
        expect(verdict == ("queued" if stay_ms else "busy"), "L1", f"{token} was told {verdict}")
        calls = [each for each in before if not held and each not in stored.called_ms]
        stored.called_ms |= dict.fromkeys(calls, now_ms)
        expect(woken == calls, "L6", f"{token} wakes {woken}, not {calls}")
        if stay_ms:
            if token not in stored.queue:
                stored.queue.append(token)
            stored.lives_ms[token] = now_ms + stay_ms
            stored.called_ms.pop(token, None)
            stored.grants_ms[token] = min(ttl_ms, CLAIM_MS)
            left_ms = 0 if not held or len(before) < NEAR else stored.until_ms - now_ms
            expect_a_look(left_ms, number, f"{token} behind {before}")

    def _takes(self, token: str, number: int, held: str) -> None:
        stored = self.stored
        if held != token:
            self._new_fence(number)
        expect(number == stored.fence, "L1", f"{token} holds fence {stored.fence} and was told {number}")
        if held != token or stored.heir == token:
            stored.heir = ""
            self._leave(token)

    def _before(self, now_ms: int, asking: str) -> list[str]:
        """Who waits before `asking` and may be alive; who is silent for long is dropped."""
        stored = self.stored
        while stored.queue and stored.queue[0] != asking and not self._lives(stored.queue[0], now_ms):
            self._leave(stored.queue[0])
        place = stored.queue.index(asking) if asking in stored.queue else len(stored.queue)
        return [one for one in stored.queue[:place] if self._lives(one, now_ms) and self._hears(one, now_ms)]

    def _lives(self, token: str, now_ms: int) -> bool:
        return self.stored.lives_ms.get(token, 0) > now_ms

    def _hears(self, token: str, now_ms: int) -> bool:
        """False for who was called, and did not ask for so long."""
        return now_ms - self.stored.called_ms.get(token, now_ms) < CLAIM_MS

    def _next(self, now_ms: int, after: str) -> str:
        """Who gets the lock from `after`: the first who lives and was not called in vain."""
        stored = self.stored
        for each in list(stored.queue):
            if each == after or not self._lives(each, now_ms):
                self._leave(each)
            elif self._hears(each, now_ms):
                return each
        return ""

    def _leave(self, token: str) -> None:
        stored = self.stored
        if token in stored.queue:
            stored.queue.remove(token)
        stored.lives_ms.pop(token, None)
        stored.called_ms.pop(token, None)

    def _new_fence(self, fence: int) -> None:
        expect(fence > self.fence_max, "L3", f"fence {fence} after {self.fence_max}")
        self.fence_max = self.stored.fence = fence

    # -- release ------------------------------------------------------------------------------------

    def release(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any], fence: int) -> None:
        """`fence`: what the store holds after the call."""
        token, how, keep_ms = str(args[0]), str(args[1]), int(args[2])
        verdict, heir, stored = answer[0].decode(), answer[1].decode(), self.stored
        held = self.owner_at(now_ms)
        if how == "abandon":
            stored.tombs_ms[token] = now_ms + TOMB_MS
            self._leave(token)
        if held != token:
            right = "already" if token in stored.over else "not-yours"
            expect(verdict == right, "L2", f"{how} of {token}, held by {held or 'nobody'}: {verdict}")
            again = stored.heir if held and stored.heir == held else ""
            expect(heir == again, "L2", f"{how} of {token} wakes {heir!r}, not {again!r}")
            return
        expect(verdict == "done", "L2", f"{how} of the holder {token}: {verdict}")
        if how != "force" or keep_ms:
            stored.over = [token, *stored.over][:RECENT]
        if keep_ms:
            stored.owner, stored.until_ms = f"{token}:over", now_ms + keep_ms
            return
        first = self._next(now_ms, token)
        expect(heir == first, "L6", f"{how} of {token} passes the lock to {heir!r}, first is {first!r}")
        if first:
            stored.until_ms = now_ms + stored.grants_ms[first]
        if first or how == "force":
            self._new_fence(fence)
        stored.owner = stored.heir = first

    def renew(self, token: str, ttl_ms: int, now_ms: int, renewed: int) -> None:
        mine = self.owner_at(now_ms) == token
        expect(bool(renewed) == mine, "L2", f"renewal of {token}, held by {self.stored.owner}: {renewed}")
        if mine:
            self.stored.until_ms = now_ms + ttl_ms


def expect_a_look(left_ms: int, look_ms: int, who: str) -> None:
    """Who waits looks again when the lease can end: not for long after that, and not without need before."""
    right = max(0, left_ms - 5) <= look_ms <= max(0, left_ms) + LATER_MS
    expect(right, "L5", f"{who} looks in {look_ms} ms, the lease ends in {left_ms}")
