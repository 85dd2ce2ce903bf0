"""What do the workers of a history run? A quick task, a slow one, and two that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onebeat.worker.bounds import Concurrency
from onebeat.worker.context import Context
from onebeat.worker.rates import Rate
from onebeat.worker.task import task
from onebeat.worker.turn import Parked

LEASE_MS = 2_000
TASKS = ("i.quick", "i.slow", "i.once", "i.never")


def nobody_listens(_id: str) -> None:
    """Between histories."""


# told by every run; the history under way sets them
begun: Callable[[str], None] = nobody_listens
ended: Callable[[str], None] = nobody_listens


def is_free(_id: str) -> bool:
    """No lock is held."""
    return False


is_held: Callable[[str], bool] = is_free


@contextmanager
def told(ctx: Context) -> Iterator[None]:
    begun(ctx.message_id)
    try:
        yield
    finally:
        ended(ctx.message_id)


@task(name="i.quick")
async def quick(*, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(0.02)


@task(name="i.slow")
async def slow(*, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(1.2 * LEASE_MS / 1000)


@task(name="i.once", retries=2, backoff="constant", delay="400ms")
async def fails_once(*, ctx: Context) -> None:
    with told(ctx):
        if ctx.attempt == 1:
            raise ValueError("the first attempt")


@task(name="i.never", retries=1, backoff="constant", delay="400ms")
async def never_works(*, ctx: Context) -> None:
    with told(ctx):
        raise ValueError("every attempt")


@task(name="i.returns")
async def returns(*, ctx: Context) -> str:
    with told(ctx):
        return ctx.message_id


@task(name="i.there", queue="there")
async def there() -> None:
    """Nobody works in that queue: what comes there stays, and can be counted."""


_ONE_KEY: Concurrency = {"key": "{key}", "limit": 1}


@task(name="i.bounded", concurrency=_ONE_KEY)
async def bounded_quick(key: str, *, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(0.05)


@task(name="i.bounded-slow", concurrency=_ONE_KEY)
async def bounded_slow(key: str, *, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(1.2 * LEASE_MS / 1000)


@task(name="i.bounded-once", retries=2, backoff="constant", delay="400ms", concurrency=_ONE_KEY)
async def bounded_once(key: str, *, ctx: Context) -> None:
    with told(ctx):
        if ctx.attempt == 1:
            raise ValueError("the first attempt")


BOUNDED = (bounded_quick, bounded_slow, bounded_once)


_ONE_A_SECOND: Rate = {"key": "{key}", "limit": "2/2s", "burst": 2}


@task(name="i.paced", rate={"key": "alone:{key}", "limit": "1/s"})
async def paced(key: str, *, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(0.02)


@task(name="i.paced-once", retries=2, backoff="constant", delay="400ms", rate=_ONE_A_SECOND)
async def paced_once(key: str, *, ctx: Context) -> None:
    with told(ctx):
        if ctx.attempt == 1:
            raise ValueError("the first attempt")


@task(name="i.paced-bounded", rate=_ONE_A_SECOND, concurrency=_ONE_KEY)
async def paced_bounded(key: str, *, ctx: Context) -> None:
    with told(ctx):
        await asyncio.sleep(0.7)


PACED = (paced, paced_once, paced_bounded, bounded_quick)


@task(name="i.parks")
async def parks(keep: str, *, ctx: Context) -> None:
    """As a singleton would whose lock is held."""
    with told(ctx):
        if is_held(ctx.message_id):
            raise Parked("held", "lock", keep, 300)
