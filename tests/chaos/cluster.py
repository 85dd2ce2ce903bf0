"""What is attacked? A store, a database, three beats and three workers, each behind a proxy of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from onebeat import die_with_parent, failpoints
from onebeat.keys import queue_keys
from onebeat.ledger import create_tables, open_engine
from onebeat.locks import Holder, holders
from onebeat.testing import FaultProxy
from onebeat.wire import Command, Store
from tests.chaos.tasks import METADATA
from tests.servers import Server
from tests.worker.running import REPOSITORY, alive, children_of

NAMESPACE = "chaos"
KEYS = queue_keys(NAMESPACE, "default")
# Periods in ms, and offsets so that something is due every 250 ms: a gap is seen whenever it happens.
SCHEDULES = {f"tick-{n}": (1000, 250 * (n % 4)) for n in range(8)} | {"count": (1000, 125)}
CONFIG = (
    "imports: [tests.chaos.tasks]\n"
    "defaults: {overlap: allow, catch_up: {policy: all}, retries: {max: 5, delay: 100ms}}\nschedules:\n"
    + "".join(
        f"  {id_}: {{task: 'tests.chaos.tasks:{'count' if id_ == 'count' else 'scheduled'}', "
        f"every: {period_ms}ms, offset: {offset_ms}ms}}\n"
        for id_, (period_ms, offset_ms) in SCHEDULES.items()
    )
)


def _pid_of(wid: str) -> int:
    """The supervisor of a worker incarnation."""
    return int(wid.split(":")[1].split(".")[0])


@dataclass
class Seat:
    """The place of one process; `proxy` is its way to the store, `notes` where its failpoints tell."""

    role: str
    number: int
    proxy: FaultProxy
    process: subprocess.Popen[bytes] | None = None
    lives: int = 0
    notes: Path | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def works(self) -> bool:
        """Whether it has come so far that it minds signals."""
        point = "beat.led" if self.role == "beat" else "child.started"
        return self.alive and self.notes is not None and (self.notes / point).exists()


class Cluster:
    """Everything; `folder` has each process's log, and the database unless the URL of one is given."""

    def __init__(self, folder: Path, database: str = "", beats: int = 3, workers: int = 3) -> None:
        self.folder = folder
        # `always`: an answer means that it is on disk, so nothing acknowledged may be missing
        self.server = Server("--appendfsync", "always")
        self._database = database or f"sqlite:///{folder / 'chaos.db'}"
        self.engine: Engine = open_engine(self._database)
        self._roles = ["beat"] * beats + ["worker"] * workers
        self.seats: list[Seat] = []

    def __enter__(self) -> Cluster:
        create_tables(self.engine)
        METADATA.create_all(self.engine)
        (self.folder / "onebeat.yaml").write_text(CONFIG)
        self.server.start()
        self.store = Store.open(self.server.url, NAMESPACE)
        for number, role in enumerate(self._roles):
            self.seats.append(Seat(role, number, FaultProxy(self.server.url).start()))
            self.start(self.seats[-1])
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self.seats:
            self.end(seat)
            seat.proxy.close()
        self.store.close()
        self.engine.dispose()
        self.server.remove()

    def start(self, seat: Seat, failpoint: str = "") -> None:
        """Start the seat's process; its predecessor is over."""
        seat.lives += 1
        seat.notes = self.folder / f"notes-{seat.number}-{seat.lives}"
        seat.notes.mkdir()
        env = {
            **os.environ,
            "ONEBEAT_REDIS_URL": seat.proxy.url,
            "ONEBEAT_DB_URL": self._database,
            "ONEBEAT_NAMESPACE": NAMESPACE,
            "CHAOS_FOLDER": str(self.folder),
            failpoints.ARMED: failpoint,
            failpoints.NOTES: str(seat.notes),
        }
        argv = [sys.executable, "-m", "onebeat", seat.role, "-c", str(self.folder / "onebeat.yaml")]
        if seat.role == "worker":
            argv += ["--concurrency", "4", "--processes", str(1 + seat.number % 2)]
        with open(self.folder / f"{seat.role}-{seat.number}.log", "ab") as log:
            seat.process = subprocess.Popen(
                die_with_parent.command(argv, signal.SIGKILL),
                cwd=REPOSITORY,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def revive(self, trap: Callable[[str], str] = lambda _role: "") -> None:
        """Start again what has ended, with the failpoint armed that `trap` says for its role."""
        for seat in self.seats:
            if not seat.alive:
                self.start(seat, trap(seat.role))

    def end(self, seat: Seat) -> None:
        """SIGKILL to the process and all that it started."""
        if seat.process is not None and seat.alive:
            self.signal(seat, signal.SIGKILL)
            seat.process.wait()

    def signal(self, seat: Seat, signum: signal.Signals) -> None:
        """Send it to the process and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(seat.pid, signum)

    def in_role(self, role: str) -> list[Seat]:
        """The seats of beats, or of workers, whose process runs."""
        return [seat for seat in self.seats if seat.role == role and seat.alive]

    # -- who holds what ------------------------------------------------------------------------------

    def leader(self) -> Seat | None:
        """The beat whose token is in the store."""
        token = self.store.perform(Command(("GET", self.store.space.leader))) or b""
        found = re.search(rb":(\d+):[0-9a-f]+$", token)
        return self._of_pid(int(found[1])) if found else None

    def busy(self) -> Iterator[tuple[Seat, str, int]]:
        """The workers that hold messages, fullest first: the seat, its incarnation, how many."""
        wids = [wid.decode() for wid in self.store.perform(Command(("ZRANGE", KEYS.lease, 0, -1)))]
        held = {wid: self.store.perform(Command(("HLEN", KEYS.own(wid)))) - 1 for wid in wids}
        for wid in sorted(wids, key=lambda one: -held[one]):
            seat = self._of_pid(_pid_of(wid))
            if seat is not None and held[wid] > 0:
                yield seat, wid, held[wid]

    def leases(self, seat: Seat) -> dict[str, int]:
        """The incarnations of a worker, and until when their leases go, Redis ms."""
        wids = [wid.decode() for wid in self.store.perform(Command(("ZRANGE", KEYS.lease, 0, -1)))]
        mine = [wid for wid in wids if _pid_of(wid) == seat.pid]
        ends = {wid: self.store.perform(Command(("ZSCORE", KEYS.lease, wid))) for wid in mine}
        return {wid: int(float(end)) for wid, end in ends.items() if end is not None}

    def lock_holder(self) -> Holder | None:
        """Who holds the lock of the counter."""
        return next(iter(holders(self.store.client, namespace=NAMESPACE)), None)

    def _of_pid(self, pid: int) -> Seat | None:
        return next((seat for seat in self.seats if seat.alive and seat.pid == pid), None)

    def processes(self) -> list[int]:
        """Every process that this cluster started and that runs."""
        marked = f"CHAOS_FOLDER={self.folder}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if marked in path.read_bytes():
                    found.append(int(path.parent.name))
        return alive(found)

    def children(self, seat: Seat) -> list[int]:
        """The processes that it started."""
        return children_of(seat.pid)
