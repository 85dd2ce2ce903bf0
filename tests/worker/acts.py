"""Which tasks do the worker tests run? Each writes down what it did in the table `acts`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from onebeat import Context, Retry, singleton, task
from onebeat.worker.threads import HardTimeLimit


def _note(what: str) -> None:
    """Outside of any transaction: what really ran, effects or not."""
    with open(os.environ["ACTS_FILE"], "a", encoding="utf-8") as file:
        file.write(what + "\n")


@task(record=True)
def write(word: str, session: Session) -> str:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    return word


@task(record=True)
async def awrite(word: str, session: AsyncSession) -> str:
    await session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    return word


@task
def write_slowly(word: str, seconds: float, session: Session) -> None:
    _note(f"begin {word}")
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    time.sleep(seconds)


def _told(word: str) -> bool:
    """Whether a test said that what runs under `word` may end."""
    return os.path.exists(f"{os.environ['ACTS_FILE']}.{word}")


@task(retries=1, delay="10ms")
def write_when_mended(word: str, session: Session) -> None:
    """Its effect is there when it fails; its code is mended when the test says so."""
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    _note(f"ran {word}")
    if not _told(word):
        raise ValueError("not mended yet")


@task
def write_in_steps(word: str, ctx: Context, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    _note(f"begin {word}")
    while not _told(word):
        time.sleep(0.02)
        ctx.checkpoint()


@task
def wait(word: str, ctx: Context) -> None:
    """Ends when it is told to, so that no test depends on how long anything takes."""
    _note(f"begin {word}")
    while not _told(word):
        time.sleep(0.02)
    _note(f"end {word} {ctx.shutting_down}")


@task
async def await_(word: str, ctx: Context) -> None:
    """The same on the event loop."""
    _note(f"begin {word}")
    while not _told(word):
        await asyncio.sleep(0.02)
    _note(f"end {word} {ctx.shutting_down}")


@task
def gate(word: str, path: str, ctx: Context) -> None:
    """Runs until there is a file at `path`."""
    _note(f"begin {word}")
    while not os.path.exists(path):
        time.sleep(0.02)
    _note(f"end {word} {ctx.shutting_down}")


@task
async def agate(word: str, path: str, ctx: Context) -> None:
    _note(f"begin {word}")
    while not os.path.exists(path):
        await asyncio.sleep(0.02)
    _note(f"end {word} {ctx.shutting_down}")


@task
def hog(word: str, seconds: float) -> None:
    """Holds the interpreter without a pause: one call into C."""
    _note(f"begin {word}")
    sleep_ = ctypes.PyDLL(None).usleep  # PyDLL does not release the GIL
    sleep_(int(seconds * 1_000_000))
    _note(f"end {word}")


@task(hard_timeout="800ms")
def hog_limited(word: str) -> None:
    """The interpreter held for longer than any test; nothing in this process can end it."""
    _note(f"begin {word}")
    ctypes.PyDLL(None).usleep(600_000_000)


@task(hard_timeout="800ms")
def sleep_limited(word: str) -> None:
    """One call into C that lets others run, and that no exception interrupts."""
    _note(f"begin {word}")
    time.sleep(600)


@task(hard_timeout="800ms", timeout="500ms")
async def await_limited(word: str) -> None:
    """It was told and does not listen."""
    _note(f"begin {word}")
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            _note(f"told {word}")


@task(hard_timeout="2s", retries=9, delay="10ms")
def slow_at_first(word: str, ctx: Context, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    if ctx.attempt == 1:
        time.sleep(600)


@task(hard_timeout="800ms", retries=5, delay="10ms", give_up_on=(HardTimeLimit,))
def hog_once(word: str) -> None:
    _note(f"begin {word}")
    time.sleep(600)


@task(hard_timeout="800ms")
def stop_limited(word: str) -> None:
    """The whole process stands still; soon, the signal need not meet this thread first."""
    _note(f"begin {word}")
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(600)


@task
def die(word: str) -> None:
    _note(f"begin {word}")
    os.kill(os.getpid(), signal.SIGSEGV)


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__


@task
def fail(kind: str) -> None:
    if kind == "recursion":
        fail.function(kind)
    kinds = {
        "system-exit": SystemExit(3),
        "keyboard": KeyboardInterrupt(),
        "generator": GeneratorExit(),
        "odd": Odd(),
        "no text": OSError(os.fsdecode(b"/tmp/caf\xe9")),  # what a file name that is not UTF-8 becomes
        "base": BaseException("bare"),
        "stop": StopIteration(7),
        "cancelled": asyncio.CancelledError(),
    }
    raise kinds[kind]


@task
async def afail(kind: str) -> None:
    fail.function(kind)


@task(retries=2, delay="20ms", max_delay="50ms")
def flaky(word: str, fails: int, ctx: Context) -> None:
    _note(f"{word} attempt {ctx.attempt}")
    if ctx.attempt <= fails:
        raise ValueError("not yet")


@task(retries=1)
def ask_again(word: str, ctx: Context) -> None:
    _note(f"{word} attempt {ctx.attempt}")
    if ctx.attempt == 1:
        raise Retry(after=0.05)


@task(retries=5, delay="10ms", give_up_on=(KeyError,))
def give_up(word: str) -> None:
    _note(word)
    raise KeyError(word)


@task(timeout="300ms")
def overtime(word: str) -> None:
    try:
        while True:
            time.sleep(0.01)
    finally:
        _note(f"{word} was told")


@task(timeout="300ms")
async def aovertime(word: str) -> None:
    try:
        await asyncio.sleep(30)
    finally:
        _note(f"{word} was told")


@task
@singleton(key="room:{room}")
def alone(ctx: Context, room: str, word: str, *rest: int) -> None:
    _note(f"begin {word} {len(rest)}")
    while not _told(room):
        time.sleep(0.02)
    _note(f"end {word}")


@task
def typed(day: date, count: int = 1) -> None:
    _note(f"{type(day).__name__} {count}")


@task
@singleton(key="one:{room}", scope="queued", lease=1.0)
def once(room: str, ctx: Context) -> None:
    _note(f"begin {room} {ctx.message_id}")
    while not _told(room):
        time.sleep(0.02)
    _note(f"end {room}")


@task
@singleton(scope="queued", on_conflict="fail")
async def only_one() -> None:
    await asyncio.sleep(0)


@task
@singleton(key="parked:{room}", on_conflict="park", lease=60.0)
def in_turn(room: str, word: str, ctx: Context) -> None:
    _note(f"begin {word} attempt {ctx.attempt}")
    while not _told(room):
        time.sleep(0.02)
    _note(f"end {word}")


@task
@singleton(key="parked:{room}", on_conflict="park", lease=1.0)
async def ain_turn(room: str, word: str, ctx: Context) -> None:
    _note(f"begin {word} attempt {ctx.attempt}")
    while not _told(room):
        await asyncio.sleep(0.02)
    _note(f"end {word}")


@task
@singleton(key="latest:{room}", on_conflict="replace", wait=60.0)
def latest(room: str, word: str, ctx: Context) -> None:
    _note(f"begin {word} {ctx.attempt}")
    while not _told(word):
        time.sleep(0.02)
    _note(f"end {word}")


@task
@singleton(key="latest:{room}", on_conflict="replace", wait=60.0)
async def alatest(room: str, word: str) -> None:
    _note(f"begin {word}")
    while not _told(word):
        await asyncio.sleep(0.02)
    _note(f"end {word}")


@task
@singleton(key="latest:{room}", on_conflict="replace", wait=0.2)
async def impatient(room: str) -> None:
    _note("begin impatient")
