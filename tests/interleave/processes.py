"""How do several processes play histories at once, each with its store, and not slow each other down?"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import Any


@contextmanager
def pool_of(processes: int) -> Iterator[Pool]:
    """A pool whose processes, and the stores that they start, have a core each.

    Player and store take turns and never run at once. On one core a turn costs a switch; on two it costs
    waking the other one up, and with that 1.5 to 1.9 times as much for a whole history.
    """
    spawning: Any = multiprocessing.get_context("spawn")
    numbers = spawning.Value("i", 0)
    with spawning.Pool(processes, _stay, (numbers,)) as pool:
        yield pool


def _stay(numbers: Any) -> None:
    """Keep this process, and what it starts, on a core of its own, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        with numbers.get_lock():
            number, numbers.value = numbers.value, numbers.value + 1
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})
