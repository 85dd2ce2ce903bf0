"""What do the handlers of these tests write? A list of effects and one counter, in the user's own tables."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select, update

from onebeat.ledger import AsyncLedger, Done, Entry, Ledger
from onebeat.ledger.tables import FENCE, LEDGER

METADATA = MetaData()
EFFECT = Table("effect", METADATA, Column("n", Integer, primary_key=True), Column("name", String(50)))
COUNTER = Table("counter", METADATA, Column("id", Integer, primary_key=True), Column("value", Integer))

Handler = Callable[[Any], Coroutine[Any, Any, Any]]


def entry(
    key: str = "k", *, fingerprint: str = "f", message: str = "m@1", fence: int = 1, resource=None
) -> Entry:
    """An entry of which a test names what matters."""
    return Entry("ns", "shop.task", key, fingerprint, message, fence, resource, retention_s=3600)


def sure() -> None:
    """A lease that is held."""


async def maybe(value: Any) -> Any:
    """Awaits what an AsyncSession answers, passes on what a Session answers."""
    return await value if inspect.isawaitable(value) else value


def at_once(work: Handler) -> Callable[[Any], Any]:
    """The sync handler that does the same: with a Session nothing is ever awaited."""

    def run(session: Any) -> Any:
        try:
            work(session).send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it waited")

    return run


def adds(name: str, result: Any = None) -> Handler:
    """A handler that writes one effect."""

    async def work(session: Any) -> Any:
        await maybe(session.execute(insert(EFFECT).values(name=name)))
        return result

    return work


class Shop:
    """One database and what is in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = Ledger(url)
        self.engine = self.ledger.engine

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.ledger.close()

    def create(self) -> None:
        self.ledger.create_tables()
        with self.engine.begin() as connection:
            METADATA.create_all(connection)
            connection.execute(insert(COUNTER).values(id=1, value=0))

    def perform(self, mode: str, what: Entry, work: Handler, confirm: Callable[[], None] = sure) -> Done[Any]:
        """The entry performed by the blocking or the asyncio driver."""
        if mode == "sync":
            return self.ledger.perform(what, at_once(work), confirm=confirm)

        async def run() -> Done[Any]:
            ledger = AsyncLedger(self.url)
            try:
                return await ledger.perform(what, work, confirm=confirm)
            finally:
                await ledger.close()

        return asyncio.run(run())

    def effects(self) -> list[str]:
        with self.engine.connect() as connection:
            return sorted(connection.execute(select(EFFECT.c.name)).scalars())

    def counter(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(COUNTER.c.value)).scalar_one()

    def entries(self) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(LEDGER)))

    def fence(self, resource: str) -> int | None:
        with self.engine.connect() as connection:
            return connection.execute(select(FENCE.c.fence).where(FENCE.c.resource == resource)).scalar()

    def nothing_happened(self) -> bool:
        """X4: no effect, no ledger row, no fence."""
        with self.engine.connect() as connection:
            fences = connection.execute(select(func.count()).select_from(FENCE)).scalar_one()
        return not self.effects() and not self.entries() and not fences


def set_counter(session: Any, value: int) -> Any:
    return session.execute(update(COUNTER).values(value=value))
