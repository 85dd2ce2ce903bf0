"""Which schedules are there, of files and of programs, and what does a program do with one?

Protocols for the blocking and the asyncio client. A file's schedules are known where there is an `App`;
elsewhere only what the beats have written down of them.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from onebeat.clock import SYSTEM
from onebeat.config.declare import changed, declared, keys_of, restored
from onebeat.errors import ConfigError, NotFound, Refused
from onebeat.keys import QueueKeys, SpaceKeys, queue_keys
from onebeat.ledger.fold import Run
from onebeat.queue import control, peek
from onebeat.queue.handle import Handle
from onebeat.queue.signing import NO_KEYS, KeyRing
from onebeat.scheduler import declarations
from onebeat.scheduler.acts import Act, Backfill, History, Look, Place, backfill, past_times, trigger
from onebeat.scheduler.blanks import has_blanks
from onebeat.scheduler.declarations import Made
from onebeat.scheduler.declared import declared as told_by_beats
from onebeat.scheduler.instants import at_ms
from onebeat.scheduler.log_tail import recent
from onebeat.scheduler.lookout import upcoming
from onebeat.scheduler.schedule import Overlap, Schedule
from onebeat.wire import Protocol, insist
from onebeat.worker.registry import REGISTRY

T = TypeVar("T")
WITHIN_S = 10.0
SHOWN = 10  # fires ahead and behind that `describe` tells


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule and who declares it: `source` is `file`, `python` or `api`.

    `revision` and `keys`, what was given to `create`, are known of `api` only.
    """

    schedule: Schedule
    source: str
    revision: int | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its stable name."""
        return self.schedule.id


@dataclass(frozen=True, slots=True)
class Description(Declared):
    """A schedule as it stands: `next` are its next fires (at most 10), `last` its last runs, newest first.

    `paused_until` is None when it is not paused, or until somebody resumes it. `cursor` is the nominal time
    that was decided last; None when no beat has begun with it. `live`: its messages that are not over.
    """

    paused: bool = False
    paused_until: datetime | None = None
    paused_reason: str = ""
    next: Sequence[datetime] = ()
    last: Sequence[Run] = ()
    cursor: datetime | None = None
    live: int = 0


class Catalog:
    """The schedules of a namespace; `known` are those of files, `history` where past runs are."""

    def __init__(
        self,
        space: SpaceKeys,
        namespace: str,
        known: Callable[[], Sequence[Declared]] = tuple,
        history: Callable[[], History] | None = None,
        ring: KeyRing = NO_KEYS,
    ) -> None:
        self._space, self._place, self._namespace = space, Place(space, namespace, ring), namespace
        self._known, self._history, self._ring = known, history, ring

    def create(self, id_: str, keys: Mapping[str, Any]) -> Protocol[bool]:
        schedule, text = self._read(id_, keys, f"schedules.create({id_!r})")
        yield from self._refuse_declared(id_)
        made = declarations.create(
            self._space, self._namespace, id_, text, schedule.queue, self._ring, within_s=WITHIN_S
        )
        return (yield from made)

    def update(self, id_: str, changes: Mapping[str, Any], expected: int | None) -> Protocol[int]:
        origin = f"schedules.update({id_!r})"

        def change(text: str) -> tuple[str, str]:
            before = restored(id_, text)
            schedule, after = self._read(id_, changed(text, changes, origin), origin)
            if schedule.queue != before.queue:
                raise Refused(
                    f"{origin}: queue cannot change from {before.queue} to {schedule.queue}, because where "
                    "the schedule is stays in its queue: delete it and create it anew"
                )
            return after, schedule.queue

        made = declarations.update(
            self._space, self._namespace, id_, change, self._ring, expected=expected, within_s=WITHIN_S
        )
        try:
            return (yield from made).revision
        except NotFound:
            raise (yield from self._missing(id_)) from None

    def delete(self, id_: str) -> Protocol[bool]:
        def queue_of(text: str) -> str:
            return str(keys_of(text).get("queue", "default"))

        gone = yield from declarations.delete(self._space, self._namespace, id_, queue_of, within_s=WITHIN_S)
        if not gone:
            yield from self._refuse_declared(id_)
        return gone

    def pause(self, id_: str, reason: str, for_ms: int | None) -> Protocol[bool]:
        keys = yield from self._queue(id_)
        until_ms = 0 if for_ms is None else SYSTEM.wall_ms() + for_ms
        return (yield from control.pause(keys, id_, reason=reason, until_ms=until_ms, within_s=WITHIN_S))

    def resume(self, id_: str) -> Protocol[bool]:
        keys = yield from self._queue(id_)
        return (yield from control.resume(keys, id_, within_s=WITHIN_S))

    def trigger(
        self, id_: str, overlap: str, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
    ) -> Protocol[Handle]:
        if overlap not in list(Overlap):
            raise ConfigError(f"overlap {overlap!r} must be one of: {', '.join(Overlap)}")
        schedule = (yield from self.find(id_)).schedule
        if args is not None:
            schedule = replace(schedule, args=tuple(args))
        if kwargs is not None:
            schedule = replace(schedule, kwargs={**schedule.kwargs, **kwargs})
        run_id, _ = yield from trigger(self._place, schedule, Overlap(overlap))
        return Handle(run_id)

    def backfill(
        self, id_: str, first: datetime, until: datetime, *, failed: bool, parallel: int, dry_run: bool
    ) -> Act[Backfill]:
        if first.tzinfo is None or until.tzinfo is None:
            raise ConfigError("start and end need a zone: datetime(2026, 3, 1, tzinfo=UTC)")
        if not 1 <= parallel <= 256:
            raise ConfigError(f"parallel {parallel!r} must be 1 to 256")
        if self._history is None:
            raise ConfigError(
                "backfill asks the history what ran, and this client knows no database: "
                "take App.open().client, or App.open().async_client()"
            )
        schedule, history = (yield from self.find(id_)).schedule, (yield Look(self._history))
        yield Look(history.catch_up)
        found = yield from past_times(schedule, first, until, history, failed=failed)
        wanted = [one.nominal_ms for one in found if one.wanted]
        times = [at_ms(nominal_ms) for nominal_ms in wanted]
        if dry_run or not wanted:
            return Backfill(times)
        ended = yield from backfill(self._place, schedule, wanted, history, parallel=parallel)
        return Backfill(times, ended)

    def describe(self, id_: str) -> Act[Description]:
        one = yield from self.find(id_)
        keys = queue_keys(self._namespace, one.schedule.queue)
        view = yield from _patiently(peek.schedule(keys, id_))
        until_ms = None if view is None else view.paused_until_ms
        now_ms = SYSTEM.wall_ms()
        paused = until_ms is not None and (until_ms == 0 or until_ms > now_ms)
        fires = upcoming(one.schedule.trigger, datetime.now(UTC), SHOWN) if one.schedule.enabled else []
        return Description(
            schedule=one.schedule,
            source=one.source,
            revision=one.revision,
            keys=one.keys,
            paused=paused,
            paused_until=at_ms(until_ms) if paused and until_ms else None,
            paused_reason=view.paused_why if view is not None and paused else "",
            next=fires,
            last=(yield from self._last(keys, id_)),
            cursor=at_ms(view.cursor_ms) if view is not None and view.cursor_ms else None,
            live=view.live if view is not None else 0,
        )

    def list(self) -> Protocol[Sequence[Declared]]:
        """Those of files, then what programs made and no file declares."""
        known = self._known()
        taken = {name for one in known for name in (one.id, one.schedule.formerly)}
        made = yield from declarations.look(self._space, within_s=WITHIN_S)
        if made is None:
            raise Refused("the schedules of programs change without a pause: try again later")
        of_programs = [_made(id_, one) for id_, one in sorted(made.schedules.items()) if id_ not in taken]
        return [*known, *of_programs]

    def find(self, id_: str) -> Protocol[Declared]:
        """The schedule called `id_`.

        Raises:
            NotFound: there is none, or only the beats' files know it.
        """
        for one in self._known():
            if one.id == id_:
                return one
        made = yield from declarations.one(self._space, id_, within_s=WITHIN_S)
        if made is None:
            raise (yield from self._missing(id_))
        return _made(id_, made)

    def _read(self, id_: str, keys: Mapping[str, Any], origin: str) -> tuple[Schedule, str]:
        schedule, text = declared(id_, keys, origin)
        check_task(schedule)
        return schedule, text

    def _queue(self, id_: str) -> Protocol[QueueKeys]:
        """The keys of its queue, of a schedule that only the beats' files know too."""
        try:
            one = yield from self.find(id_)
        except NotFound:
            words = yield from self._words()
            if id_ not in words:
                raise
            return queue_keys(self._namespace, words[id_].get("queue", "default"))
        return queue_keys(self._namespace, one.schedule.queue)

    def _words(self) -> Protocol[Mapping[str, Mapping[str, str]]]:
        """What the beats have written down of their files; nothing when that is too much."""
        return (yield from _patiently(told_by_beats(self._space))).schedules or {}

    def _refuse_declared(self, id_: str) -> Protocol[None]:
        """Return if no file declares the schedule, as far as that can be known."""
        taken = {name for one in self._known() for name in (one.id, one.schedule.formerly)}
        if id_ in taken or id_ in (yield from self._words()):
            raise Refused(
                f"the configuration of the beats declares {id_!r}, and it comes first: change it there"
            )

    def _missing(self, id_: str) -> Protocol[NotFound]:
        words = yield from self._words()
        if id_ in words:
            return NotFound(
                f"{id_!r} is declared in a file, which this client does not know: "
                "App.open().client does, and so does the command line"
            )
        made = yield from declarations.look(self._space, within_s=WITHIN_S)
        names = {*words, *(one.id for one in self._known()), *(made.schedules if made else ())}
        return nobody(id_, names)

    def _last(self, keys: QueueKeys, id_: str) -> Act[Sequence[Run]]:
        """Its last runs from the history, or from the end of the event log where there is none."""
        if self._history is not None:
            history = yield Look(self._history)
            yield Look(history.catch_up)
            last: Sequence[Run] = yield Look(lambda: history.last(id_, SHOWN))
            return last
        return (yield from recent(keys, id_, self._namespace, SHOWN, within_s=WITHIN_S))


def nobody(id_: str, names: Iterable[str]) -> NotFound:
    """No schedule is called `id_`; `names` are those that there are."""
    close = difflib.get_close_matches(id_, list(names), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'onebeat list' names those that there are"
    return NotFound(f"no schedule is called {id_!r}: {hint}")


def check_task(schedule: Schedule) -> None:
    """Return if the task is registered here and takes the arguments, or cannot be known here.

    Raises:
        UnknownTask: its module is imported and registers no such task. BadArguments: they do not fit.
    """
    if ":" in schedule.task and schedule.task.partition(":")[0] in sys.modules:
        REGISTRY.find(schedule.task)
    task = REGISTRY.get(schedule.task)
    if task is not None and not (has_blanks(schedule.args) or has_blanks(schedule.kwargs)):
        task.signature.fit(schedule.args, schedule.kwargs)


def _patiently(reads: Protocol[T]) -> Protocol[T]:
    """What `reads` returns, each effect sent again until it is answered."""
    try:
        effect = next(reads)
        while True:
            effect = reads.send((yield from insist(effect, within_s=WITHIN_S)))
    except StopIteration as stop:
        answer: T = stop.value
        return answer


def _made(id_: str, made: Made) -> Declared:
    return Declared(restored(id_, made.text), "api", made.revision, keys_of(made.text))
