"""What do people's acts on a queue change, and what must their scripts answer? Beside `queue_model`. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onebeat.queue.record import LIVE, Message, unpack
from tests.interleave import queue_model
from tests.interleave.scenario import expect


@dataclass
class Stored(queue_model.Stored):
    """`calls`: what each numbered call was answered; `lives`: message → the schedule that it counts for."""

    calls: dict[str, list[int]] = field(default_factory=dict)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    lives: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Message] = field(default_factory=dict)
    died_ms: dict[str, int] = field(default_factory=dict)
    halt: tuple[int, str] | None = None


@dataclass
class Model(queue_model.Model):
    """Also dead letters that come back, what is purged, and pauses."""

    stored: Stored = field(default_factory=Stored)
    now_ms: int = 0

    def lost(self, memory: queue_model.Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if isinstance(memory, Stored) else Stored()

    # -- messages that count for a schedule ---------------------------------------------------------

    def insert(self, keys: Sequence[Any], args: Sequence[Any], answer: Sequence[Any]) -> None:
        stored, token = self.stored, str(args[0])
        for number, (at, told) in enumerate(zip(range(4, len(args), 7), answer, strict=True)):
            key, message = str(keys[number]), unpack(args[at + 4])
            if key in stored.asked:
                before, word = stored.asked[key]
                right = word if before == token else "existing"
            else:
                right = "waits" if stored.lives else "emitted"
                stored.asked[key] = (token, right)
                stored.stored += 1
                stored.lives[message.id] = str(args[at + 1])
                if right == "waits":
                    stored.waiting[message.id] = message
                else:
                    stored.ready[message.priority].append(message)
            expect(told.decode() == right, "Q1", f"{message.id} was answered {told}, not {right}")

    def _end(self, id_: str, state: str, more: bytes = b"") -> None:
        super()._end(id_, state, more)
        if state == "dead":
            self.stored.died_ms[id_] = self.now_ms
        if self.stored.lives.pop(id_, None) is not None:
            self._over()

    def _over(self) -> None:
        """When all that counts is waiting, the first of it begins."""
        waiting = self.stored.waiting
        if waiting and len(self.stored.lives) <= len(waiting):
            message = waiting.pop(min(waiting))
            self.stored.ready[message.priority].append(message)

    # -- people -------------------------------------------------------------------------------------

    def redrive(self, keys: Sequence[Any], args: Sequence[Any], answer: Sequence[int]) -> None:
        rows = [
            (str(args[at]), int(args[at + 1]), args[at + 2], str(args[at + 4]))
            for at in range(2, len(args), 5)
        ]
        right, unique = list[int](), set(self.stored.unique)
        for id_, at, _, name in rows:
            there = self._is_dead(id_, at)
            right.append(2 if there and name in unique else there)
            unique |= {name} if right[-1] == 1 and name else set()
        if self._said(str(keys[0]), answer, right):
            return
        for (id_, _, record, name), done in zip(rows, answer, strict=True):
            if done == 1:
                self.stored.unique |= {name: id_} if name else {}
                message = unpack(record)
                begins = (message.attempt, message.deliveries) == (0, 0)
                expect(begins, "Q5", f"{id_} does not begin as if it were new: {message}")
                del self.stored.ended[id_]
                self.stored.ready[message.priority].append(message)
                if message.flags & LIVE:
                    self.stored.lives[id_] = message.header.schedule

    def discard(self, keys: Sequence[Any], args: Sequence[Any], answer: Sequence[int]) -> None:
        rows = [(str(args[at]), int(args[at + 1]), int(args[at + 3])) for at in range(2, len(args), 4)]
        if self._said(str(keys[0]), answer, [self._is_dead(id_, at) for id_, at, _ in rows]):
            return
        for (id_, _, place), done in zip(rows, answer, strict=True):
            if done:
                self.stored.ended[id_] = "discarded"
                self._free(id_, keys[place] if place else "")

    def purge(self, keys: Sequence[Any], args: Sequence[Any], answer: Sequence[int]) -> None:
        stored, lane = self.stored, str(keys[0])
        if lane in stored.calls:
            expect(answer == stored.calls[lane], "Q1", f"a purge was answered {answer}, not as before")
            return
        right = []
        for at in range(3, len(args), 3):
            id_, number, place = str(args[at]), int(args[at + 1]), int(args[at + 2])
            found = self._front(number, id_) if number else self._aside(id_)
            right.append(int(found))
            if found:
                self._free(id_, keys[place] if place else "")
                self._end(id_, "cancelled")
        expect(answer == right, "Q1", f"purge answered {answer}, expected {right}")
        stored.calls[lane] = right

    def _front(self, number: int, id_: str) -> bool:
        ready = self.stored.ready[number - 1]
        return bool(ready) and ready[0].id == id_ and bool(ready.pop(0))

    def _aside(self, id_: str) -> bool:
        return any(there.pop(id_, None) is not None for there in (self.stored.due, self.stored.waiting))

    def halt(self, args: Sequence[Any], answer: Any) -> None:
        until_ms, why = int(args[0]), bytes(args[1]).decode()
        wanted = None if until_ms == -1 else (until_ms, why)
        expect(int(answer) == (self.stored.halt != wanted), "V", f"{self.stored.halt} → {wanted}: {answer}")
        self.stored.halt = wanted

    def _said(self, lane: str, answer: Sequence[int], right: list[int]) -> bool:
        """Whether that call has run before; it is answered as it was then."""
        known = lane in self.stored.calls
        wanted = self.stored.calls.setdefault(lane, right)
        expect(list(answer) == wanted, "Q1", f"answered {answer}, expected {wanted}; again: {known}")
        return known

    def _is_dead(self, id_: str, died_ms: int) -> int:
        return int(self.stored.ended.get(id_) == "dead" and self.stored.died_ms.get(id_) == died_ms)

    def _free(self, id_: str, key: Any) -> None:
        if key and self.stored.uniq.get(str(key), ("",))[0] == id_:
            del self.stored.uniq[str(key)]

    # -- what a pause changes -----------------------------------------------------------------------

    def cycle(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        self.now_ms = now_ms
        if answer[0] in (b"ok", b"again"):
            until_ms = self.stored.halt[0] if self.stored.halt else -1
            if 0 < until_ms <= now_ms:
                self.stored.halt = None
            held = self.stored.halt is not None
            expect(bool(answer[6]) == held, "V", f"told {answer[6]} of the pause until {until_ms}, {now_ms}")
        super().cycle(args, now_ms, answer)

    def _claim(self, wid: str, want: int, records: Sequence[bytes]) -> None:
        super()._claim(wid, 0 if self.stored.halt else want, records)

    def recover(self, args: Sequence[Any], now_ms: int, answer: Any) -> None:
        self.now_ms = now_ms
        super().recover(args, now_ms, answer)

    def counts(self) -> dict[str, int]:
        """How many messages of each schedule are not over."""
        found: dict[str, int] = {}
        for schedule in self.stored.lives.values():
            found[schedule] = found.get(schedule, 0) + 1
        return found
