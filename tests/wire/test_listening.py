"""Is what was asked behind a blocking read executed when that ends, once, and is nothing mixed up?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from onebeat.errors import StoreError
from onebeat.wire import AsyncStore, Command, async_lines
from tests.servers import Server
from tests.wire.test_failures import script

BELL = "ob:{tests}:bell"
READ = Command(("BZPOPMIN", BELL, 30.0), block_s=30.0)
BRIEF = Command(("BZPOPMIN", BELL, 0.05), block_s=0.05)
COUNT = script("return {redis.call('INCR', KEYS[1]), redis.call('EXISTS', 'ob:{tests}:bell'), ARGV[1]}").call(
    place="ob:{tests}:count", text="text"
)
ONCE = [1, 0, b"text"]


@pytest.fixture(params=["our lines", "redis-py"])
def url(request: pytest.FixtureRequest, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "redis-py":
        monkeypatch.setattr(async_lines, "find_packer", lambda: None)
    return own_server.url


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[AsyncStore, AsyncStore]]:
    """Who listens, and who rings."""
    async with AsyncStore.open(url, "tests") as store, AsyncStore.open(url, "tests") as other:
        await store.perform(Command(("PING",)))
        yield store, other


async def blocked(store: AsyncStore, count: int = 1) -> None:
    while (await store.perform(Command(("INFO", "clients"))))["blocked_clients"] != count:
        await asyncio.sleep(0.005)


RING = Command(("ZADD", BELL, 0, "*"))


def test_a_call_behind_the_bell(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            listening = store.listen(READ)
            asked = asyncio.create_task(listening.behind(COUNT))
            await blocked(other)
            assert not asked.done()
            await other.perform(RING)
            assert await asked == ONCE
            assert await store.perform(Command(("ECHO", "next"))) == b"next"

    asyncio.run(main())


def test_a_call_asked_when_the_bell_has_rung_or_nobody_rings(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            await other.perform(RING)
            listening = store.listen(READ)
            await listening.rang
            assert await listening.behind(COUNT) == ONCE
            assert (await store.listen(BRIEF).behind(COUNT))[0] == 2

    asyncio.run(main())


def test_a_script_that_the_server_forgot(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            listening = store.listen(READ)
            asked = asyncio.create_task(listening.behind(COUNT))
            await blocked(other)
            await other.perform(Command(("SCRIPT", "FLUSH")))
            await other.perform(RING)
            assert await asked == ONCE

    asyncio.run(main())


def test_a_read_that_is_refused_tells(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            await other.perform(Command(("SET", BELL, "no bell")))
            with pytest.raises(StoreError, match="WRONGTYPE"):
                await store.listen(READ).behind(COUNT)
            assert await store.perform(Command(("ECHO", "next"))) == b"next"

    asyncio.run(main())


def test_a_connection_that_breaks_tells_and_the_next_one_works(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            listening = store.listen(READ)
            asked = asyncio.create_task(listening.behind(COUNT))
            await blocked(other)
            await other.perform(Command(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")))
            with pytest.raises(StoreError):
                await asked
            assert await store.perform(COUNT) == ONCE

    asyncio.run(main())


def test_whoever_gives_up_leaves_no_answer_for_the_next(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, other):
            for number in range(3):
                listening = store.listen(READ)
                asked = asyncio.create_task(listening.behind(COUNT))
                await blocked(other)
                asked.cancel()
                await asyncio.wait([asked])
                listening.drop()
                await blocked(other, 0)
                assert await store.perform(Command(("ECHO", str(number)))) == str(number).encode()
            await other.perform(RING)
            assert await other.perform(COUNT) == [1, 1, b"text"]

    asyncio.run(main())


def test_answers_are_redis_pys(url: str) -> None:
    async def main() -> None:
        async with two(url) as (store, _):
            await store.perform(Command(("HSET", "ob:{tests}:h", "a", "1")))
            assert await store.perform(Command(("HGETALL", "ob:{tests}:h"))) == {b"a": b"1"}
            assert await store.perform(Command(("ECHO", "x" * 1_000_000))) == b"x" * 1_000_000
            together = [store.perform(Command(("ECHO", str(number)))) for number in range(20)]
            assert await asyncio.gather(*together) == [str(number).encode() for number in range(20)]

    asyncio.run(main())
