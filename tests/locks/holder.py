"""What does another process do with a lock when a test tells it to? One line in, one line out.

Run as a program: `python -m tests.locks.holder URL NAMESPACE NAME LEASE_S`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from onebeat.errors import ForkedHandle, OnebeatError
from onebeat.locks import Lease, Lock, validity
from onebeat.wire import Command, Store
from tests.locks.waiting import renewed

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """The test's side: starts the program and speaks with it."""

    def __init__(self, store: Store, url: str, name: str, lease_s: float) -> None:
        words = [sys.executable, "-W", "error", "-m", "tests.locks.holder", url, store.namespace, name]
        self._process = subprocess.Popen(
            [*words, str(lease_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.pid = self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        self.tell(line)
        return self.hear()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()


class Program:
    """The other side."""

    def __init__(self, store: Store, name: str, lease_s: float) -> None:
        self._store = store
        self._lock = Lock(store, name, lease_s)
        self._lease: Lease | None = None

    def answer(self, verb: str, *args: str) -> str:
        return str(getattr(self, f"do_{verb}")(*args))

    def do_acquire(self, wait_s: str) -> str:
        self._lease = self._lock.acquire(float(wait_s))
        return f"held {self._lease.fence}" if self._lease else "busy"

    def do_valid(self) -> bool:
        return bool(self._lease and self._lease.valid)

    def do_release(self) -> str:
        return self._lock.release()

    def do_count(self, times: str, key: str) -> int:
        """Read, add one, write: each lost update is two holders at once."""
        for _ in range(int(times)):
            with self._lock.hold(wait=200):
                seen = int(self._store.perform(Command(("GET", key))) or 0)
                self._store.perform(Command(("SET", key, seen + 1)))
        return int(times)

    def do_fork(self) -> str:
        """What a forked child may do with its parent's handle and lease."""
        lease = self._lease
        assert lease is not None
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, ",".join(self._in_the_child(lease)).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as said:
            return said.read()

    def _in_the_child(self, lease: Lease) -> list[str]:
        found = [f"valid={lease.valid}"]
        for forbidden in (self._lock.acquire, self._lock.release, lease.assert_held):
            try:
                forbidden()
            except ForkedHandle:
                found.append("refused")
        # a client made before the fork, as in a pre-forking web server: redis-py gives it new sockets
        validity.RENEWALS = 40
        with Lock(self._store, "of the child", 20).hold() as held:
            renewed(held)  # it has a keeper of its own
            found.append(f"own={held.valid}")
        return found


def main(url: str, namespace: str, name: str, lease_s: str) -> None:
    with Store.open(url, namespace, deadline_s=60.0) as store:
        program = Program(store, name, float(lease_s))
        for line in sys.stdin:
            try:
                print(program.answer(*line.split()), flush=True)
            except OnebeatError as problem:
                print(type(problem).__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
