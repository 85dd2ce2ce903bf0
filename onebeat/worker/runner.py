"""What does a runner do, the process of one CPU-bound run at a time?

Started by a worker process as `python -m onebeat.worker.runner`. Its main thread runs the tasks; another
one listens, so that the end of a run can be asked for and the end of the worker process is noticed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import socket
import threading
from queue import SimpleQueue

from onebeat.clock import SYSTEM
from onebeat.errors import LeaseLost
from onebeat.failpoints import reach
from onebeat.queue.record import unpack
from onebeat.wire import AsyncStore
from onebeat.worker import far
from onebeat.worker.bench import Bench
from onebeat.worker.memory import memory_mib
from onebeat.worker.registry import import_all
from onebeat.worker.run import run_here
from onebeat.worker.settings import SETTINGS, WorkerSettings, from_json
from onebeat.worker.threads import Threads

NOTE_EVERY_S = 0.5  # a run may say how far it is a million times a second
NOW_MS = 0  # the worker process has seen that the message may still start
QUIET = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGTSTP)


class Listener(threading.Thread):
    """The connection with the worker process. Ends this process with it, whatever the main thread does."""

    def __init__(self, fd: int) -> None:
        super().__init__(name="onebeat-parent", daemon=True)
        self._socket = socket.socket(fileno=fd)
        self._file = self._socket.makefile("rb")
        self.bench: Bench | None = None
        self.told: SimpleQueue[far.Begin] = SimpleQueue()
        self.held: SimpleQueue[str] = SimpleQueue()
        self.stopping = threading.Event()
        self.running = ""  # the id of the message

    def say(self, word: far.Word) -> None:
        """Send `word`."""
        with contextlib.suppress(OSError):  # the worker process is gone, and this one goes with it
            self._socket.sendall(far.frame(word))

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while head := self._file.read(far.HEAD.size):
                (length,) = far.HEAD.unpack(head)
                self.hear(far.read(self._file.read(length)))
        os._exit(0)

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()

    def hear(self, word: far.Word) -> None:
        """What the worker process says."""
        match word:
            case far.Begin():
                self.running = unpack(word.record).id
                self.told.put(word)
            case far.Held():
                self.held.put(word.lost)
            case far.Tell(cancel=True) if self.bench is not None:
                self.bench.cancelled.add(self.running)
                self.bench.threads.cancel(self.running)
            case far.Tell():
                self.stopping.set()


class FarNotes(dict[str, bytes]):
    """Takes how far a run says that it is, and sends it on now and then."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener, self._next_s = listener, 0.0

    def __setitem__(self, id_: str, note: bytes) -> None:
        now_s = SYSTEM.mono_s()
        if now_s >= self._next_s:
            self._next_s = now_s + NOTE_EVERY_S
            self._listener.say(far.Noted(note))


class FarLease:
    """The singleton's lease that the worker process holds for this run, of the resource `name`."""

    def __init__(self, name: str, listener: Listener) -> None:
        self.name, self._listener = name, listener

    def assert_held(self) -> None:
        """Return if the worker process still holds it.

        Raises:
            LeaseLost: it does not.
        """
        self._listener.say(far.Confirm())
        if lost := self._listener.held.get():
            raise LeaseLost(lost)


def serve(listener: Listener, bench: Bench) -> None:
    """Run what the worker process says, one after the other, until it is gone."""
    listener.say(far.Awake())
    while True:
        begin = listener.told.get()
        message = unpack(begin.record)
        if begin.stopping:
            listener.stopping.set()
        lease = FarLease(begin.lock, listener) if begin.lock is not None else None
        outcome = run_here(message, begin.fence, NOW_MS, bench, lease)
        bench.cancelled.clear()
        reach("runner.ended")
        listener.say(far.Ended(outcome, memory_mib()))


def _bench(settings: WorkerSettings, listener: Listener) -> Bench:
    return Bench(
        store=AsyncStore.open(settings.redis_url, settings.namespace),
        namespace=settings.namespace,
        threads=Threads(1),
        database_url=settings.database_url,
        retention_s=settings.retention_s,
        stopping=listener.stopping.is_set,
        notes=FarNotes(listener),
    )


def main() -> None:
    """Run until the worker process ends."""
    settings = from_json(os.environ.pop(SETTINGS))
    listener = Listener(int(os.environ.pop(far.FD)))
    for signum in QUIET:  # of a terminal: the worker process decides
        signal.signal(signum, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    import_all(settings.imports)
    listener.bench = _bench(settings, listener)
    listener.start()
    serve(listener, listener.bench)


if __name__ == "__main__":
    main()
