"""What does a beat work on? One configuration: its schedules by queue, and its standing in every queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from onebeat.keys import queue_keys
from onebeat.queue.known import make_known
from onebeat.queue.pages import names
from onebeat.queue.settling import Homes, settle
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler.declared import publish
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.section import Section
from onebeat.wire import Command, Store, insist

LOG = logging.getLogger("onebeat.beat")
WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """The configuration by now: its hash (empty: as before), and what answers its schedules.

    `refused`: why its newest content is not taken, for people; empty when it is.
    """

    schedules: Callable[[], Sequence[Schedule]] = list
    config: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the history knows, for a store that lost its data.

    `cursors`: where schedules go on; `runs`: how many fires those with a limit had until then.
    """

    cursors: Mapping[str, int] = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)


class Desk:
    """`schedules` under the hash `config`; `known` are cursors of an earlier configuration of this beat."""

    def __init__(
        self,
        store: Store,
        schedules: Sequence[Schedule],
        config: str,
        time: RedisTime,
        ring: KeyRing = NO_KEYS,
        known: Mapping[str, int] | None = None,
    ) -> None:
        self.config, self.count, self._schedules = config, len(schedules), schedules
        self._store, self._time, self._ring, self._known = store, time, ring, dict(known or {})
        by_queue = groupby(sorted(schedules, key=lambda one: one.queue), key=lambda one: one.queue)
        self.sections = [self._section(queue, list(ours)) for queue, ours in by_queue]
        self._elsewhere: dict[str, Section] = {}  # queues in which this configuration has nothing
        formerly = {one.formerly: one.id for one in schedules if one.formerly}
        self._homes = Homes(config, {one.id: one.queue for one in schedules}, formerly)
        self._registered = self._settled = self._gives_way = False

    @property
    def active(self) -> bool:
        """Whether every section emits."""
        return all(section.active for section in self.sections)

    @property
    def rules(self) -> bool:
        """Whether this configuration is the newest in every queue, and in its place."""
        return self.active and self._settled and not self._gives_way

    def with_schedules(self, schedules: Sequence[Schedule], config: str) -> Desk:
        """A desk for another configuration, which knows what this one knew."""
        known = dict(self._known)
        for section in self.sections:
            known.update(section.cursors)
        return Desk(self._store, schedules, config, self._time, self._ring, known)

    def tend(self, known: Callable[[], Known]) -> None:
        """Say in every queue which configuration this is; as the newest, enter."""
        if not self._registered:
            self._register()
        settled = self.active and self._settled
        found = Known() if settled else known()  # slow, so before anything is adopted
        for section in self.sections:
            section.adopt()
        self._adopt_elsewhere()
        if self.active and self._settled:
            return
        # Nobody emits in any queue by an older configuration from here on, so cursors stand still.
        queues = [one.keys.queue for one in (*self.sections, *self._elsewhere.values()) if one.newest]
        moved = self._store.run(settle(self._store.namespace, queues, self._homes, within_s=WITHIN_S))
        if moved:
            LOG.info("%d schedules have another queue or id, and go on where they were", moved)
        for section in self.sections:
            section.enter({**self._known, **found.cursors}, found.runs)
        self._settled = self.active
        if self.active:
            told = publish(self._store.space, self._schedules, self.config, within_s=WITHIN_S)
            self._store.run(told)

    def _section(self, queue: str, schedules: Sequence[Schedule]) -> Section:
        keys = queue_keys(self._store.namespace, queue)
        return Section(self._store, keys, schedules, self.config, self._time, self._ring)

    def _register(self) -> None:
        """Put the queues where operators look for them."""
        queues = [section.keys.queue for section in self.sections]
        if queues:
            self._store.run(make_known(self._store.space, *queues, within_s=WITHIN_S))
        self._registered = True

    def _adopt_elsewhere(self) -> None:
        """Silence older configurations in queues for which this one has no schedules.

        Only as the newest in its own queues: in a queue where it was never seen any configuration would
        pass for a deploy. One without schedules has nothing to lose and gives way for good.
        """
        if not all(section.newest for section in self.sections) or self._gives_way:
            self._elsewhere.clear()
            return
        ours = {section.keys.queue for section in self.sections}
        for queue in self._store.run(names(self._store.space.queues)):
            if queue not in ours and queue not in self._elsewhere:
                keys = queue_keys(self._store.namespace, queue)
                if self._store.run(insist(Command(("HLEN", keys.gen)), within_s=WITHIN_S)):
                    self._elsewhere[queue] = self._section(queue, ())
                    self._settled = False
        for section in self._elsewhere.values():
            section.adopt()
        self._gives_way = not ours and not all(one.newest for one in self._elsewhere.values())
