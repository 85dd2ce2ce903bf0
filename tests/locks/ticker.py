"""For how long did the machine stand still? `python -m tests.locks.ticker FILE` notes when it woke late.

A process of its own that asks nobody for anything: what delays it, delays everybody.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

TICK_S = 0.01
STALL_S = 0.1  # who is later than this stood still


def tick(file: str) -> None:
    """For ever: append the monotonic seconds between which this process should have woken, and did not."""
    before_s = time.monotonic()  # before the file is there: who stops this process on seeing it, is noted too
    with open(file, "ab", buffering=0) as notes:
        while True:
            time.sleep(TICK_S)
            now_s = time.monotonic()
            if now_s - before_s > STALL_S:
                notes.write(json.dumps([before_s, now_s]).encode() + b"\n")
            before_s = now_s


def stalls_in(file: Path) -> list[tuple[float, float]]:
    """What `tick` wrote; its last line is whole, or it was killed before it wrote any of it."""
    return [(from_s, to_s) for from_s, to_s in map(json.loads, file.read_text().splitlines())]


if __name__ == "__main__":
    tick(sys.argv[1])
