"""Which schedules are due next, out of very many? Pure.

A heap of the times at which something is due, and for each of them who: an idle tick looks at its top only,
whether there are ten schedules or a million, and a herd that is due at one time costs the heap one step.
Replaced entries stay in their places until they surface.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from heapq import heapify, heappop, heappush

from onebeat.scheduler.delay import actual_ms
from onebeat.scheduler.planner import Entry
from onebeat.scheduler.stretches import Following


class Agenda:
    """Entries by schedule id, ordered by the time at which they are due, then as they were put."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._times: list[int] = []  # a heap of the keys of `_at`
        self._at: dict[int, list[Entry]] = {}
        self._begun: dict[int, int] = {}  # how many of that time have surfaced
        self._placed = 0
        self.put_all(entries)

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
        self.put_all((entry,))

    def put_all(self, entries: Iterable[Entry]) -> None:
        """`put` each of `entries`."""
        known, at = self._entries, self._at
        for entry in entries:
            schedule, id_, due_ms = entry.schedule, entry.schedule.id, entry.due_ms
            if due_ms is None and schedule.enabled:
                due_ms = Following().due(schedule.trigger, entry.cursor_ms)
                entry = Entry(schedule, entry.cursor_ms, due_ms)
            elif known.get(id_) is entry:
                entry = copy(entry)  # told from the one it replaces by its identity
            known[id_] = entry
            if due_ms is None or not schedule.enabled:
                continue
            time_ms = actual_ms(schedule, due_ms) if schedule.jitter_ms else due_ms
            others = at.get(time_ms)
            if others is None:
                at[time_ms] = [entry]
                heappush(self._times, time_ms)
            else:
                others.append(entry)
            self._placed += 1
        if self._placed > 64 + 2 * len(known):
            self._sweep()

    def drop(self, schedule_id: str) -> None:
        """Forget a schedule; one that is unknown is fine."""
        self._entries.pop(schedule_id, None)

    def take(self, now_ms: int, limit: int) -> list[Entry]:
        """Up to `limit` entries that are due at `now_ms`, the earliest first.

        They stay known but are not due again until they are `put` with a moved cursor.
        """
        taken: list[Entry] = []
        times = self._times
        while times and times[0] <= now_ms and len(taken) < limit:
            time_ms = times[0]
            begin = self._begun.get(time_ms, 0)
            some = self._at[time_ms][begin : begin + limit - len(taken)]
            taken += self._living(some)
            self._surfaced(time_ms, begin + len(some))
        return taken

    @property
    def wake_at_ms(self) -> int | None:
        """When the next entry is due; None when none will be."""
        while self._times:
            time_ms = self._times[0]
            begin = self._begun.get(time_ms, 0)
            if self._living(self._at[time_ms][begin : begin + 1]):
                return time_ms
            self._surfaced(time_ms, begin + 1)
        return None

    def _living(self, placed: Sequence[Entry]) -> list[Entry]:
        """Those that were not replaced since."""
        entries = self._entries
        return [entry for entry in placed if entries.get(entry.schedule.id) is entry]

    def _surfaced(self, time_ms: int, begun: int) -> None:
        """The first `begun` of the earliest time are in their places no more."""
        if begun < len(self._at[time_ms]):
            self._begun[time_ms] = begun
            return
        heappop(self._times)
        self._placed -= len(self._at.pop(time_ms))
        self._begun.pop(time_ms, None)

    def _sweep(self) -> None:
        """Keep replaced entries from outnumbering the living ones."""
        at = dict[int, list[Entry]]()
        for time_ms, some in self._at.items():
            if living := self._living(some[self._begun.get(time_ms, 0) :]):
                at[time_ms] = living
        self._at, self._times, self._begun = at, list(at), {}
        self._placed = sum(map(len, at.values()))
        heapify(self._times)
