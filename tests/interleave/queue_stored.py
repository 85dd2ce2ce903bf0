"""What should the store hold of one queue, and what follows when a message of it is done? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onebeat.queue.record import Message, unpack
from tests.interleave.scenario import expect


@dataclass
class Gathered:
    """A group that is open."""

    total: int
    then: bytes
    done: set[str] = field(default_factory=set)


@dataclass
class Stored:
    """What the store should hold; a data loss replaces it."""

    ready: list[list[Message]] = field(default_factory=lambda: [[], [], [], []])
    own: dict[str, dict[str, Message]] = field(default_factory=dict)
    seq: dict[str, int] = field(default_factory=dict)
    due: dict[str, tuple[int, Message]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, tuple[int, list[bytes]]] = field(default_factory=dict)
    uniq: dict[str, tuple[str, str]] = field(default_factory=dict)
    parked: dict[str, tuple[str, int, str]] = field(default_factory=dict)  # id → lock, age, id
    unique: dict[str, str] = field(default_factory=dict)  # field of a singleton → the message queued for it
    lease_ms: dict[str, int] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    results: dict[str, bytes] = field(default_factory=dict)  # id → how it ended, and its value
    groups: dict[str, Gathered] = field(default_factory=dict)
    outbox: set[str] = field(default_factory=set)
    stored: int = 0

    def follow(self, id_: str, after: bytes, members: Sequence[str]) -> None:
        """The next call of a chain, one member less of a group, or a note for another queue."""
        numbers, _, rest = after.partition(b"\n")
        length, _, place = map(int, numbers.split())
        self._put(rest[:length])
        if place:
            self.joined(members[place - 1], id_)
        self.outbox |= {id_} if rest[length:] else set()

    def _put(self, record: bytes) -> None:
        if record:
            message = unpack(record)
            self.stored += 1
            self.awaited |= {message.id} if message.header.result_ttl_ms else set()
            self.ready[message.priority].append(message)

    def gather(self, args: Sequence[Any], answer: int) -> None:
        """A group begins, once."""
        new = str(args[0]) not in self.groups
        expect(int(answer) == new, "Q9", f"gather of {args[0]} was answered {answer}")
        if new:
            self.groups[str(args[0])] = Gathered(int(args[1]), bytes(args[3]))

    def joined(self, group: str, id_: str) -> None:
        """One more member of it is done."""
        known = self.groups.get(group)
        if known is not None:
            known.done.add(id_)
            if len(known.done) == known.total:
                del self.groups[group]
                self._put(known.then)
