"""How does a CPU-bound task run in a process of its own, and how is that ended without harming others?

A runner takes one run at a time and is kept for the next. There are never more than runs at once. One that
dies fails the run that it had, and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from onebeat import die_with_parent
from onebeat.errors import OnebeatError
from onebeat.failpoints import reach
from onebeat.queue.record import pack
from onebeat.worker import far
from onebeat.worker.memory import Share
from onebeat.worker.outcome import Outcome
from onebeat.worker.settings import SETTINGS, WorkerSettings
from onebeat.worker.threads import HardTimeLimit

if TYPE_CHECKING:
    from onebeat.worker.prepared import Ready

LOG = logging.getLogger("onebeat.worker")
CLEAN_UP_S = 3.0  # from the wish that a run ends to the end of its process


class RunnerDied(OnebeatError):
    """The process that ran the task died in the middle of it."""

    code = "OB512"


class Runner:
    """One process and the connection with it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self.runs = self.memory_mib = 0

    async def run(
        self,
        begin: far.Begin,
        confirm: Callable[[], None],
        noting: Callable[[bytes], object],
        hard_ms: int | None,
    ) -> Outcome:
        """How the run ended, unless it is cancelled.

        Raises:
            HardTimeLimit: it took longer than `hard_ms`; the process is dead. RunnerDied: by itself.
        """
        self.runs += 1
        self.say(begin)
        try:
            async with asyncio.timeout(None if hard_ms is None else hard_ms / 1000) as limit:
                return await self.answer(confirm, noting)
        except TimeoutError:
            self.kill()
            if limit.expired() and hard_ms is not None:
                raise HardTimeLimit(f"over its hard time limit of {hard_ms / 1000:g} s") from None
            raise

    async def answer(
        self, confirm: Callable[[], None] | None = None, noting: Callable[[bytes], object] | None = None
    ) -> Outcome:
        """Wait for the end of the run.

        Raises:
            RunnerDied: the process ended first.
        """
        while True:
            word = await self.hear()
            if isinstance(word, far.Ended):
                self.memory_mib = word.memory_mib
                return word.outcome
            if isinstance(word, far.Noted) and noting is not None:
                noting(word.note)
            if isinstance(word, far.Confirm):
                self.say(far.Held(_lost(confirm)))

    def say(self, word: far.Word) -> None:
        """Send `word`; to one that is dead, nothing."""
        self._writer.write(far.frame(word))

    async def hear(self) -> Any:
        """The next word.

        Raises:
            RunnerDied: there is none.
        """
        try:
            (length,) = far.HEAD.unpack(await self._reader.readexactly(far.HEAD.size))
            return far.read(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.kill()  # it may have closed the connection only
            status = await self._process.wait()
            raise RunnerDied(f"the process of this run ended with {_spell(status)}") from None

    def kill(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._writer.close()

    @property
    def pid(self) -> int:
        """For people."""
        return self._process.pid


class Processes:
    """The runners of one worker process; `stopping` and `cutting` as in `Bench`."""

    def __init__(
        self,
        settings: WorkerSettings,
        stopping: Callable[[], bool],
        cutting: Callable[[], bool],
    ) -> None:
        self._settings, self._stopping, self._cutting = settings, stopping, cutting
        self._idle: list[Runner] = []
        self._busy: set[Runner] = set()

    async def run(self, ready: Ready, lock: str | None, confirm: Callable[[], None]) -> Outcome:
        """How the run of `ready` ended, in a process of its own; `confirm` raises when it lost its `lock`.

        Raises:
            HardTimeLimit, RunnerDied: that process was killed, or died.
        """
        runner = self._idle.pop() if self._idle else await self._start()
        self._busy.add(runner)
        begin = far.Begin(
            record=pack(ready.message),
            fence=ready.fence,
            lock=lock,
            stopping=self._stopping(),
        )
        try:
            noting = functools.partial(ready.notes.__setitem__, ready.message.id)
            outcome = await runner.run(begin, confirm, noting, ready.hard_ms)
        except asyncio.CancelledError:
            outcome = await self._end(runner, confirm)
        finally:
            self._busy.discard(runner)
        self._keep(runner)
        return outcome

    async def _end(self, runner: Runner, confirm: Callable[[], None]) -> Outcome:
        """Have the run end: told first, then killed; its outcome when it was over before.

        Raises:
            asyncio.CancelledError: it was killed.
        """
        outcome: Outcome | None = None
        try:
            if not self._cutting():
                runner.say(far.Tell(cancel=True))
                async with asyncio.timeout(CLEAN_UP_S):
                    outcome = await runner.answer(confirm)
        except (RunnerDied, TimeoutError):
            outcome = None
        finally:
            if outcome is None:
                runner.kill()
        if outcome is None:
            raise asyncio.CancelledError
        return outcome

    def _keep(self, runner: Runner) -> None:
        """For the next run, unless it has done its share or grown too large."""
        share = Share(self._settings.max_tasks, self._settings.max_memory_mib)
        if why := share.done(runner.runs, runner.memory_mib):
            LOG.info("the process %d of tasks has %s: another takes its place", runner.pid, why)
            runner.kill()
        else:
            self._idle.append(runner)

    def tell(self) -> None:
        """The worker stops: those that run learn it."""
        for runner in self._busy:
            runner.say(far.Tell())

    async def _start(self) -> Runner:
        ours, its = socket.socketpair()
        told = {SETTINGS: self._settings.to_json(), far.FD: str(its.fileno())}
        with its:
            process = await asyncio.create_subprocess_exec(
                *die_with_parent.command([sys.executable, "-m", "onebeat.worker.runner"], signal.SIGKILL),
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **told},
                pass_fds=(its.fileno(),),
            )
        reach("runner.started")
        runner = Runner(process, *await asyncio.open_connection(sock=ours))
        try:
            await runner.hear()  # that it is ready: importing tasks is not the run's time
        except BaseException:
            runner.kill()
            raise
        return runner


def _lost(confirm: Callable[[], None] | None) -> str:
    """Why the lock is not held; empty when it is."""
    try:
        if confirm is not None:
            confirm()
    except OnebeatError as problem:
        return str(problem) or type(problem).__name__
    return ""


def _spell(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
