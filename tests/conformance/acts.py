"""Which tasks does the conformance suite run?"""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.orm import Session

from examples.one_row import ROWS
from onebeat import Context, Retry, singleton, task


@task
def put(word: str, session: Session) -> None:
    """Writes `word` where the runs of schedules write their ids."""
    session.execute(insert(ROWS).values(run=word))


@task(retries=2, delay="50ms")
def second_time(word: str, ctx: Context, session: Session) -> None:
    """Succeeds when it is tried again."""
    if ctx.attempt < 2:
        raise Retry(after=0.05)
    session.execute(insert(ROWS).values(run=word))


@task(retries=0)
def hopeless(word: str) -> None:
    """Never succeeds."""
    raise ValueError(f"no hope for {word}")


@task(result_ttl="1m")
def echo(word: str) -> str:
    """Returns what it was given."""
    return word


@task
@singleton(key="one:{word}")
def alone(word: str, session: Session) -> None:
    """Holds a lock while it writes."""
    session.execute(insert(ROWS).values(run=word))


@task(queue="second", result_ttl="1m")
def join(first: str, second: str, session: Session) -> str:
    """Writes and returns both; in another slot of a Cluster than the tasks above."""
    session.execute(insert(ROWS).values(run=f"{first} {second}"))
    return f"{first} {second}"


@task(queue="third", result_ttl="1m")
def close(word: str, session: Session) -> str:
    """The same, in a third slot."""
    session.execute(insert(ROWS).values(run=f"{word}."))
    return f"{word}."
