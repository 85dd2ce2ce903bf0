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
async def astand(word: str, ctx: Context) -> None:
    """The same on the event loop."""
    _note("begin", word, ctx.message_id, time.monotonic())
    while not _told(word):
        await asyncio.sleep(0.02)
    _note("end", word, ctx.message_id, time.monotonic())


def _told(word: str) -> bool:
    """Whether a test said that what runs under `word` may end."""
    return os.path.exists(f"{os.environ['NOTES']}.{word}")


@task
def stand(word: str, ctx: Context) -> None:
    """Waits on a thread until it is told to end, in pieces, so that it can be cut short."""
    _note("begin", word, ctx.message_id, time.monotonic())
    while not _told(word):
        time.sleep(0.02)
    _note("end", word, ctx.message_id, time.monotonic())


@task
def put(word: str, session: Session) -> None:
    """Writes `word` where the runs of schedules write their ids."""
    session.execute(insert(ROWS).values(run=word))
