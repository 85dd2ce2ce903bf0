"""One process of contenders: `python -m benchmarks.locks.contender KIND URL NAME THREADS`.

Says `ready` when each of its threads had the lock once, so that no first turn is one of imports, a connection
and a script that the store does not know, and reads a line with two seconds of the machine's monotonic clock.
All contenders of all processes begin at the first and count until the second: who ended later than the others
would have the lock for itself for a while. Ends with JSON: for each thread how long it waited for each of its
acquisitions, in milliseconds.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from benchmarks.locks.kinds import KINDS, Kind

GIVE_UP_S = 25.0  # below the lease: python-redis-lock wants it so


class Window:
    """From when to when everybody contends, once all are `warm` and that is known; monotonic seconds."""

    def __init__(self, threads: int) -> None:
        self.warm = threading.Barrier(threads + 1, timeout=2 * GIVE_UP_S)
        self.known = threading.Event()
        self.from_s = self.to_s = 0.0


def contend(kind: Kind, url: str, name: str, window: Window) -> list[float]:
    """Acquire and release in turn with all others in the window, once at least; the waits."""
    lock, waits = kind.make(url, name), list[float]()
    if kind.acquire(lock, GIVE_UP_S):
        kind.release(lock)
    window.warm.wait()
    window.known.wait()
    time.sleep(max(0.0, window.from_s - time.monotonic()))
    while (asked_s := time.monotonic()) < window.to_s or not waits:
        if kind.acquire(lock, GIVE_UP_S):
            if (got_s := time.monotonic()) < window.to_s or not waits:
                waits.append((got_s - asked_s) * 1000)
            kind.release(lock)
    return waits


def main(words: list[str]) -> None:
    """As the module says."""
    kind, url, name, threads = KINDS[words[0]], words[1], words[2], int(words[3])
    window, found = Window(threads), list[list[float]]()
    running = [
        threading.Thread(target=lambda: found.append(contend(kind, url, name, window)))
        for _ in range(threads)
    ]
    for thread in running:
        thread.start()
    window.warm.wait()
    print("ready", flush=True)
    window.from_s, window.to_s = map(float, sys.stdin.readline().split())
    window.known.set()
    for thread in running:
        thread.join()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
