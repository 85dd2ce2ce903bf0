"""Is a file that nobody protects but the lock added to without losing one increment?

python -m tests.locks.counter                20 000 increments by 8 threads in each of 4 processes

Each increment reads the number, lets another thread run, and writes the number plus one: two holders at
once, for whatever reason, lose one (the fuzz of etcd's and ShedLock's tests).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onebeat.locks import Lock
from onebeat.wire import Store
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 600.0


def work(url: str, file: str, threads: str, each: str) -> None:
    """The increments of one process."""
    path = Path(file)

    def add() -> None:
        lock = Lock(store, "counter", lease=30)
        for _ in range(int(each)):
            with lock.hold(wait=WAIT_S):
                seen = int(path.read_text())
                time.sleep(0)
                path.write_text(str(seen + 1))

    with Store.open(url, "counter", deadline_s=30) as store, ThreadPoolExecutor(int(threads)) as pool:
        for done in [pool.submit(add) for _ in range(int(threads))]:
            done.result()


def count(processes: int, threads: int, increments: int) -> tuple[int, int]:
    """How many increments were made, and the number in the file afterwards."""
    each = increments // (processes * threads)
    server = Server("--appendonly", "no")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "number"
        file.write_text("0")
        try:
            words = [sys.executable, "-m", "tests.locks.counter", "--work", server.start().url, str(file)]
            running = [
                subprocess.Popen([*words, str(threads), str(each)], cwd=ROOT) for _ in range(processes)
            ]
            failed = [process.wait() for process in running]
            assert not any(failed), f"a process ended with {failed}"
        finally:
            server.remove()
        return each * processes * threads, int(file.read_text())


def main() -> int:
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
        return 0
    reader = argparse.ArgumentParser(prog="python -m tests.locks.counter")
    reader.add_argument("--processes", type=int, default=4)
    reader.add_argument("--threads", type=int, default=8)
    reader.add_argument("--increments", type=int, default=20_000)
    asked = reader.parse_args()
    began_s = time.monotonic()
    made, found = count(asked.processes, asked.threads, asked.increments)
    print(f"{made} increments, the number is {found}, {time.monotonic() - began_s:.0f} s")
    return 0 if made == found else 1


if __name__ == "__main__":
    sys.exit(main())
