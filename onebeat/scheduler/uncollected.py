"""How does a beat of very many schedules keep the garbage collector out of its way?

What it holds never becomes garbage, yet each full collection looks at all of it: a fifth of the time that a
million schedules take to load, and later a second in which nothing is emitted.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 10_000  # schedules; of fewer a collection takes milliseconds


@contextmanager
def uncollected(count: int) -> Iterator[None]:
    """Collect nothing while `count` schedules are taken in, and never look at them again."""
    if count < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
