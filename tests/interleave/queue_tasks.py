"""What do the workers of a history run? A quick task, a slow one, and two that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from onebeat.worker.context import Context
from onebeat.worker.task import task

LEASE_MS = 2_000
TASKS = ("i.quick", "i.slow", "i.once", "i.never")


def nobody_listens(_id: str) -> None:
    """Between histories."""


begun: Callable[[str], None] = nobody_listens  # told by every run; the history under way sets it


@task(name="i.quick")
async def quick(*, ctx: Context) -> None:
    begun(ctx.message_id)
    await asyncio.sleep(0.02)


@task(name="i.slow")
async def slow(*, ctx: Context) -> None:
    begun(ctx.message_id)
    await asyncio.sleep(1.2 * LEASE_MS / 1000)


@task(name="i.once", retries=2, backoff="constant", delay="400ms")
async def fails_once(*, ctx: Context) -> None:
    begun(ctx.message_id)
    if ctx.attempt == 1:
        raise ValueError("the first attempt")


@task(name="i.never", retries=1, backoff="constant", delay="400ms")
async def never_works(*, ctx: Context) -> None:
    begun(ctx.message_id)
    raise ValueError("every attempt")
