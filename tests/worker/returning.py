"""Which tasks of the worker tests return something that somebody wants?"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from onebeat import Context, task
from tests.worker.acts import _note, _told


@dataclass
class Sum:
    """What msgspec can spell."""

    day: date
    total: float


@task(result_ttl="1h")
def add(a: int, b: int) -> int:
    return a + b


@task(result_ttl="1h")
async def aadd(a: int, b: int) -> Sum:
    return Sum(date(2026, 3, 1), a + b)


@task(result_ttl="1h", pool="process")
def add_far(a: int, b: int) -> int:
    return a + b


@task
def forgotten() -> int:
    return 7


@task(result_ttl="1h", retries=1, delay="10ms")
def fail_at_last(word: str) -> None:
    raise KeyError(word)


@task(result_ttl="1h", retries=9)
def return_odd(session: Session) -> Any:
    session.execute(text("INSERT INTO acts (word) VALUES ('odd')"))
    return object()


@task(result_ttl="1h")
async def areturn_odd(session: AsyncSession) -> float:
    await session.execute(text("INSERT INTO acts (word) VALUES ('aodd')"))
    return float("nan")


@task(result_ttl="1h")
def return_much() -> str:
    return "x" * (1 << 20)


@task(result_ttl="1h")
def write_and_return(word: str, session: Session) -> dict[str, str]:
    """The first to run dies after its commit, if a test says so."""
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    return {"pid": str(os.getpid()), "word": word}


@task(result_ttl="1h")
def wait_and_return(word: str) -> str:
    _note(f"begin {word}")
    while not _told(word):
        time.sleep(0.02)
    return word


@task
def tell_and_wait(word: str, ctx: Context) -> None:
    for done in range(1_000):
        ctx.progress(done, 1_000)
    ctx.progress(3, 10, f"waiting for {word}")
    while not _told(word):
        time.sleep(0.02)


@task(pool="process")
def tell_and_wait_far(word: str, ctx: Context) -> None:
    while not _told(word):
        ctx.progress(3, 10, f"waiting for {word}")
        time.sleep(0.02)


@task
async def atell_and_wait(word: str, ctx: Context) -> None:
    ctx.progress(3, 10, f"waiting for {word}")
    while not _told(word):
        await asyncio.sleep(0.02)
