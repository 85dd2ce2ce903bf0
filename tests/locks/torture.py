"""What is left of a lock's promises when its holders are killed, stopped and cut off, again and again?

python -m tests.locks.torture --seconds 60                     twelve processes and one `Lock`
python -m tests.locks.torture --seconds 60 --kind writer       the same for the writers of an `RWLock`
python -m tests.locks.torture --seconds 60 --kind tries        one `Lock` again, which nobody waits for

A nemesis looks who holds the lock and hits that one more often than others: SIGKILL (another process is
started instead), SIGSTOP for twice the lease, CLIENT KILL for everybody. Each process writes down what it
asks, what it is answered and what it believes, on the one monotonic clock of the machine. Afterwards every
two beliefs are compared, and one order of all calls is looked for that explains every answer (`linear.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from onebeat.errors import StoreError
from onebeat.keys import LockKeys, ShareKeys
from onebeat.locks import Lock, RWLock
from onebeat.locks.lock import Blocking
from onebeat.wire import Command, Store
from tests.leaks import find_leaks
from tests.locks.beliefs import Report, beliefs_in, judge, judge_order
from tests.locks.recorded import calls_in
from tests.locks.ticker import stalls_in
from tests.locks.waiting import until
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE, NAME = "torture", "l"
HITS = {"kill": 3, "stop": 3, "cut": 2}
# for how long they wait; where nobody stands in a queue, each refusal needs a holder
WAITS_S = {"lock": (0.0, 0.5, 10.0), "writer": (0.0, 0.5, 10.0), "tries": (0.0,)}


def made(kind: str, store: Store, lease_s: float) -> Blocking:
    """The lock of this run."""
    return RWLock(store, NAME, lease_s).write if kind == "writer" else Lock(store, NAME, lease_s)


# -- one process ------------------------------------------------------------------------------------


def work(url: str, file: str, kind: str, lease_s: str) -> None:
    """Take and give back for ever, and write down each belief before acting on it."""
    luck = random.Random(os.getpid())
    with Store.open(url, NAMESPACE) as store, open(file, "ab", buffering=0) as notes:

        def note(*what: Any) -> None:
            notes.write(json.dumps(what).encode() + b"\n")

        lock = made(kind, store, float(lease_s))
        while True:
            try:
                _hold_once(lock, luck, luck.choice(WAITS_S[kind]), note)
            except StoreError:
                note("error", time.monotonic())


def _hold_once(lock: Blocking, luck: random.Random, wait_s: float, note: Any) -> None:
    note("asks", wait_s, time.monotonic())
    lease = lock.acquire(wait_s)
    if lease is None:
        note("busy", time.monotonic())
        time.sleep(0.002)
        return
    note("granted", lease.fence, time.monotonic())
    end_s = time.monotonic() + luck.choice((0, 0.001, 0.02, 0.3, 1.0, 3.0))
    while (now_s := time.monotonic()) < end_s and lease.valid:
        note("valid", lease.fence, now_s)
        time.sleep(0.02)
    note("ends", lease.fence, min(time.monotonic(), lease.until_s))
    note("gives", time.monotonic())
    note("gave", lock.release(lease), time.monotonic())


# -- the run ----------------------------------------------------------------------------------------


class Torture:
    """Processes, and what is done to them."""

    def __init__(self, server: Server, folder: Path, kind: str, lease_s: float, seed: int) -> None:
        self._server, self._folder, self._kind, self._lease_s = server, folder, kind, lease_s
        self._luck = random.Random(seed)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopped: dict[subprocess.Popen[bytes], float] = {}
        self._notes: dict[subprocess.Popen[bytes], Path] = {}
        self._admin = server.redis()
        self._started = 0
        self.report = Report()

    def run(self, processes: int, seconds: float) -> Report:
        """Torture for so long, then let everybody die and look at what is left."""
        stalls = self._folder / "stalls"
        stalls.touch()
        ticker = subprocess.Popen([sys.executable, "-m", "tests.locks.ticker", str(stalls)], cwd=ROOT)
        try:
            for _ in range(processes):
                self._start()
            until(lambda: self._lines(), within_s=60)
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                time.sleep(self._luck.uniform(0.05, 1.5 * self._lease_s))
                self._wake()
                self._hit()
        finally:
            for process in (*self._processes, ticker):
                process.kill()
                process.wait()
        self.report.stood_still = stalls_in(stalls)
        beliefs_in(self._folder, self.report)
        judge(self.report)
        judge_order(calls_in(self._folder, self._lease_s), self.report)
        self._look_at_what_is_left()
        self._admin.close()
        return self.report

    def _start(self) -> None:
        self._started += 1
        notes = self._folder / f"{self._started}.jsonl"
        words = [sys.executable, "-m", "tests.locks.torture", "--work", self._server.url, str(notes)]
        process = subprocess.Popen([*words, self._kind, str(self._lease_s)], cwd=ROOT)
        self._processes.append(process)
        self._notes[process] = notes

    def _lines(self) -> int:
        return sum(file.stat().st_size for file in self._folder.glob("*.jsonl"))

    def _hit(self) -> None:
        hit = self._luck.choices(list(HITS), list(HITS.values()))[0]
        victim = self._victim()
        if hit == "cut":
            self._admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        elif hit == "kill":
            victim.kill()
            victim.wait()
            self._processes.remove(victim)
            self._stopped.pop(victim, None)
            self._start()
        else:
            victim.send_signal(signal.SIGSTOP)
            self._stopped[victim] = time.monotonic() + 2 * self._lease_s
        self.report.hits[hit] += 1

    def _victim(self) -> subprocess.Popen[bytes]:
        """The holder, two times of three, if it is known."""
        with Store.open(self._server.url, NAMESPACE) as store:
            held = Lock(store, NAME).peek()
            inside = RWLock(store, NAME).roster().permits
        pids = [permit.pid for permit in inside] + ([held.pid] if held else [])
        holders = [one for one in self._processes if one.pid in pids and one not in self._stopped]
        if holders and self._luck.random() < 0.67:
            self.report.hits["on the holder"] += 1
            return holders[0]
        # one that only starts holds nothing yet
        at_work = [one for one in self._processes if self._notes[one].exists() and one not in self._stopped]
        return self._luck.choice(at_work or self._processes)

    def _wake(self) -> None:
        now_s = time.monotonic()
        for process in [one for one, wake_s in self._stopped.items() if wake_s <= now_s]:
            del self._stopped[process]
            process.send_signal(signal.SIGCONT)

    def _is_clean(self, lock: Blocking, store: Store, keys: tuple[str, ...]) -> bool:
        """Who died keeps its place for some seconds; after that whoever asks finds nothing of it."""
        lease = lock.acquire(wait=1)
        if lease is not None:
            lock.release(lease)
        return lease is not None and not store.perform(Command(("EXISTS", *keys)))

    def _look_at_what_is_left(self) -> None:
        with Store.open(self._server.url, NAMESPACE) as store:
            lock = made(self._kind, store, self._lease_s)
            names = LockKeys(NAMESPACE, NAME), ShareKeys(NAMESPACE, NAME)
            keys = [names[0].owner, *(key for one in names for key in (one.queue, one.waiters))]
            try:
                until(lambda: self._is_clean(lock, store, (*keys, names[1].permits)), within_s=60)
            except AssertionError:
                self.report.broken.append("everybody is dead, and a holder or a waiter is left behind")
        self.report.broken += find_leaks(self._admin, NAMESPACE)


def torture(processes: int, seconds: float, kind: str, lease_s: float, seed: int) -> Report:
    """One run on a server of its own."""
    server = Server("--appendonly", "no")
    with tempfile.TemporaryDirectory() as folder:
        try:
            server.start()
            return Torture(server, Path(folder), kind, lease_s, seed).run(processes, seconds)
        finally:
            server.remove()


def main() -> int:
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
    reader = argparse.ArgumentParser(prog="python -m tests.locks.torture")
    reader.add_argument("--seconds", type=float, default=60.0)
    reader.add_argument("--processes", type=int, default=12)
    reader.add_argument("--kind", choices=tuple(WAITS_S), default="lock")
    reader.add_argument("--lease", type=float, default=1.0)
    reader.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    asked = reader.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    report = torture(asked.processes, asked.seconds, asked.kind, asked.lease, asked.seed)
    print(report)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
