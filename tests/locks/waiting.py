"""How does a test wait for something to become true, and never for a length of time?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from onebeat.locks import Lease

LeaseT = TypeVar("LeaseT")


def until(true: Callable[[], object], within_s: float = 90.0) -> None:
    """Return as soon as `true()` is.

    Raises:
        AssertionError: it did not become true.
    """
    deadline_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline_s, f"not true within {within_s} s"
        time.sleep(0.005)


def renewed(lease: Lease) -> None:
    """Return when a renewal of `lease` was confirmed after this call.

    Raises:
        LeaseLost: it ended.
        AssertionError: nobody renewed it.
    """
    before_s = lease.until_s
    until(lambda: lease.until_s > before_s or not lease.valid)
    lease.assert_held()


async def cut_short(
    acquiring: Coroutine[Any, Any, LeaseT | None],
    release: Callable[[LeaseT], Awaitable[Any]],
    after_s: float,
    turns: int = 0,
) -> None:
    """Cancel `acquiring` after `turns` of the loop and `after_s`; what it got all the same is released."""
    asked = asyncio.create_task(acquiring)
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.sleep(after_s)
    asked.cancel()
    try:
        lease = await asked
    except asyncio.CancelledError:
        return
    if lease is not None:
        await release(lease)
