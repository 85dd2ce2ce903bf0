"""Is a handler that ends our transaction refused, with nothing of it visible?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from onebeat.errors import LedgerMisuse
from onebeat.ledger import AsyncLedger
from tests.ledger.shop import EFFECT, Handler, Shop, adds, entry, maybe, sure


async def commits(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.commit())


async def commits_at_once(session: Any) -> None:
    await maybe(session.commit())


async def commits_and_goes_on(session: Any) -> None:
    with suppress(LedgerMisuse):
        await commits(session)
    await adds("b")(session)


async def commits_and_raises_something_else(session: Any) -> None:
    try:
        await commits(session)
    except LedgerMisuse:
        raise ValueError("hidden") from None


async def commits_its_connection(session: Any) -> None:
    await adds("a")(session)
    connection = await maybe(session.connection())
    await maybe(connection.commit())


async def says_commit(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.execute(text(" commit ")))


async def says_rollback(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.execute(text("ROLLBACK")))


async def says_end(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.execute(text("END TRANSACTION")))


async def rolls_back(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.rollback())


async def rolls_back_and_writes(session: Any) -> None:
    await rolls_back(session)
    await adds("b")(session)


async def closes(session: Any) -> None:
    await adds("a")(session)
    await maybe(session.close())


async def closes_and_writes(session: Any) -> None:
    await closes(session)
    await adds("b")(session)


async def swallows_a_failed_statement_with_a_rollback(session: Any) -> None:
    await maybe(session.execute(insert(EFFECT).values(n=1, name="a")))
    try:
        await maybe(session.execute(insert(EFFECT).values(n=1, name="b")))
    except IntegrityError:
        await maybe(session.rollback())


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (commits, "committed its session"),
        (commits_at_once, "committed its session"),
        (commits_and_goes_on, "committed its session"),
        (commits_and_raises_something_else, "committed its session"),
        (commits_its_connection, "committed its session"),
        (says_commit, "sent COMMIT itself"),
        (says_rollback, "sent ROLLBACK itself"),
        (says_end, "sent END itself"),
        (rolls_back, "rolled back or closed its session"),
        (rolls_back_and_writes, "rolled back or closed its session"),
        (closes, "rolled back or closed its session"),
        (closes_and_writes, "rolled back or closed its session"),
        (swallows_a_failed_statement_with_a_rollback, "rolled back or closed its session"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_misuse(shop: Shop, mode: str, work: Handler, said: str) -> None:
    with pytest.raises(LedgerMisuse, match=said) as caught:
        shop.perform(mode, entry(resource="r"), work)
    assert "shop.task" in str(caught.value)
    assert "begin_nested" in str(caught.value)
    assert shop.nothing_happened()
    assert not shop.perform(mode, entry(resource="r"), adds("c")).replayed, "the next attempt starts clean"
    assert shop.effects() == ["c"]


def test_a_failed_statement_that_nobody_caught_is_the_news(shop: Shop, mode: str) -> None:
    async def work(session: Any) -> None:
        await maybe(session.execute(insert(EFFECT).values(n=1, name="a")))
        await maybe(session.execute(insert(EFFECT).values(n=1, name="b")))

    with pytest.raises(IntegrityError):
        shop.perform(mode, entry(), work)
    assert shop.nothing_happened()


def test_a_rollback_before_an_exception_leaves_the_exception(shop: Shop, mode: str) -> None:
    async def work(session: Any) -> None:
        await rolls_back(session)
        raise ValueError("why it rolled back")

    with pytest.raises(ValueError, match="why it rolled back"):
        shop.perform(mode, entry(), work)
    assert shop.nothing_happened()


def test_beginning_again_is_an_error(shop: Shop, mode: str) -> None:
    async def work(session: Any) -> None:
        await maybe(session.begin())

    with pytest.raises(InvalidRequestError):
        shop.perform(mode, entry(), work)
    assert shop.nothing_happened()


def test_what_was_committed_below_sqlalchemy_is_not_taken_for_done(shop: Shop) -> None:
    """Nobody can refuse the driver's own commit; the unfinished row then says so instead of replaying."""

    async def work(session: Any) -> None:
        await adds("a")(session)
        session.connection().connection.driver_connection.commit()
        raise ValueError("and then it failed")

    with pytest.raises(ValueError, match="and then it failed"):
        shop.perform("sync", entry(), work)
    assert [row.status for row in shop.entries()] == ["claimed"]
    with pytest.raises(LedgerMisuse, match="was committed before its handler was over"):
        shop.perform("sync", entry(), adds("b"))


def test_a_connection_whose_commit_was_refused_is_not_used_again(shop: Shop) -> None:
    """SQLAlchemy would pool it with its transaction open, and the next commit would publish that."""

    async def check() -> None:
        ledger = AsyncLedger(shop.url, connections=1)
        try:
            with pytest.raises(LedgerMisuse):
                await ledger.perform(entry("k1"), commits, confirm=sure)
            await ledger.perform(entry("k2"), adds("b"), confirm=sure)
        finally:
            await ledger.close()

    asyncio.run(check())
    assert shop.effects() == ["b"]
