"""How does a program make, change and look at schedules? `client.schedules`, blocking and awaited.

No decisions here: `catalog.py` has them, for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, Unpack

from onebeat.catalog import Catalog, Declared, Description
from onebeat.config.declare import Keys, spelled
from onebeat.durations import parse_ms
from onebeat.errors import StoreError
from onebeat.queue.handle import Handle
from onebeat.scheduler.acts import Act, Backfill, Look
from onebeat.wire import AsyncStore, Effect, Store, drive, drive_async

T = TypeVar("T")
StoreT = TypeVar("StoreT", Store, AsyncStore)


class _Face(Generic[StoreT]):
    """What both have in common: a store, and what there is to ask for."""

    def __init__(self, store: StoreT, catalog: Catalog) -> None:
        self._store: StoreT = store
        self._catalog = catalog


class Schedules(_Face[Store]):
    """The schedules of a namespace. Threads may share one.

    Every method raises `StoreError` when the store does not answer for 10 s; all can be called again then.
    """

    def create(self, id: str, task: object, **keys: Unpack[Keys]) -> bool:
        """Make a schedule: its id, its task (or the name of one), and the keys that a file's schedule has.

        True when it was made; False when it is there already and says the same, so a program may call it
        at every start. Every running beat has it within about a second, without a restart.

        Raises:
            ConfigMistakes: lists everything that is wrong with the keys, by name.
            UnknownTask: this process has imported the task's module, and it registers no such task.
            BadArguments: the task does not take the arguments.
            Refused: a schedule of this id is there and says something else, or a file declares it.
        """
        return self._run(self._catalog.create(id, spelled(keys, task)))

    def update(
        self, id: str, *, task: object = None, revision: int | None = None, **keys: Unpack[Keys]
    ) -> int:
        """Change some keys of a schedule that a program made; its new revision.

        A key that is None is taken away, a trigger takes the place of the trigger. Whether it is paused, and
        which of its times were decided, stays. `revision`: only if it is at this one (`describe` tells it).

        Raises:
            NotFound: no program made it. Refused: it is at another revision, or `queue` would change.
            ConfigMistakes, UnknownTask, BadArguments: as `create`; nothing is changed.
        """
        return self._run(self._catalog.update(id, spelled(keys, task), revision))

    def delete(self, id: str) -> bool:
        """Remove a schedule that a program made; False when there was none.

        It does not fire any more when this returns. What is queued or runs goes on, its history stays.

        Raises:
            Refused: a file declares it.
        """
        return self._run(self._catalog.delete(id))

    def pause(self, id: str, *, reason: str = "", for_: str | timedelta | None = None) -> bool:
        """Skip its fires until it is resumed, or `for_` so long (`"2h"`); False when it is paused like this.

        Raises:
            NotFound: there is no such schedule.
        """
        return self._run(self._catalog.pause(id, reason, _ms(for_)))

    def resume(self, id: str) -> bool:
        """Let it fire again; what it missed stays skipped. False when it was not paused.

        Raises:
            NotFound: there is no such schedule.
        """
        return self._run(self._catalog.resume(id))

    def trigger(
        self,
        id: str,
        *,
        overlap: str = "allow",
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Handle:
        """Run it now, beside its plan; a pause does not hold this back.

        `args` take the place of the schedule's, `kwargs` come before them. `overlap`: when a run of it is
        not over.

        Raises:
            NotFound: there is no such schedule, or only a file that this client does not know has it.
            Refused: a run is not over, and `overlap` is `skip`. BadPayload: arguments that cannot be stored.
        """
        return self._run(self._catalog.trigger(id, overlap, args, kwargs))

    def backfill(
        self,
        id: str,
        start: datetime,
        end: datetime,
        *,
        failed: bool = False,
        parallel: int = 1,
        dry_run: bool = False,
    ) -> Backfill:
        """Run its times from `start` until before `end` that did not run (`failed`: or failed), and wait.

        Each runs under the id that the beat would have given it, so nothing runs twice. `parallel`: so many
        at a time, 1 to 256. `dry_run`: only tell the times.

        Raises:
            ConfigError: this client has no history (`App.open().client` has); or the times have no zone.
            NotFound: as `trigger`.
        """
        asked = self._catalog.backfill(id, start, end, failed=failed, parallel=parallel, dry_run=dry_run)
        return self._run(asked)

    def describe(self, id: str) -> Description:
        """What it says, whether it is paused, its next 10 fires and its last 10 runs. Raises as `trigger`."""
        return self._run(self._catalog.describe(id))

    def list(self) -> Sequence[Declared]:
        """Every schedule that a program made; with `App.open().client` those of its files before them."""
        return self._run(self._catalog.list())

    def _run(self, act: Act[T]) -> T:
        return drive(act, self._perform, StoreError)

    def _perform(self, effect: Effect | Look) -> Any:
        return effect.ask() if isinstance(effect, Look) else self._store.perform(effect)


class AsyncSchedules(_Face[AsyncStore]):
    """The asyncio twin of `Schedules`: the same names, awaited. Belongs to one event loop."""

    async def create(self, id: str, task: object, **keys: Unpack[Keys]) -> bool:
        """Make a schedule; see `Schedules.create`."""
        return await self._run(self._catalog.create(id, spelled(keys, task)))

    async def update(
        self, id: str, *, task: object = None, revision: int | None = None, **keys: Unpack[Keys]
    ) -> int:
        """Change some keys of a schedule; see `Schedules.update`."""
        return await self._run(self._catalog.update(id, spelled(keys, task), revision))

    async def delete(self, id: str) -> bool:
        """Remove a schedule; see `Schedules.delete`."""
        return await self._run(self._catalog.delete(id))

    async def pause(self, id: str, *, reason: str = "", for_: str | timedelta | None = None) -> bool:
        """Skip its fires; see `Schedules.pause`."""
        return await self._run(self._catalog.pause(id, reason, _ms(for_)))

    async def resume(self, id: str) -> bool:
        """Let it fire again; see `Schedules.resume`."""
        return await self._run(self._catalog.resume(id))

    async def trigger(
        self,
        id: str,
        *,
        overlap: str = "allow",
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Handle:
        """Run it now; see `Schedules.trigger`."""
        return await self._run(self._catalog.trigger(id, overlap, args, kwargs))

    async def backfill(
        self,
        id: str,
        start: datetime,
        end: datetime,
        *,
        failed: bool = False,
        parallel: int = 1,
        dry_run: bool = False,
    ) -> Backfill:
        """Run its past times that did not run; see `Schedules.backfill`."""
        asked = self._catalog.backfill(id, start, end, failed=failed, parallel=parallel, dry_run=dry_run)
        return await self._run(asked)

    async def describe(self, id: str) -> Description:
        """What it says and where it stands; see `Schedules.describe`."""
        return await self._run(self._catalog.describe(id))

    async def list(self) -> Sequence[Declared]:
        """Every schedule that a program made; see `Schedules.list`."""
        return await self._run(self._catalog.list())

    async def _run(self, act: Act[T]) -> T:
        return await drive_async(act, self._perform, (StoreError, asyncio.CancelledError))

    async def _perform(self, effect: Effect | Look) -> Any:
        if isinstance(effect, Look):
            return await asyncio.to_thread(effect.ask)
        return await self._store.perform(effect)


def _ms(span: str | timedelta | None) -> int | None:
    """`2h`, or a timedelta, in milliseconds."""
    if isinstance(span, timedelta):
        return span // timedelta(milliseconds=1)
    return None if span is None else parse_ms(span)
