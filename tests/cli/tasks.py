"""What do the schedules of these tests run?"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from onebeat import task


@task(queue="reports", priority=1)
def report(session: Session, *, word: str = "plain") -> None:
    session.execute(text("CREATE TABLE IF NOT EXISTS reported (word TEXT)"))
    session.execute(text("INSERT INTO reported VALUES (:word)"), {"word": word})


@task(result_ttl="1h")
def count(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in words}


@task
def fails() -> None:
    raise ValueError("no luck today")
