"""Which runs of a worker process are beyond their hard time limit? Written by it, read by its supervisor.

A file without a name that both have mapped: a deadline per slot, in front of them all, and for each a note
of what has it. The supervisor compares deadlines without asking a process whose interpreter may be held;
the notes it reads only once that process is dead, when nobody writes any more. Both clocks are the
machine's monotonic one. A run without a hard limit does not come here.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from onebeat.queue.record import RetryPolicy

FD = "ONEBEAT_LIMITS_FD"
_NOTE = 512  # bytes: an id (≤ 255) and numbers
_LENGTH = struct.Struct("=H")
_STAMP = 8
_TURNS = struct.Struct("=I")
_TURNS_AT = 4
_HEAD = 8  # the first byte: it has done its share; the last four: how often it claimed or settled something


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A run with a hard limit, and what follows from a death of it: `again` when the task wants another
    try after one. The supervisor does not know tasks, so the run's own process writes down their rules."""

    id: str
    limit_ms: int
    started_ms: int
    policy: RetryPolicy
    again: bool


class Board:
    """`slots` deadlines and notes, on the file `fd`."""

    def __init__(self, fd: int, slots: int) -> None:
        size = _HEAD + slots * (_STAMP + _NOTE)
        if os.fstat(fd).st_size < size:
            os.ftruncate(fd, size)
        self.fd, self._notes_at = fd, _HEAD + slots * _STAMP
        self._map = mmap.mmap(fd, size)
        self._until = memoryview(self._map)[_HEAD : self._notes_at].cast("d")
        self._free = deque(range(slots))

    @contextlib.contextmanager
    def limiting(
        self, until_s: float, *, id_: str, limit_ms: int, started_ms: int, policy: RetryPolicy, again: bool
    ) -> Iterator[None]:
        """Around a run that must be over at `until_s`, monotonic; the rest is for its `Note`."""
        note = Note(id_, limit_ms, started_ms, policy, again)
        slot = self._free.popleft()  # there are as many as runs may be at once
        self._write(slot, note)
        self._until[slot] = until_s  # last: a slot with a deadline has its whole note
        try:
            yield
        finally:
            self._until[slot] = 0.0
            self._free.append(slot)

    def _write(self, slot: int, note: Note) -> None:
        encoded = msgspec.msgpack.encode(note)
        if len(encoded) > _NOTE - _LENGTH.size:  # a policy out of foreign bytes may be of any length
            encoded = msgspec.msgpack.encode(replace(note, policy=RetryPolicy()))
        at = self._notes_at + slot * _NOTE
        _LENGTH.pack_into(self._map, at, len(encoded))
        self._map[at + _LENGTH.size : at + _LENGTH.size + len(encoded)] = encoded

    def retire(self) -> None:
        """Say that this process has done its share, claims nothing more, and ends when its runs have."""
        self._map[0] = 1

    @property
    def retires(self) -> bool:
        """Whether the process has said so."""
        return self._map[0] == 1

    def turn(self) -> None:
        """Say that this process claimed or settled something."""
        _TURNS.pack_into(self._map, _TURNS_AT, (self.turns + 1) % (1 << 32))

    @property
    def turns(self) -> int:
        """How often the process has said so, modulo 2³²."""
        (turns,) = _TURNS.unpack_from(self._map, _TURNS_AT)
        return int(turns)

    def is_over(self, now_s: float) -> bool:
        """Whether a run should have ended."""
        return any(0.0 < until_s <= now_s for until_s in self._until)

    def overdue(self, now_s: float) -> list[Note]:
        """The runs that should have ended by `now_s`; only when the process that writes here is dead."""
        return [self._read(slot) for slot, until_s in enumerate(self._until) if 0.0 < until_s <= now_s]

    def _read(self, slot: int) -> Note:
        at = self._notes_at + slot * _NOTE
        (length,) = _LENGTH.unpack_from(self._map, at)
        start = at + _LENGTH.size
        return msgspec.msgpack.decode(self._map[start : start + length], type=Note)

    def close(self) -> None:
        """Forget the file."""
        self._until.release()
        self._map.close()
        os.close(self.fd)
