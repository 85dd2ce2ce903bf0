"""Does the face for redis-py's users behave as redis-py's lock, row by row, in the same test?"""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.lock
import redis.asyncio.retry
import redis.lock
from redis.backoff import NoBackoff
from redis.retry import Retry

from onebeat.errors import ConfigError, InvalidName
from onebeat.keys import PlainLockKeys
from onebeat.locks.compat import AsyncLock, Lock, face
from onebeat.testing.proxy import FaultProxy
from tests.locks.compat_row import SAME, Row, Verdict, held
from tests.locks.compat_rows import ROWS
from tests.locks.waiting import until
from tests.servers import Server

ALL = [row for rows in ROWS.values() for row in rows]
LOSES = {"loses a reply": 1, "loses its second reply": 2}


class BlockingDesk:
    """Blocking locks of one class."""

    client_class: Any = redis.Redis
    retry_class: Any = Retry

    def __init__(self, server: Server, name: str, lock_class: Any, proxy: Callable[..., FaultProxy]) -> None:
        self.server, self.name, self.lock_class, self.proxy = server, name, lock_class, proxy
        self.closing = ExitStack()
        self.look = self.closing.enter_context(redis.Redis.from_url(server.url))

    def make(self, **options: Any) -> Any:
        return self.told(self.lock_class(self.client(), options.pop("name", self.name), **options))

    def make_on(self, client: str, **options: Any) -> Any:
        if client == "decoding":
            return self.told(self.lock_class(self.client(decode_responses=True), self.name, **options))
        if client == "by lock()":
            return self.told(self.client().lock(self.name, lock_class=self.lock_class, **options))
        if client == "nobody listens":
            nowhere = self.client(f"{self.server.url}-nowhere")
            return self.told(self.lock_class(nowhere, self.name, **options))
        proxy, nth = self.proxy(self.server.url), LOSES[client]
        retry = self.retry_class(NoBackoff(), 3)  # redis-py 8 retries ten times unless it is told otherwise
        lock = self.lock_class(self.client(proxy.url, retry=retry), self.name, **options)
        self.warm(lock)
        done = proxy.calls
        proxy.lose_replies(lambda call: call == done + nth)
        return self.told(lock)

    def warm(self, lock: Any) -> None:
        """The server knows the scripts, so that an act is as many calls as it seems."""
        mate = self.told(lock)
        assert mate.acquire(blocking=False)
        if lock.timeout:
            mate.extend(1)
        mate.release()

    def client(self, url: str | None = None, **options: Any) -> Any:
        return self.closing.enter_context(self.client_class.from_url(url or self.server.url, **options))

    def told(self, lock: Any) -> Any:
        return lock

    def close(self) -> None:
        self.closing.close()


class AwaitingDesk(BlockingDesk):
    """Asyncio locks of one class, each method awaited for the act."""

    client_class = redis.asyncio.Redis
    retry_class = redis.asyncio.retry.Retry

    def __init__(self, *args: Any) -> None:
        self.runner = asyncio.Runner()
        super().__init__(*args)

    def client(self, url: str | None = None, **options: Any) -> Any:
        client = self.client_class.from_url(url or self.server.url, **options)
        self.closing.callback(lambda: self.runner.run(client.aclose()))
        return client

    def told(self, lock: Any) -> Any:
        return Awaited(lock, self.runner)

    def close(self) -> None:
        super().close()
        self.runner.close()


class Awaited:
    """An asyncio lock that an act can use like a blocking one."""

    def __init__(self, lock: Any, runner: asyncio.Runner) -> None:
        self.lock, self.runner = lock, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.lock, name)
        return self.waited(found) if inspect.ismethod(found) else found

    def waited(self, method: Any) -> Any:
        async def call(*args: Any, **named: Any) -> Any:
            answer = method(*args, **named)
            return await answer if inspect.isawaitable(answer) else answer

        return lambda *args, **named: self.runner.run(call(*args, **named))

    def __enter__(self) -> Any:
        self.waited(self.lock.__aenter__)()
        return self

    def __exit__(self, *trouble: Any) -> Any:
        return self.waited(self.lock.__aexit__)(*trouble)


DESKS = {
    "redis-py": (BlockingDesk, redis.lock.Lock),
    "onebeat": (BlockingDesk, Lock),
    "redis-py asyncio": (AwaitingDesk, redis.asyncio.lock.Lock),
    "onebeat asyncio": (AwaitingDesk, AsyncLock),
}


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, server: Server, namespace: str, fault_proxy: Callable[..., FaultProxy]
) -> Iterator[BlockingDesk]:
    kind, lock_class = DESKS[request.param]
    made = kind(server, namespace, lock_class, fault_proxy)
    try:
        yield made
    finally:
        made.look.delete(namespace)
        made.close()


def answer_of(row: Row, desk: BlockingDesk) -> Any:
    try:
        return row.act(desk)
    except Exception as problem:
        return type(problem).__name__


PAIRS = [
    pytest.param(kind, row, id=f"{kind}-{row.act.__name__}")
    for kind in DESKS
    for row in ALL
    if not (row.threads and "asyncio" in kind)  # one loop, one thread
]


@pytest.mark.parametrize(("desk", "row"), PAIRS, indirect=["desk"])
def test_a_row(desk: BlockingDesk, row: Row) -> None:
    theirs = desk.lock_class.__module__.startswith("redis")
    expected = row.theirs if theirs or row.ours is SAME else row.ours
    assert answer_of(row, desk) == expected


def test_every_difference_has_its_reason() -> None:
    for row in ALL:
        assert (row.ours is SAME) == (row.verdict is Verdict.SAME) == (not row.why), row.behaviour
    assert len({row.behaviour for row in ALL}) == len(ALL)


# -- what redis-py has not ---------------------------------------------------------------------------


@pytest.mark.parametrize("desk", ["onebeat"], indirect=True)
def test_waiters_come_in_the_order_of_arrival_and_fences_grow(desk: BlockingDesk) -> None:
    """Three threads queue behind a holder; redis-py leaves the order to luck."""
    first, order, fences = held(desk), list[int](), list[int]()

    def wait(number: int) -> None:
        with desk.make() as lock:
            order.append(number)
            fences.append(lock.lease.fence)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda awaited=number + 1: desk.look.zcard(first.keys.queue) == awaited)
    first.release()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]
    assert fences == sorted(set(fences))


@pytest.mark.parametrize("desk", ["onebeat", "onebeat asyncio"], indirect=True)
def test_a_lock_without_a_timeout_is_renewed_until_it_is_released(
    desk: BlockingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "LIFE_S", 6.0)
    one = held(desk)
    desk.look.pexpire(desk.name, 5_000)  # a renewal makes it more again
    until(lambda: desk.look.pttl(desk.name) > 5_000)
    assert one.lease.valid
    one.release()
    assert not desk.look.exists(desk.name)


def test_two_names_may_share_a_chosen_token_and_both_are_renewed(
    server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "LIFE_S", 6.0)
    with redis.Redis.from_url(server.url) as client:
        names = [namespace, f"{{{namespace}}}:2"]
        locks = [Lock(client, name) for name in names]
        for lock in locks:
            assert lock.acquire(token="same")
            client.pexpire(lock.name, 5_000)
        for name in names:
            until(lambda name=name: client.pttl(name) > 5_000)
        for lock in locks:
            lock.release()


def test_a_cancelled_waiter_leaves_the_queue(server: Server, namespace: str) -> None:
    """redis-py 8.1: a cancelled acquire that was answered meanwhile leaves the lock held for ever."""

    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(server.url) as client:
            async with AsyncLock(client, namespace) as first:
                waiting = asyncio.create_task(AsyncLock(client, namespace).acquire())
                while not await client.zcard(first.keys.queue):
                    await asyncio.sleep(0.005)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert not await client.zcard(first.keys.queue)
            assert await AsyncLock(client, namespace).acquire(blocking=False)
            await client.delete(namespace)

    asyncio.run(scenario())


@pytest.mark.parametrize("client", [None, "redis://localhost", object()])
def test_a_client_of_another_kind_is_refused(client: Any) -> None:
    for kind in (Lock, AsyncLock):
        with pytest.raises(ConfigError, match="cannot work with"):
            kind(client, "x")


def test_the_blocking_lock_has_connections_of_its_own_that_are_shared(server: Server) -> None:
    with redis.Redis.from_url(server.url) as client:
        one, other = Lock(client, "a"), Lock(client, "b")
        assert one._store is other._store
        assert one._store.client.connection_pool is not client.connection_pool


@pytest.mark.parametrize(
    ("name", "tag"),
    [("a", "a"), ("a{b}c", "b"), ("{b}{c}", "b"), ("a{b", "a{b"), ("{}{a}", "{"), ("a:b c", "a:b c")],
)
def test_all_its_keys_share_the_slot_of_the_plain_one(name: str, tag: str) -> None:
    keys = PlainLockKeys(name)
    assert keys.owner == name
    for key in (keys.state, keys.queue, keys.waiters, keys.bell("t")):
        found = re.match(r"[^{]*\{([^}]+)\}", key)
        assert found is not None
        assert found[1] == tag


def test_no_name_is_refused(server: Server) -> None:
    with redis.Redis.from_url(server.url) as client, pytest.raises(InvalidName):
        Lock(client, "")
