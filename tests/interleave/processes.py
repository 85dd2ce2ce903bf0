"""How do several processes play histories at once, each with its store, and not slow each other down?"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import Any

from onebeat import die_with_parent


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


def end_tidily() -> None:
    """TERM ends this process as `sys.exit` does, once: what it opened it closes, undisturbed."""

    def exit_once(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, exit_once)


def _stay(numbers: Any) -> None:
    """Keep this process, and what it starts, on a core of its own, where the system can.

    However the campaign ends, a store and a folder in memory must not outlive it.
    """
    end_tidily()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all; the parent sends TERM
    if sys.platform == "linux":
        die_with_parent.arm(signal.SIGTERM, os.getppid())
    if hasattr(os, "sched_setaffinity"):
        with numbers.get_lock():
            number, numbers.value = numbers.value, numbers.value + 1
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})
