"""Who has a token of its rate, and who waits for one, and with which place? Beside `slot_model`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from onebeat.queue.record import Message, RateHead
from tests.interleave import slot_model
from tests.interleave.slot_model import LOOK_MS

FAR_MS = 3_600_000
FULL_AT_ONCE = 2  # so many keys that have all their tokens again are forgotten with each start


@dataclass
class Stored(slot_model.Stored):
    """`queues`: rate key → who waits for a token; `place`: of each that waits; `full_us`: of rate keys."""

    queues: dict[str, list[Message]] = field(default_factory=dict)
    place: dict[str, int] = field(default_factory=dict)
    full_us: dict[str, int] = field(default_factory=dict)


@dataclass
class Model(slot_model.Model):
    """Also tokens, and the lines before them."""

    stored: Stored = field(default_factory=Stored)
    _first_fence: int = 0
    _begin: int = 0
    _paced: list[str] = field(default_factory=list)

    empty = Stored

    def cycle(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        self._first_fence = int(answer[4]) if len(answer) > 4 else 0
        self._paced.clear()
        self._begin = int(args[7])
        super().cycle(args, now_ms, answer)

    # -- tokens -------------------------------------------------------------------------------------

    def _token_us(self, rate: RateHead) -> int:
        return self.stored.full_us.get(rate.key, 0) - (rate.burst - 1) * rate.every_us

    def _take(self, message: Message) -> None:
        """It starts."""
        concurrency, rate, now_us = message.header.concurrency, message.header.rate, self.now_ms * 1000
        if concurrency is not None:
            self.stored.slots[message.id] = concurrency.key
        if rate is None:
            return
        full_us = self.stored.full_us
        full_us[rate.key] = max(now_us, full_us.get(rate.key, 0)) + rate.every_us
        old = sorted((at, _field(key), key) for key, at in full_us.items() if at <= now_us)
        for _, _, key in old[:FULL_AT_ONCE]:
            del full_us[key]

    # -- lines --------------------------------------------------------------------------------------

    def _stand(self, message: Message, line: list[Message], wait_ms: int, place: int | None) -> None:
        """At its place, or behind all of its priority."""
        places = self.stored.place
        if place is None:
            before = [places[one.id] for one in line if one.priority == message.priority]
            place = max(max(before, default=0) + 1, self._first_fence)
        places[message.id] = place
        line.append(message)
        line.sort(key=lambda one: (one.priority, places[one.id], one.id))
        self.stored.due[message.id] = (self.now_ms + wait_ms, message)

    def _wait_for_slot(self, message: Message, place: int | None = None) -> None:
        head = message.header.concurrency
        assert head is not None
        self._stand(message, self.stored.lines.setdefault(head.key, []), LOOK_MS, place)

    def _wait_for_token(self, message: Message, place: int | None = None) -> None:
        rate = message.header.rate
        assert rate is not None
        self._stand(message, self.stored.queues.setdefault(rate.key, []), FAR_MS, place)
        self._pace(rate.key)

    def _pace(self, key: str) -> None:
        if key not in self._paced:
            self._paced.append(key)

    def _step_out(self, message: Message) -> int:
        """It waits no more; the place that it had."""
        stored = self.stored
        for lines in (stored.lines, stored.queues):
            for key in [key for key, line in lines.items() if message in line]:
                lines[key].remove(message)
                if not lines[key]:
                    del lines[key]
        del stored.due[message.id]
        return stored.place.pop(message.id)

    # -- turns --------------------------------------------------------------------------------------

    def _promote(self, now_ms: int) -> None:
        stored = self.stored
        ripe = sorted((at, id_) for id_, (at, _) in stored.due.items() if at <= now_ms)
        for _, id_ in ripe:
            if id_ not in stored.due:
                continue
            message = stored.due[id_][1]
            slot = next((key for key, line in stored.lines.items() if message in line), None)
            rate = next((key for key, line in stored.queues.items() if message in line), None)
            if slot is not None:
                stored.due[id_] = (now_ms + LOOK_MS, message)
                self._call_up(slot)
            elif rate is not None:
                stored.due[id_] = (now_ms + FAR_MS, message)
                self._pace(rate)
            else:
                del stored.due[id_]
                stored.ready[message.priority].append(message)

    def _call_up(self, key: str) -> None:
        front, away = list[Message](), 0
        for message in list(self.stored.lines[key]):
            head = message.header.concurrency
            if head is None or self.taken(key) + away >= head.limit:
                break
            place = self._step_out(message)
            if message.header.rate is not None:
                self._wait_for_token(message, place)
                away += 1
            else:
                self.stored.slots[message.id] = key
                front.append(message)
        for message in reversed(front):
            self.stored.ready[message.priority].insert(0, message)

    def _claim(self, wid: str, want: int, records: Sequence[bytes]) -> None:
        expected, begin = list[Message](), min(self._begin, want)
        for priority, waiting in enumerate(self.stored.ready):
            for key in self._paced:
                if self._serve(key, priority, begin, expected):
                    want = 0
            while waiting and len(expected) < want:
                message = waiting.pop(0)
                if self._seated(message, len(expected) < begin):
                    expected.append(message)
        for key in self._paced:
            self._wind_up(key)
        self._has(wid, records, expected)

    def _serve(self, key: str, priority: int, begin: int, expected: list[Message]) -> bool:
        """Whether the first of the line has its token and could not begin: then nobody is claimed ahead."""
        while line := self.stored.queues.get(key):
            message, slot = line[0], line[0].header.concurrency
            rate = message.header.rate
            assert rate is not None
            if message.priority > priority or self._token_us(rate) > self.now_ms * 1000:
                return False
            if slot is not None and self.taken(slot.key) >= slot.limit:
                self._wait_for_slot(message, self._step_out(message))
            elif len(expected) >= begin:
                return True
            else:
                self._step_out(message)
                self._take(message)
                expected.append(message)
        return False

    def _wind_up(self, key: str) -> None:
        line = self.stored.queues.get(key)
        if line and (rate := line[0].header.rate):
            at_ms = max(self.now_ms, -(-self._token_us(rate) // 1000))
            self.stored.due[line[0].id] = (at_ms, line[0])

    def _seated(self, message: Message, can_begin: bool = True) -> bool:
        slot, rate, stored = message.header.concurrency, message.header.rate, self.stored
        seat = message.id in stored.slots
        if rate and (
            not can_begin or self._token_us(rate) > self.now_ms * 1000 or stored.queues.get(rate.key)
        ):
            if seat:
                self._vacate(message.id)
            self._wait_for_token(message)
            return False
        if slot and not seat and (self.taken(slot.key) >= slot.limit or stored.lines.get(slot.key)):
            self._wait_for_slot(message)
            return False
        self._take(message)
        return True

    def places(self) -> dict[str, list[str]]:
        found = super().places()
        waiting = [one.id for line in self.stored.queues.values() for one in line]
        for place in ("parked", "parked too") if waiting else ():
            found[place] = sorted([*found.get(place, ()), *waiting])
        rates = sorted(f"{_field(key)} {at}" for key, at in self.stored.full_us.items())
        return found | ({"rates": rates} if rates else {})


def _field(key: str) -> str:
    return "~" + sha1(key.encode(), usedforsecurity=False).hexdigest()
