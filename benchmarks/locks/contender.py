"""One process of contenders: `python -m benchmarks.locks.contender KIND URL NAME THREADS SECONDS`.

Says `ready` when its threads could start, starts when it reads a line, and ends with JSON: for each thread
how long it waited for each of its acquisitions, in milliseconds.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from benchmarks.locks.kinds import KINDS, Kind

GIVE_UP_S = 25.0  # below the lease: python-redis-lock wants it so


def contend(kind: Kind, url: str, name: str, seconds: float, gate: threading.Event) -> list[float]:
    """Acquire and release in turn with all others until `seconds` are over; the waits."""
    lock, waits = kind.make(url, name), list[float]()
    gate.wait()
    end_s = time.perf_counter() + seconds
    while True:
        asked_s = time.perf_counter()
        if kind.acquire(lock, GIVE_UP_S):
            waits.append((time.perf_counter() - asked_s) * 1000)
            kind.release(lock)
        if time.perf_counter() >= end_s:
            return waits


def main(words: list[str]) -> None:
    """As the module says."""
    kind, url, name, threads, seconds = KINDS[words[0]], words[1], words[2], int(words[3]), float(words[4])
    gate, found = threading.Event(), list[list[float]]()
    running = [
        threading.Thread(target=lambda: found.append(contend(kind, url, name, seconds, gate)))
        for _ in range(threads)
    ]
    for thread in running:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    gate.set()
    for thread in running:
        thread.join()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
