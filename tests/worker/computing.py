"""Which tasks do the tests run in processes of their own? Each notes who it is."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from onebeat import Cancelled, Context, TimeLimit, singleton, task


def _note(what: str) -> None:
    with open(os.environ["ACTS_FILE"], "a", encoding="utf-8") as file:
        file.write(what + "\n")


def _until_told(word: str, ctx: Context, *, looks: bool = False) -> None:
    while not os.path.exists(f"{os.environ['ACTS_FILE']}.{word}"):
        time.sleep(0.02)
        if looks:
            ctx.checkpoint()


@task(pool="process", record=True)
def write(word: str, session: Session, ctx: Context) -> object:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    _note(f"{os.getppid()} {os.getpid()} {ctx.message_id} {ctx.attempt}")
    return object()  # nobody asks what it returned, so it may be anything


@task(pool="process", retries=2, delay="10ms")
def write_again(word: str, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})


@task(pool="process")
def wait(word: str, ctx: Context) -> None:
    _note(f"begin {word}")
    _until_told(word, ctx)
    _note(f"end {word} {ctx.shutting_down}")


@task(pool="process")
def gate(word: str, path: str, ctx: Context) -> None:
    _note(f"begin {word}")
    while not os.path.exists(path):
        time.sleep(0.02)
    _note(f"end {word} {ctx.shutting_down}")


@task(pool="process")
def tell_pid(word: str, ctx: Context) -> None:
    _note(f"{word} {os.getpid()}")
    _until_told(word, ctx)


@task(pool="process")
def die(word: str) -> None:
    _note(f"begin {word}")
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(600)


@task(pool="process", retries=1, delay="10ms")
def die_once(word: str, ctx: Context, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    if ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)


@task(pool="process", hard_timeout="800ms")
def hog_limited(word: str) -> None:
    _note(f"begin {word}")
    ctypes.PyDLL(None).usleep(600_000_000)


@task(pool="process")
def hog(word: str) -> None:
    """Nothing in this process hears that its end is wanted."""
    _note(f"begin {word}")
    ctypes.PyDLL(None).usleep(600_000_000)


@task(pool="process", timeout="300ms")
def overtime(word: str) -> None:
    try:
        while True:
            time.sleep(0.01)
    except TimeLimit:
        _note(f"{word} was told")
        raise


@task(pool="process")
def listens(word: str, ctx: Context, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    _note(f"begin {word}")
    try:
        _until_told(word, ctx, looks=True)
    except Cancelled:
        _note(f"{word} was told")
        raise


@task(pool="process", retries=1, delay="10ms")
def flaky(word: str, ctx: Context) -> None:
    _note(f"{word} attempt {ctx.attempt}")
    if ctx.attempt == 1:
        raise ValueError("not yet")


@task(pool="process")
@singleton(key="far:{room}", on_conflict="skip")
def alone(room: str, session: Session, ctx: Context) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": room})
    _note(f"begin {room} {ctx.fence}")
    _until_told(room, ctx)
