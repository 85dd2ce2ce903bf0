"""Does a cancelled task leave no transaction, no lock and no connection behind?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from onebeat.ledger import AsyncLedger
from tests.ledger.shop import Shop, adds, entry, sure

WITHIN_S = 90.0


def test_cancelled_in_the_handler(shop: Shop) -> None:
    async def check() -> None:
        ledger = AsyncLedger(shop.url, connections=1)
        inside = asyncio.Event()

        async def work(session: Any) -> None:
            await adds("a")(session)
            inside.set()
            await asyncio.Event().wait()

        try:
            task = asyncio.create_task(ledger.perform(entry(resource="r"), work, confirm=sure))
            await asyncio.wait_for(inside.wait(), WITHIN_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # the only connection is free again, and so are the row and the fence
            done = await asyncio.wait_for(
                ledger.perform(entry(resource="r"), adds("b"), confirm=sure), WITHIN_S
            )
            assert not done.replayed
        finally:
            await ledger.close()

    asyncio.run(check())
    assert shop.effects() == ["b"]


def test_cancelled_while_another_holds_the_key(shop: Shop) -> None:
    """The second waits inside the database: for the write lock in SQLite, for the index in PostgreSQL."""

    async def check() -> None:
        ledger = AsyncLedger(shop.url, connections=2)
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def first(session: Any) -> None:
            await adds("a")(session)
            inside.set()
            await go_on.wait()

        try:
            holder = asyncio.create_task(ledger.perform(entry(), first, confirm=sure))
            await asyncio.wait_for(inside.wait(), WITHIN_S)
            waiter = asyncio.create_task(ledger.perform(entry(), adds("b"), confirm=sure))
            await asyncio.sleep(0.05)  # long enough to be waiting; either way it must end cancelled
            waiter.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(waiter, WITHIN_S)
            assert not (await asyncio.wait_for(holder, WITHIN_S)).replayed
            again = ledger.perform(entry(), adds("c"), confirm=sure)
            assert (await asyncio.wait_for(again, WITHIN_S)).replayed
        finally:
            await ledger.close()

    asyncio.run(check())
    assert shop.effects() == ["a"]
