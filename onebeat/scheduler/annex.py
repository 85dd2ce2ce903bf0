"""Which schedules did programs make, and does this beat emit them?

A beat looks every second whether their revision has changed. It emits them under that revision, and only
while its files are the newest configuration: so of two beats with other files, or with another revision,
one emits, and what a file declares under the same id comes first everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from onebeat.keys import queue_keys
from onebeat.queue.known import make_known
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler.declarations import AllMade, Made, look, renumber, revision_of
from onebeat.scheduler.desk import WITHIN_S, Desk
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.section import Section
from onebeat.wire import Store

LOG = logging.getLogger("onebeat.beat")
Reader = Callable[[Mapping[str, Made]], Sequence[Schedule]]


class Annex:
    """`read` makes schedules of what programs wrote: those that can be read, fire, and are in no file."""

    def __init__(self, store: Store, read: Reader, time: RedisTime, ring: KeyRing = NO_KEYS) -> None:
        self._store, self._read, self._time, self._ring = store, read, time, ring
        self._known: tuple[int, str] | None = None  # the revision, and the configuration beside it
        self._born_ms: Mapping[str, int] = {}
        self._all: list[Section] = []
        self._open = False

    @property
    def sections(self) -> Sequence[Section]:
        """What this beat emits; nothing while another configuration than its own is the newest."""
        return self._all if self._open else ()

    def tend(self, desk: Desk) -> None:
        """Learn of what has changed, and say in every queue which revision this beat knows."""
        self._open = desk.rules
        if not self._open:
            return
        revision = self._store.run(revision_of(self._store.space, within_s=WITHIN_S))
        if (revision, desk.config) != self._known:
            found = self._store.run(look(self._store.space, within_s=WITHIN_S))
            if found is not None:  # else they change all the time, and the next look will find out
                self._take(found, desk.config)
        for section in self._all:
            section.adopt()
            section.enter(self._born_ms)
        newest = max((section.made for section in self._all), default=0)
        if self._known is not None and newest > self._known[0]:
            # The store lost what came after our revision; if it did not, then this counts nothing on.
            self._store.run(renumber(self._store.space, self._known[0], newest + 1, within_s=WITHIN_S))

    def _take(self, found: AllMade, config: str) -> None:
        schedules = sorted(self._read(found.schedules), key=lambda one: one.queue)
        by_queue = [(name, list(ours)) for name, ours in groupby(schedules, key=lambda one: one.queue)]
        if by_queue:
            names = [name for name, _ in by_queue]
            self._store.run(make_known(self._store.space, *names, within_s=WITHIN_S))
        self._born_ms = {id_: one.born_ms for id_, one in found.schedules.items()}
        self._all = [
            Section(
                self._store,
                queue_keys(self._store.namespace, name),
                ours,
                config,
                self._time,
                self._ring,
                found.revision,
            )
            for name, ours in by_queue
        ]
        if self._known is not None or schedules:
            LOG.info("%d schedules of programs, revision %d", len(schedules), found.revision)
        self._known = (found.revision, config)
