"""Who has a slot of its key, and who waits for one in which order? Beside `queue_model`. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any, ClassVar

from onebeat.queue.record import Message, unpack
from tests.interleave import queue_model
from tests.interleave.scenario import expect

LOOK_MS = 60_000


@dataclass
class Stored(queue_model.Stored):
    """`slots`: message → its key; `lines`: key → who waits, in the order of its turn."""

    slots: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[Message]] = field(default_factory=dict)


@dataclass
class Model(queue_model.Model):
    """Also slots, and the lines before them."""

    stored: Stored = field(default_factory=Stored)
    now_ms: int = 0
    _returned: list[Message] = field(default_factory=list)
    empty: ClassVar[type[Stored]] = Stored

    def lost(self, memory: queue_model.Stored | None) -> None:
        self.stored = copy.deepcopy(memory) if isinstance(memory, Stored) else self.empty()

    def cycle(self, args: Sequence[Any], now_ms: int, answer: Sequence[Any]) -> None:
        self.now_ms = now_ms
        super().cycle(args, now_ms, answer)

    def taken(self, key: str) -> int:
        return sum(one == key for one in self.stored.slots.values())

    # -- ends ---------------------------------------------------------------------------------------

    def _settle(self, wid: str, row: Sequence[Any], now_ms: int) -> int:
        id_, move = str(row[0]), str(row[1])
        held = self.owned(wid).get(id_)
        if move != "release":
            late = super()._settle(wid, row, now_ms)
            if held is not None:
                self._vacate(id_)
            return late
        if held is None:
            return 1
        back = unpack(self.owned(wid).pop(id_) and row[3])
        expect(back.attempt == held.attempt, "Q5", f"{id_} was given back and attempt {back.attempt} counted")
        self._returned.append(back)
        return 0

    def _settle_all(self, wid: str, args: Sequence[Any], now_ms: int, told: int) -> None:
        super()._settle_all(wid, args, now_ms, told)
        while self._returned:  # the last one first, so that they are in front in their order
            back = self._returned.pop()
            self.stored.ready[back.priority].insert(0, back)

    def _end(self, id_: str, state: str, more: bytes = b"") -> None:
        super()._end(id_, state, more)
        self._vacate(id_)

    def _vacate(self, id_: str) -> None:
        """Whoever is first in the line looks at once."""
        key = self.stored.slots.pop(id_, "")
        line = self.stored.lines.get(key, [])
        if key and line:
            self.stored.due[line[0].id] = (0, line[0])

    # -- turns --------------------------------------------------------------------------------------

    def _promote(self, now_ms: int) -> None:
        stored = self.stored
        ripe = sorted((at, id_) for id_, (at, _) in stored.due.items() if at <= now_ms)
        for _, id_ in ripe:
            if id_ not in stored.due:  # called up by one before it
                continue
            message = stored.due[id_][1]
            key = next((key for key, line in stored.lines.items() if message in line), "")
            if key:
                stored.due[id_] = (now_ms + LOOK_MS, message)
                self._call_up(key)
            else:
                del stored.due[id_]
                stored.ready[message.priority].append(message)

    def _call_up(self, key: str) -> None:
        line, front = self.stored.lines[key], list[Message]()
        while line and self.taken(key) < _limit(line[0]):
            front.append(line.pop(0))
            self.stored.slots[front[-1].id] = key
            del self.stored.due[front[-1].id]
        for message in reversed(front):
            self.stored.ready[message.priority].insert(0, message)
        if not line:
            del self.stored.lines[key]

    def _claim(self, wid: str, want: int, records: Sequence[bytes]) -> None:
        """What may not run steps aside first; then the claim is as that of any queue."""
        room = want
        for waiting in self.stored.ready:
            for message in list(waiting):
                if room == 0:
                    break
                if self._seated(message):
                    room -= 1
                else:
                    waiting.remove(message)
                    self._line_up(message)
        super()._claim(wid, want, records)

    def _seated(self, message: Message) -> bool:
        head, slots = message.header.concurrency, self.stored.slots
        if head is None or message.id in slots:
            return True
        if self.taken(head.key) >= head.limit or self.stored.lines.get(head.key):
            return False
        slots[message.id] = head.key
        return True

    def _line_up(self, message: Message) -> None:
        head = message.header.concurrency
        assert head is not None
        line = self.stored.lines.setdefault(head.key, [])
        line.append(message)
        line.sort(key=lambda one: one.priority)  # stable: of one priority in the order of arrival
        self.stored.due[message.id] = (self.now_ms + LOOK_MS, message)

    def places(self) -> dict[str, list[str]]:
        found, stored = super().places(), self.stored
        fields = {id_: _field(key) for id_, key in stored.slots.items()}
        counts = {_field(key): str(self.taken(key)) for key in stored.slots.values()}
        lined = sorted(message.id for line in stored.lines.values() for message in line)
        more = {
            "slots": sorted(f"{name} {value}" for name, value in (fields | counts).items()),
            "parked": lined,
            "parked too": lined,
        }
        return found | {place: ids for place, ids in more.items() if ids}


def _limit(message: Message) -> int:
    head = message.header.concurrency
    return head.limit if head else 0


def _field(key: str) -> str:
    return "/" + sha1(key.encode(), usedforsecurity=False).hexdigest()
