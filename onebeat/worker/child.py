"""What does one worker process do from its first to its last moment?

Started by the supervisor as `python -m onebeat.worker.child`, its settings in the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from onebeat import ready
from onebeat.errors import OnebeatError, StoreError
from onebeat.failpoints import reach
from onebeat.keys import queue_keys
from onebeat.queue import ring_from
from onebeat.wire import AsyncStore, Command
from onebeat.worker.bench import Bench
from onebeat.worker.board import FD, Board
from onebeat.worker.line import Line, Slots
from onebeat.worker.memory import Share
from onebeat.worker.processes import Processes
from onebeat.worker.pump import FencedOut, Pump
from onebeat.worker.registry import import_all
from onebeat.worker.settings import SETTINGS, WID, WorkerSettings, from_json
from onebeat.worker.threads import Threads

LOG = logging.getLogger("onebeat.worker")
FENCED_EXIT = 75  # EX_TEMPFAIL: start a new incarnation
CUT_S = 3.0
SHARE_S = 0.1  # how often a worker process looks whether it has done its share


class Child:
    """The pumps of one process and their orderly end."""

    def __init__(self, settings: WorkerSettings, wid: str, board: Board | None = None) -> None:
        self._settings, self._board = settings, board
        self._stopped = asyncio.Event()
        self._cut = asyncio.Event()
        self._saying: asyncio.Task[None] | None = None
        store = AsyncStore.open(settings.redis_url, settings.namespace)
        self._processes = Processes(settings, self._stopped.is_set, self._cut.is_set)
        self._bench = Bench(
            store=store,
            namespace=settings.namespace,
            threads=Threads(settings.concurrency),
            database_url=settings.database_url,
            retention_s=settings.retention_s,
            board=board,
            processes=self._processes,
            stopping=self._stopped.is_set,
            cutting=self._cut.is_set,
            ring=ring_from(os.environ),
        )
        line = Line(Slots(settings.concurrency))
        self._pumps = [
            Pump(queue_keys(settings.namespace, queue), wid, settings.lease_ms, line, self._bench)
            for queue in settings.queues
        ]

    async def live(self, parent: Parent) -> int:
        """Run until told to stop; the exit status. `parent` tells what to cancel."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_signal)
        loop.add_signal_handler(signal.SIGQUIT, self._on_quit)
        loop.add_signal_handler(signal.SIGTSTP, self._on_quiet)
        loop.add_signal_handler(signal.SIGUSR1, self._on_dump)
        faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)  # also when the loop is held up
        for signum in (signal.SIGINT, signal.SIGHUP):  # of a terminal: the supervisor decides
            signal.signal(signum, signal.SIG_IGN)
        flows = [asyncio.create_task(pump.flow()) for pump in self._pumps]
        stopped = asyncio.create_task(self._stopped.wait())
        recycling = asyncio.create_task(self._recycle())
        parent.on_cancel = lambda id_: loop.call_soon_threadsafe(self.cancel, id_)
        ready.announce(f"pid {os.getpid()}")
        await _first([*flows, stopped])
        recycling.cancel()
        for flow in flows:
            if flow.done() and flow.exception() is not None:
                self._cut.set()  # what still runs ends with this process and belongs to others
                return self._report(flow.exception())
        return await self._stop(flows)

    async def _recycle(self) -> None:
        """Claim nothing more once this process has done its share, and stop when its runs have ended."""
        share = Share(self._settings.max_tasks, self._settings.max_memory_mib)
        if not share.limited:
            return
        while not (why := share.done(self._bench.runs)):
            await asyncio.sleep(SHARE_S)
        LOG.info("worker process has %s: it ends when its runs have, another takes its place", why)
        if self._board is not None:
            self._board.retire()
        self._on_quiet()
        while any(pump.busy for pump in self._pumps):
            await asyncio.sleep(SHARE_S)
        self._stopped.set()

    def cancel(self, id_: str) -> None:
        """End the run of a message, if it is one of ours."""
        for pump in self._pumps:
            pump.cancel(id_)

    def _on_signal(self) -> None:
        if self._stopped.is_set():
            self._cut.set()
        self._stopped.set()

    def _on_quit(self) -> None:
        self._cut.set()
        self._stopped.set()

    def _on_quiet(self) -> None:
        for pump in self._pumps:
            pump.quiet()
        self._saying = asyncio.create_task(self._say_quiet())

    async def _say_quiet(self) -> None:
        """Write it on this worker's card, once nothing more can be claimed."""
        for pump in self._pumps:
            await pump.quieted.wait()
        store, wid = self._bench.store, self._pumps[0].wid
        try:
            card = await store.perform(Command(("HGET", store.space.workers, wid)))
            if card is not None:
                told = msgspec.json.encode({**msgspec.json.decode(card), "quiet": True})
                await store.perform(Command(("HSET", store.space.workers, wid, told)))
        except StoreError as problem:
            LOG.warning("quiet, and 'onebeat workers' does not tell: %s", problem)

    def _on_dump(self) -> None:
        for pump in self._pumps:
            LOG.warning("queue %s: running: %s", pump.keys.queue, ", ".join(pump.running) or "nothing")

    async def _stop(self, flows: list[asyncio.Task[None]]) -> int:
        """Give back the unstarted, wait for the running, push back the rest."""
        reach("child.stopping")
        self._processes.tell()
        await self._each(pump.stop() for pump in self._pumps)
        drained = asyncio.gather(*flows, return_exceptions=True)
        await _first([drained, asyncio.create_task(self._cut.wait())], self._settings.grace_s)
        status = 0
        if drained.done():  # a flow that failed has left runs behind: say so
            status = max((self._report(one) for one in drained.result() if one is not None), default=0)
        else:
            self._cut.set()
            for flow in flows:
                flow.cancel()
            await self._each(pump.cut(CUT_S) for pump in self._pumps)
        await self._each(pump.leave() for pump in self._pumps)
        return status

    async def _each(self, steps: Any) -> None:
        """Do all of them; one queue's trouble must not keep the others from stopping well."""
        coroutines: list[Coroutine[Any, Any, None]] = list(steps)
        for problem in await asyncio.gather(*coroutines, return_exceptions=True):
            if isinstance(problem, (StoreError, FencedOut)):
                LOG.warning("while stopping: %s; the lease ends by itself", problem)
            elif isinstance(problem, BaseException):
                raise problem

    def _report(self, problem: BaseException | None) -> int:
        if isinstance(problem, FencedOut):
            LOG.warning("%s", problem)
            return FENCED_EXIT
        LOG.error("worker process ends: %s", problem, exc_info=problem)
        return 1


async def _first(waits: Sequence[asyncio.Future[Any]], timeout_s: float | None = None) -> None:
    """Until one of `waits` is done, or `timeout_s` seconds are over."""
    await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


class Parent(threading.Thread):
    """Takes the supervisor's lines, each the id of a message to cancel; ends this process when it is gone.

    However it died, its end of our stdin closes: for systems where the kernel does not tell
    (`die_with_parent.py`). A task that holds the interpreter delays both.
    """

    def __init__(self) -> None:
        super().__init__(name="onebeat-parent", daemon=True)
        self.on_cancel: Callable[[str], object] = lambda _id: None

    def run(self) -> None:
        for line in sys.stdin.buffer:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and this process with it
                self.on_cancel(line.decode("ascii", "replace").rstrip())
        os.kill(os.getpid(), signal.SIGKILL)


def _run(child: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(child)
    return uvloop.run(child)


async def _live(settings: WorkerSettings, wid: str, parent: Parent) -> int:
    fd = os.environ.pop(FD, "")
    board = Board(int(fd), settings.concurrency) if fd.isdecimal() else None
    return await Child(settings, wid, board).live(parent)


def main() -> None:
    """Run a worker process; leaves without waiting for threads that never end."""
    settings, wid = from_json(os.environ.pop(SETTINGS)), os.environ.pop(WID)
    parent = Parent()
    parent.start()
    os.environ.update(
        ONEBEAT_REDIS_URL=settings.redis_url,
        ONEBEAT_NAMESPACE=settings.namespace,
        ONEBEAT_DB_URL=settings.database_url,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        import_all(settings.imports)
        reach("child.started")
        status = _run(_live(settings, wid, parent))
    except OnebeatError as problem:
        LOG.error("%s", problem)
        status = problem.exit_code
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
