"""What does a queue's event log say, and how far has the history read it? Pure.

Whoever can write to Redis can write to the log, so nothing in it may stop the history: what cannot be
read is counted, texts are cut and cleaned until every database takes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

FIELD = b"e"  # JSON lines, one per event
ID_MAX = 512
TEXT_MAX = 4_000
NAMES_MAX = {"schedule": 64, "task": 512, "worker": 512, "state": 16}  # the widths of their columns
LINES_MAX = 2_000  # lines in one SQL transaction
_INT_MAX = 2**63 - 1
_SEQ_MAX = 2**64 - 1

EntryId: TypeAlias = tuple[int, int]  # milliseconds, number within them
StreamEntry: TypeAlias = tuple[EntryId, bytes]  # what XRANGE returns, its one field taken out
BEGINNING: EntryId = (0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One event: when (Redis ms), where in the log (`place`, sorts as text), and its fields."""

    event: str
    id: str
    at_ms: int
    place: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """The field as text, cut to what its column takes; None when absent or empty."""
        value = self.fields.get(name)
        return None if value is None or value == "" else _clean(str(value))[: NAMES_MAX.get(name, TEXT_MAX)]

    def number(self, name: str) -> int | None:
        """The field as an integer of at most 64 bits; None when it is absent or something else."""
        try:
            value = int(self.fields[name])
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return value if abs(value) <= _INT_MAX else None


@dataclass(frozen=True, slots=True)
class Extent:
    """What the server says of a stream. `added`: entries ever added, None before Redis 7."""

    first: EntryId | None
    last: EntryId
    length: int
    added: int | None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the history has read a stream: up to entry `at`, its number `entries`."""

    at: EntryId = BEGINNING
    entries: int = 0
    lost: int = 0
    resets: int = 0

    def after(self, read: Sequence[StreamEntry]) -> Position:
        """The position once `read` is in the history."""
        return replace(self, at=read[-1][0], entries=self.entries + len(read))


def parse_id(text: str) -> EntryId:
    """`1700000000000-3` as two numbers."""
    ms, _, number = text.partition("-")
    return int(ms), int(number or 0)


def spell_id(entry_id: EntryId) -> str:
    """The text of `entry_id`, as Redis writes it."""
    return f"{entry_id[0]}-{entry_id[1]}"


def begin(extent: Extent) -> Position:
    """Where a new history starts: at the oldest entry there is; what was trimmed before is not its loss."""
    return Position(entries=0 if extent.added is None else extent.added - extent.length)


def reconciled(position: Position, extent: Extent) -> Position:
    """`position`, corrected by an `extent` that was read after it.

    A stream that ends before our position, or counts fewer entries than we read, was restored or began
    anew: it is read from its start again, which changes nothing that is known already. Entries that
    were trimmed before we read them are added to `lost`.
    """
    if _began_anew(position, extent):
        position = Position(lost=position.lost, resets=position.resets + 1)
    if extent.first is None:
        return position
    if extent.added is not None:
        missing = extent.added - extent.length - position.entries
    else:  # the last that we read is gone, so almost surely others behind it are too
        missing = int(BEGINNING != position.at < _before(extent.first))
    if missing <= 0:
        return position
    at = max(position.at, _before(extent.first))
    return replace(position, at=at, entries=position.entries + missing, lost=position.lost + missing)


def _began_anew(position: Position, extent: Extent) -> bool:
    if extent.last < position.at:
        return True
    if extent.added is None:
        return False
    trimmed = extent.added - extent.length
    gone = extent.first is None or extent.first > position.at
    return extent.added < position.entries or (gone and trimmed < position.entries)


def _before(entry_id: EntryId) -> EntryId:
    ms, number = entry_id
    return (ms, number - 1) if number else (ms - 1, _SEQ_MAX)


def chunks(read: Sequence[StreamEntry], lines_max: int = LINES_MAX) -> Iterator[Sequence[StreamEntry]]:
    """`read` in parts of whole entries, at most `lines_max` lines each unless one entry has more."""
    part: list[StreamEntry] = []
    lines = 0
    for entry in read:
        more = entry[1].count(b"\n") + 1
        if part and lines + more > lines_max:
            yield part
            part, lines = [], 0
        part.append(entry)
        lines += more
    if part:
        yield part


def lines_of(read: Sequence[StreamEntry]) -> tuple[list[Line], int]:
    """The events in `read`, in order, and the number of lines that are none."""
    lines, unreadable = [], 0
    for (ms, number), packed in read:
        for n, text in enumerate(packed.split(b"\n")):
            line = _line(text, ms, f"{ms:015d}-{number:020d}-{n:06d}")
            if line is not None:
                lines.append(line)
            elif text.strip():
                unreadable += 1
    return lines, unreadable


def _line(text: bytes, at_ms: int, place: str) -> Line | None:
    try:
        fields = json.loads(text)
        event, run_id = fields["event"], fields["id"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    if not isinstance(event, str) or not isinstance(run_id, str) or not 0 < len(run_id) <= ID_MAX:
        return None
    return Line(event, _clean(run_id), at_ms, place, fields)


def _clean(text: str) -> str:
    """No NUL (PostgreSQL refuses it) and no lone surrogate (nothing encodes it)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
