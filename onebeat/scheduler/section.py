"""How do one queue's schedules get from due to queued? One pass of the beat."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from onebeat.errors import StoreError
from onebeat.failpoints import reach
from onebeat.keys import QueueKeys
from onebeat.queue.emission import (
    EMIT_MAX,
    NO_RUNS,
    READING,
    Answer,
    Emitted,
    Fate,
    Fire,
    Standing,
    adopt,
    emit,
    enrol,
)
from onebeat.queue.scripts import BATCH_MAX
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler.agenda import Agenda
from onebeat.scheduler.fires import Mould
from onebeat.scheduler.planner import Entry, plan
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import Schedule
from onebeat.scheduler.stretches import Following
from onebeat.scheduler.uncollected import uncollected
from onebeat.wire import Ahead, Protocol, Store

LOG = logging.getLogger("onebeat.beat")
WITHIN_S = 1.0
ADOPT_EVERY_S = 1.0
# Calls under way while the next one is sent: the store need not wait for us. They go by connections of
# their own: should one overtake another, the cursors refuse what came too soon, and the next pass sends it.
AHEAD = 1
PASS_MAX = 4_096  # schedules in one pass, after which a beat looks at its lease again
PASS_S = 0.2  # or after so long: at the end of a pass the store waits for this beat


@dataclass(frozen=True, slots=True)
class Flight:
    """Fires that were sent; `told` ends with what became of them."""

    fires: Sequence[Fire]
    told: Ahead[Emitted]


@dataclass(frozen=True, slots=True)
class Question:
    """Where are these schedules? `told` ends with Redis time and their cursors."""

    ids: Sequence[str]
    told: Ahead[tuple[int, list[int | None]]]


class Section:
    """The schedules that feed one queue. `config` is the hash of the whole configuration.

    `revision` is that of the schedules that programs made, when these are some of them.
    """

    def __init__(
        self,
        store: Store,
        keys: QueueKeys,
        schedules: Iterable[Schedule],
        config: str,
        time: RedisTime,
        ring: KeyRing = NO_KEYS,
        revision: int | None = None,
    ) -> None:
        self.keys = keys
        self._revision = revision
        self._store, self._config, self._time, self._ring = store, config, time, ring
        self._schedules = {one.id: one for one in schedules}
        self._agenda = Agenda()
        self._cursors: dict[str, int] = {}
        self._standing: Standing | None = None
        self._enrolled = False

    @property
    def active(self) -> bool:
        """Whether this configuration is the newest and its cursors are known."""
        return self._enrolled and self._standing is not None and self._standing.newest

    @property
    def wake_at_ms(self) -> int | None:
        """When the next fire is due, Redis ms; None when this section has nothing to do by itself."""
        return self._agenda.wake_at_ms if self.active else None

    @property
    def newest(self) -> bool:
        """Whether this configuration was the newest when the store was asked last."""
        return self._standing is not None and self._standing.newest

    @property
    def made(self) -> int:
        """The newest revision of what programs made that any beat has brought here, as told last."""
        return 0 if self._standing is None else self._standing.made

    @property
    def cursors(self) -> Mapping[str, int]:
        """Where this beat knows its schedules to be."""
        return self._cursors

    def tend(self, starts: Mapping[str, int], runs: Mapping[str, int] = NO_RUNS) -> None:
        """`adopt`, then `enter`."""
        self.adopt()
        self.enter(starts, runs)

    def adopt(self) -> None:
        """Learn whether this configuration is the newest."""
        before = self._standing
        asked = adopt(self.keys, self._config, within_s=WITHIN_S, revision=self._revision)
        self._standing = standing = self._store.run(asked)
        reach("beat.adopted")
        self._time.heard(standing.now_ms)
        if (before is None or before.newest != standing.newest) and self._revision is None:
            LOG.info(
                "queue %s: generation %d of the schedules is %s",
                self.keys.queue,
                standing.generation,
                "the newest" if standing.newest else "not the newest; this beat stands by",
            )
        if not standing.newest:
            self._enrolled = False

    def enter(self, starts: Mapping[str, int], runs: Mapping[str, int] = NO_RUNS) -> None:
        """As the newest configuration read the cursors, once.

        `starts`: where schedules begin that the store knows nothing of (else: now); `runs`: how many fires
        they had until then, which a limit counts.
        """
        if self.newest and not self._enrolled:
            with uncollected(len(self._schedules)):
                self._enrolled = self._enrol(list(self._schedules), starts, runs)
            reach("beat.enrolled")

    def pass_once(self, lag_ms: int) -> int:
        """Emit what has been due for `lag_ms`; how many schedules were looked at.

        A beat that does not lead lags, and reads the cursors again before it decides.
        """
        now_ms, looked, away = self._time.now_ms() - lag_ms, 0, list[Entry]()
        flying, until_s = deque[Flight](), self._time.mono_s() + PASS_S
        try:
            while (
                looked < PASS_MAX
                and self._time.mono_s() < until_s
                and (entries := self._agenda.take(now_ms, EMIT_MAX))
            ):
                looked += len(entries)
                away += entries
                fires = self._fires(self._refreshed(entries) if lag_ms else entries, now_ms)
                for start in range(0, len(fires), EMIT_MAX):
                    flying.append(self._send(fires[start : start + EMIT_MAX]))
                    if len(flying) > AHEAD:
                        self._land(flying.popleft())
            away = self._put_back_landed(away, flying)
            while flying:
                self._land(flying.popleft())
        except Exception as problem:
            # What could not be planned holds up nothing that was sent: its answer may ask for it again.
            while flying and not isinstance(problem, StoreError):
                self._land(flying.popleft())
            raise
        finally:
            for flight in flying:
                flight.told.drop()
            self._put([entry.schedule for entry in away], Following())
        return looked

    def _put_back_landed(self, away: Sequence[Entry], flying: Iterable[Flight]) -> list[Entry]:
        """Put back what is decided while the store works on the rest, which is returned."""
        unknown = {fire.schedule for flight in flying for fire in flight.fires}
        self._put([entry.schedule for entry in away if entry.schedule.id not in unknown], Following())
        return [entry for entry in away if entry.schedule.id in unknown]

    def _fires(self, entries: Sequence[Entry], now_ms: int) -> list[Fire]:
        """What is decided about `entries`."""
        # moulds are made for the moment: kept for each schedule they are a third of a beat's memory
        return [Mould(schedule).fire(step) for schedule, step in plan(entries, now_ms).decisions]

    def _refreshed(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries as the store has them; those that nobody emitted are still due.

        What the store lost is not made up for here: `enter` asks the history first.
        """
        ids = [(entry.schedule.id, None) for entry in entries]
        now_ms, cursors = self._store.run(enrol(self.keys, READING, ids, within_s=WITHIN_S))
        self._time.heard(now_ms)
        known = []
        for entry, cursor_ms in zip(entries, cursors, strict=True):
            if cursor_ms is None:
                self._enrolled = False
            else:
                self._cursors[entry.schedule.id] = cursor_ms
                known.append(Entry(entry.schedule, cursor_ms))
        return known

    def _send(self, fires: Sequence[Fire]) -> Flight:
        """Send `fires`; what follows is planned while the store works."""
        reach("emit.planned")
        told = emit(self.keys, self._config, fires, self._ring, within_s=WITHIN_S, revision=self._revision)
        return Flight(fires, self._store.begin(told))

    def _land(self, flight: Flight) -> None:
        emitted = flight.told.end()
        reach("emit.sent")
        self._time.heard(emitted.now_ms)
        for fire, answer in zip(flight.fires, emitted.answers, strict=True):
            if answer.fate is Fate.EMITTED or answer.fate is Fate.SKIPPED:
                self._cursors[fire.schedule] = fire.to_ms
            else:
                self._refused(fire, answer)

    def _refused(self, fire: Fire, answer: Answer) -> None:
        """Nothing was done: learn what the store says instead."""
        match answer.fate:
            case Fate.MOVED if answer.cursor_ms is not None:
                self._cursors[fire.schedule] = answer.cursor_ms
            case Fate.MOVED | Fate.STALE:
                # The store lost its data or another configuration took over: ask before going on.
                self._enrolled = False

    def _enrol(self, ids: Sequence[str], starts: Mapping[str, int], runs: Mapping[str, int]) -> bool:
        """Read the cursors of `ids`; what the store does not know starts where this beat knows it to be.

        False when a newer configuration came in between: it alone may create the cursors.
        """
        complete, follows, same = True, Following(), dict[int, int]()
        for some, cursors in self._told(ids, starts, runs):
            found: list[Schedule] = []
            for id_, cursor_ms in zip(some, cursors, strict=True):
                if cursor_ms is None:
                    complete = False
                else:
                    self._cursors[id_] = same.setdefault(cursor_ms, cursor_ms)  # a million share few numbers
                    found.append(self._schedules[id_])
            self._put(found, follows)
        return complete

    def _told(
        self, ids: Sequence[str], starts: Mapping[str, int], runs: Mapping[str, int]
    ) -> Iterator[tuple[Sequence[str], Sequence[int | None]]]:
        """The cursors of `ids`, some at a time; the store looks up the next while these are taken in."""
        began_ms: int | None = None  # the same for all that are new, so that they share their next times
        adopt_at_s = self._time.mono_s() + ADOPT_EVERY_S
        flying: deque[Question] = deque()
        try:
            for begin in range(0, len(ids), BATCH_MAX):
                if self._time.mono_s() >= adopt_at_s:  # a million takes longer than others wait for a sign
                    self.adopt()
                    adopt_at_s = self._time.mono_s() + ADOPT_EVERY_S
                some = ids[begin : begin + BATCH_MAX]
                flying.append(Question(some, self._store.begin(self._ask(some, began_ms, starts, runs))))
                while flying and (began_ms is None or len(flying) > AHEAD or begin + BATCH_MAX >= len(ids)):
                    asked = flying.popleft()
                    now_ms, cursors = asked.told.end()
                    self._time.heard(now_ms)
                    began_ms = began_ms or now_ms
                    yield asked.ids, cursors
        finally:
            for asked in flying:
                asked.told.drop()

    def _ask(
        self, ids: Sequence[str], began_ms: int | None, starts: Mapping[str, int], runs: Mapping[str, int]
    ) -> Protocol[tuple[int, list[int | None]]]:
        # the history first: it knows what was queued and lost, this beat only what it decided
        rows = [(id_, starts.get(id_, self._cursors.get(id_))) for id_ in ids]
        assert self._standing is not None  # `adopt` comes first
        return enrol(
            self.keys,
            self._config,
            rows,
            born=self._standing.born,
            start_ms=began_ms,
            runs=runs,
            within_s=WITHIN_S,
            revision=self._revision,
        )

    def _put(self, schedules: Iterable[Schedule], follows: Following) -> None:
        """Put them where this beat knows them to be."""
        cursors, due = self._cursors, follows.due
        self._agenda.put_all(
            [Entry(one, (at_ms := cursors[one.id]), due(one.trigger, at_ms)) for one in schedules]
        )
