"""Where can a test make this process die, stop or fail? At named points, which do nothing unless asked.

    ONEBEAT_FAILPOINT=emit.sent:kill                        SIGKILL to itself when it comes there
    ONEBEAT_FAILPOINT=run.ended:stop:3,ledger.handled:raise several, the first at the third time only

Actions: `kill`, `exit`, `stop` (SIGSTOP), `raise`, `sleep=SECONDS`. With a folder in
`ONEBEAT_FAILPOINT_NOTES` the first process that comes to a point leaves a file of its name there, and
each armed point acts once among all processes (`<name>.fired`), so that what is started again lives.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from onebeat.errors import ConfigError

ARMED = "ONEBEAT_FAILPOINT"
NOTES = "ONEBEAT_FAILPOINT_NOTES"
EXIT_STATUS = 70  # EX_SOFTWARE

# What has happened, and what has not, when a process comes there.
POINTS: Mapping[str, str] = {
    "beat.led": "the store said who leads; nothing was done about it",
    "beat.adopted": "the store knows this configuration; cursors are not read",
    "beat.enrolled": "cursors are known; nothing was emitted",
    "beat.resigning": "told to stop; the leader's lease still runs",
    "emit.planned": "fires are decided; nothing was sent",
    "emit.sent": "fires are queued; this beat has not noted it",
    "enqueue.ready": "a call is numbered; it was not sent",
    "enqueue.sent": "a call is queued; its sender was not told",
    "child.started": "tasks are imported; nothing was claimed",
    "child.stopping": "told to stop; nothing was given back",
    "cycle.ready": "outcomes wait to be settled; the cycle was not sent",
    "cycle.answered": "the cycle was carried out; nothing it claimed was started",
    "run.claimed": "a message is about to be run",
    "run.prepared": "its call is made up; neither lock nor ledger was asked",
    "run.held": "its singleton's lock is held; the handler was not called",
    "relay.told": "another queue was told what follows; the note is still in the outbox",
    "run.ended": "the handler is over, its effect committed; the outcome is not noted",
    "runner.started": "a process for one run was started; nobody waits for it yet",
    "runner.ended": "a run in its own process is over; its worker process was not told",
    "pump.giving_back": "no more runs start; what is unstarted is still held",
    "pump.leaving": "all is settled; the lease was not ended",
    "ledger.begun": "a transaction is open; it did nothing yet",
    "ledger.registered": "the fence is registered; the key is not claimed",
    "ledger.claimed": "the key is claimed; the handler was not called",
    "ledger.handled": "the handler returned; its row is not finished",
    "ledger.confirmed": "the lease was confirmed; COMMIT was not sent",
    "ledger.committed": "the effect is committed; nobody was told",
    "lock.ready": "a lock is wanted; it was not asked for",
    "lock.granted": "the lock is granted; its holder does not know it",
    "lock.releasing": "the work under the lock is over; it was not released",
    "lock.released": "the lock is released; its former holder does not know it",
    "supervisor.joined": "a worker process has a lease; it was not started",
    "supervisor.started": "a worker process was started; nobody waits for it yet",
    "supervisor.bereft": "a worker process has ended; nothing was recovered",
    "liveness.renewed": "leases are renewed; the dead were not looked at",
    "liveness.recovering": "a worker is found dead; its messages were not moved",
    "history.read": "events were read from the log; nothing was written",
    "history.written": "the history's rows are written; they are not committed",
    "history.committed": "the history's rows are committed",
    "store.spawned": "the private store was started; it was not recorded",
    "store.recorded": "the private store is where others find it; nothing uses it yet",
}


class Reached(Exception):
    """What `raise` raises: a bug that nobody foresaw, as far as the code is concerned."""


@dataclass(frozen=True, slots=True)
class Trap:
    """What happens at a point, when it is reached for the `nth` time in this process."""

    action: Callable[[], None]
    nth: int


def parse(text: str) -> dict[str, Trap]:
    """The traps of `NAME:ACTION[:N],…`.

    Raises:
        ConfigError: an unknown point or action.
    """
    traps = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, rest = part.partition(":")
        action, _, nth = rest.partition(":")
        if name not in POINTS:
            raise ConfigError(f"{ARMED}: no failpoint is named {name!r}: one of {', '.join(POINTS)}")
        if nth and not nth.isdecimal():
            raise ConfigError(f"{ARMED}: {part!r} must end with how many times to wait, a whole number")
        traps[name] = Trap(_action(name, action), int(nth or 1))
    return traps


def _action(name: str, text: str) -> Callable[[], None]:
    if text.startswith("sleep="):
        try:
            seconds = float(text.removeprefix("sleep="))
        except ValueError:
            raise ConfigError(f"{ARMED}: {text!r} at {name} must be sleep=SECONDS, as in sleep=0.5") from None
        return lambda: time.sleep(seconds)

    def fail() -> None:
        raise Reached(f"failpoint {name}")

    actions: dict[str, Callable[[], None]] = {
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "exit": lambda: os._exit(EXIT_STATUS),
        "raise": fail,
    }
    if text not in actions:
        raise ConfigError(f"{ARMED}: unknown action {text!r} at {name}: kill, exit, stop, raise or sleep=S")
    return actions[text]


class Armed:
    """`reach` of a process in which something is to happen, or to be noted in the folder `notes`."""

    def __init__(self, traps: Mapping[str, Trap], notes: Path | None) -> None:
        self._traps, self._notes = traps, notes
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1
            count = self._counts[name]
        if count == 1:
            self._first(name)
        trap = self._traps.get(name)
        if trap is not None and trap.nth == count and self._first(f"{name}.fired"):
            trap.action()

    def _first(self, note: str) -> bool:
        """Leave `note`; whether nobody had left it before. Without a folder everybody is the first."""
        if self._notes is None:
            return True
        try:
            with open(self._notes / note, "x", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except FileExistsError:
            return False
        return True


def _nothing(_name: str) -> None:
    pass


def armed(environ: Mapping[str, str]) -> Callable[[str], None]:
    """What `reach` does in this environment."""
    traps, notes = parse(environ.get(ARMED, "")), environ.get(NOTES)
    return Armed(traps, Path(notes) if notes else None) if traps or notes else _nothing


# Chosen once: in a process that nobody tests, a point costs one call of an empty function.
reach = armed(os.environ)
