"""What must the scripts of one share answer? A sequential model. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.interleave.lock_model import CLAIM_MS, NEAR, TOMB_MS, expect_a_look
from tests.interleave.scenario import expect

RECENT = 32  # released tokens that a share remembers
WAKE = 16  # as many are woken by one call
ALONE = 0


@dataclass
class Place:
    """One who waits: until when it keeps its place, how many it tolerates, since when it is called."""

    until_ms: int
    room: int
    called_ms: int = 0

    def hears(self, now_ms: int) -> bool:
        return not self.called_ms or now_ms - self.called_ms < CLAIM_MS


@dataclass
class Stored:
    """What the store should hold; a data loss replaces it."""

    permits_ms: dict[str, int] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    alone: str = ""
    fence: int = 0
    queue: dict[str, Place] = field(default_factory=dict)  # in order of arrival
    over: list[str] = field(default_factory=list)
    tombs_ms: dict[str, int] = field(default_factory=dict)


@dataclass
class Model:
    """`fence_max` outlives every loss: a resource has seen it."""

    stored: Stored = field(default_factory=Stored)
    fence_max: int = 0

    def remember(self) -> Stored:
        return copy.deepcopy(self.stored)

    def lost(self, memory: Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if memory else Stored()

    def holders_at(self, now_ms: int) -> list[str]:
        """Who is in."""
        permits = self.stored.permits_ms
        for token in [token for token, until_ms in permits.items() if until_ms <= now_ms]:
            del permits[token]
        return list(permits)

    # -- enter ----------------------------------------------------------------------------------------

    def enter(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        token, ttl_ms, stay_ms, room = str(args[0]), int(args[2]), int(args[3]), int(args[4])
        verdict, number, stored = answer[0].decode(), int(answer[1]), self.stored
        woken = [each.decode() for each in answer[2:]]
        if token in stored.over or stored.tombs_ms.get(token, 0) >= now_ms:
            expect(verdict == "over", "L1", f"a late request revived the attempt {token}: {verdict}")
            return
        if token in self.holders_at(now_ms):
            expect(verdict == "held", "L1", f"{token} is in and was told {verdict}")
            expect(number == stored.fences[token], "L1", f"{token} has {stored.fences[token]}, told {number}")
            stored.permits_ms[token] = now_ms + ttl_ms
            return
        turns = self._turns(now_ms, token, room)
        if token in turns:
            expect(
                verdict == "held", "L1", f"{token} was refused ({verdict}) beside {list(stored.permits_ms)}"
            )
            self._new_fence(number)
            stored.queue.pop(token, None)
            stored.permits_ms[token], stored.fences[token] = now_ms + ttl_ms, number
            stored.alone = token if room == ALONE else stored.alone
            self._wakes(token, turns, woken)
            return
        free = token in self._turns(now_ms, token, room, passes=True)
        name = "L6" if free else "L1"
        expect(
            verdict != "held", name, f"{token} is in beside {list(stored.permits_ms)}, {stored.queue} wait"
        )
        expect(verdict == ("queued" if stay_ms else "busy"), "L1", f"{token} was told {verdict}")
        before = self._before(now_ms, token)
        calls = [each for each in before if turns and not stored.queue[each].called_ms]
        expect(woken == calls, "L6", f"{token} wakes {woken}, not {calls}: it is the turn of {turns}")
        for each in calls:
            stored.queue[each].called_ms = now_ms
        if stay_ms:
            place = stored.queue.setdefault(token, Place(0, room))
            place.until_ms, place.called_ms = now_ms + stay_ms, 0
            ends_ms = min(stored.permits_ms.values(), default=0)
            left_ms = 0 if turns or len(before) < NEAR else ends_ms - now_ms
            expect_a_look(left_ms, number, f"{token} behind {before}")

    def _before(self, now_ms: int, asking: str) -> list[str]:
        """Who waits before `asking` and may be alive."""
        line = list(self.stored.queue)
        line = line[: line.index(asking)] if asking in line else line
        return [each for each in line if self.stored.queue[each].hears(now_ms)]

    def _turns(self, now_ms: int, asking: str = "", room: int = ALONE, *, passes: bool = False) -> list[str]:
        """Whose turn it is, in order; `passes`: if the one who asks needed not mind who waits."""
        stored = self.stored
        count = len(self.holders_at(now_ms))
        shut = stored.alone in stored.permits_ms
        for token in [one for one, place in stored.queue.items() if place.until_ms <= now_ms]:
            if token != asking:
                del stored.queue[token]
        line = {
            token: place.room
            for token, place in stored.queue.items()
            if token == asking or place.hears(now_ms)
        }
        if asking:
            line = {asking: room} if passes else {**line, asking: room}
        turns: list[str] = []
        for token, its_room in line.items():
            if shut or (count > 0 if its_room == ALONE else count >= its_room):
                break
            turns.append(token)
            count, shut = count + 1, its_room == ALONE
        return turns

    def _wakes(self, who: str, turns: list[str], woken: list[str]) -> None:
        others = [token for token in turns if token != who][:WAKE]
        expect(woken == others, "L6", f"{who} wakes {woken}, and it is the turn of {others}")

    def _new_fence(self, fence: int) -> None:
        expect(fence > self.fence_max, "L3", f"fence {fence} after {self.fence_max}")
        self.fence_max = self.stored.fence = fence

    # -- leave ----------------------------------------------------------------------------------------

    def leave(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any], fence: int) -> None:
        """`fence`: what the store holds after the call."""
        token, how, keep_ms, stored = str(args[0]), str(args[1]), int(args[2]), self.stored
        verdict, woken = answer[0].decode(), [each.decode() for each in answer[1:]]
        mine = token in self.holders_at(now_ms)
        if how == "abandon":
            stored.tombs_ms[token] = now_ms + TOMB_MS
            stored.queue.pop(token, None)
        right = "done" if mine else "already" if token in stored.over else "not-yours"
        expect(verdict == right, "L2", f"{how} of {token}, which is {'in' if mine else 'not in'}: {verdict}")
        if mine:
            del stored.permits_ms[token]
            if keep_ms:
                stored.permits_ms[f"{token}:over"] = now_ms + keep_ms
                stored.alone = f"{token}:over" if stored.alone == token else stored.alone
            if how == "force":
                self._new_fence(fence)
            else:
                stored.over = [token, *stored.over][:RECENT]
        self._wakes(token, self._turns(now_ms), woken)

    def prolong(self, token: str, ttl_ms: int, now_ms: int, renewed: int) -> None:
        mine = token in self.holders_at(now_ms)
        expect(bool(renewed) == mine, "L2", f"renewal of {token}, in are {list(self.stored.permits_ms)}")
        if mine:
            self.stored.permits_ms[token] = now_ms + ttl_ms
