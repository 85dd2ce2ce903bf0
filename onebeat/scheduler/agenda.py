"""Which schedules are due next, out of very many? Pure.

A heap of next times: an idle tick looks at its top only, whether there are ten schedules or a million.
Replaced entries stay in the heap until they surface; the serial number only keeps equal times in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.planner import Entry
from onebeat.scheduler.stretches import Following

_Due: TypeAlias = tuple[int, int, Entry]


class Agenda:
    """Entries by schedule id, ordered by the time at which they are due."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._heap: list[_Due] = []
        self._serial = 0
        for entry in entries:
            due = self._remember(entry)
            if due is not None:
                self._heap.append(due)
        heapify(self._heap)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, schedule_id: str) -> bool:
        return schedule_id in self._entries

    def get(self, schedule_id: str) -> Entry | None:
        """The entry as it was put last."""
        return self._entries.get(schedule_id)

    def put(self, entry: Entry) -> None:
        """Add an entry or replace the one of the same schedule.

        An entry without `due_ms` asks its trigger; one that never fires, or is disabled, is kept but
        never due.
        """
        due = self._remember(entry)
        if due is not None:
            heappush(self._heap, due)
        if len(self._heap) > 64 + 2 * len(self._entries):
            self._sweep()

    def drop(self, schedule_id: str) -> None:
        """Forget a schedule; one that is unknown is fine."""
        self._entries.pop(schedule_id, None)

    def take(self, now_ms: int, limit: int) -> list[Entry]:
        """Up to `limit` entries that are due at `now_ms`, the earliest first.

        They stay known but are not due again until they are `put` with a moved cursor.
        """
        taken: list[Entry] = []
        heap = self._heap
        while heap and len(taken) < limit and heap[0][0] <= now_ms:
            due = heappop(heap)
            if self._is_current(due):
                taken.append(due[2])
        return taken

    @property
    def wake_at_ms(self) -> int | None:
        """When the next entry is due; None when none will be."""
        while self._heap and not self._is_current(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _remember(self, entry: Entry) -> _Due | None:
        """Store the entry; its place in the heap, None when it is never due."""
        schedule, cursor_ms, due_ms = entry
        if due_ms is None and schedule.enabled:
            due_ms = Following().due(schedule.trigger, cursor_ms)
        entry = Entry(schedule, cursor_ms, due_ms)  # told from the one it replaces by its identity
        self._entries[schedule.id] = entry
        if due_ms is None or not schedule.enabled:
            return None
        self._serial += 1
        return actual_ms(schedule, due_ms) if schedule.jitter_ms else due_ms, self._serial, entry

    def _is_current(self, due: _Due) -> bool:
        return self._entries.get(due[2].schedule.id) is due[2]

    def _sweep(self) -> None:
        """Keep replaced entries from outnumbering the living ones."""
        self._heap = [due for due in self._heap if self._is_current(due)]
        heapify(self._heap)
