"""Which tasks do the end-to-end tests run? Each leaves a mark that a test can read."""

from __future__ import annotations

import asyncio
import os
import time

from sqlalchemy import insert
from sqlalchemy.orm import Session

from examples.one_row import ROWS
from onebeat import Context, task


def _note(*words: object) -> None:
    """One line, whole: appends of this length are not torn. Outside of any transaction: what really ran."""
    line = " ".join(map(str, words)) + "\n"
    with open(os.environ["NOTES"], "ab", buffering=0) as file:
        file.write(line.encode())


@task
def hold(word: str, seconds: float, ctx: Context) -> None:
    """Takes its time on a thread."""
    _note("begin", word, ctx.message_id, time.monotonic())
    time.sleep(seconds)
    _note("end", word, ctx.message_id, time.monotonic())


@task
async def ahold(word: str, seconds: float, ctx: Context) -> None:
    """Takes its time on the event loop."""
    _note("begin", word, ctx.message_id, time.monotonic())
    await asyncio.sleep(seconds)
    _note("end", word, ctx.message_id, time.monotonic())


@task
def stand(word: str, seconds: float, ctx: Context) -> None:
    """Takes its time on a thread, in pieces, so that it can be cut short."""
    _note("begin", word, ctx.message_id, time.monotonic())
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        time.sleep(0.02)
    _note("end", word, ctx.message_id, time.monotonic())


@task
def put(word: str, session: Session) -> None:
    """Writes `word` where the runs of schedules write their ids."""
    session.execute(insert(ROWS).values(run=word))
