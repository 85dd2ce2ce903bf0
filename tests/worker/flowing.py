"""Which tasks of the worker tests follow one another? Three queues, so that some follow in another slot."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from onebeat import Context, task
from tests.worker.acts import _note, _told


def _write(word: str, session: Session) -> None:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})


@task(result_ttl="1h")
def one(number: int, session: Session) -> int:
    _write(f"one {number}", session)
    return number


@task(queue="left")
def left(number: int, session: Session) -> int:
    _write(f"left {number}", session)
    return number


@task(queue="right", result_ttl="1h")
def right(number: int, session: Session, ctx: Context) -> int:
    _write(f"right {number} {ctx.message_id.rpartition('.')[2]}", session)
    return number + 1


@task(result_ttl="1h")
def together(word: str, session: Session, ctx: Context) -> str:
    _note(f"together {word} {ctx.message_id}")
    _write(f"together {word}", session)
    return word


@task(queue="left", retries=0)
def when_mended(word: str, session: Session) -> None:
    _write(f"mended {word}", session)
    if not _told(word):
        raise ValueError("not mended yet")


@task
def odd() -> object:
    return object()
