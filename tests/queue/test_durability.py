"""Does a call return only when it is as safe as it was asked to be, and say so when it is not?"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from onebeat.errors import ConfigError, NotConfirmed, Remedy, StoreError
from onebeat.queue import AsyncClient, Client
from onebeat.queue.durability import Durability, read_durability, surely
from onebeat.wire import Call, Chain, Command, Pause, Store
from onebeat.wire.scripts import parse
from tests.deployments import Reachable, until

HEADER = "-- once: count.\n-- KEYS lane STRING x\n-- MOVES none\n-- RETURNS x\n"
ONCE = parse(
    "tests", "once", f"{HEADER}return redis.call('EXISTS', KEYS[1]) == 1 or redis.call('SET', KEYS[1], 1)"
)
LANE = "ob:{safe:default}:lane:x"


class Pair:
    """A master with AOF, and a replica that can be paused."""

    def __init__(self, stack: ExitStack) -> None:
        self.master, self.replica = (stack.enter_context(_started()) for _ in range(2))
        self.replica.ask("REPLICAOF", "127.0.0.1", self.master.tcp)
        until(lambda: b"online" in str(self.master.ask("INFO", "replication")).encode(), "a replica")
        self.client = Client.from_url(self.master.url, "safe")
        stack.callback(self.client.close)

    def pause(self) -> None:
        os.kill(self.replica.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.replica.pid, signal.SIGCONT)

    @property
    def syncs(self) -> bool:
        """Whether the server knows WAITAOF."""
        return not re.search(r"v=(6|7\.[01])", _version(self.master.binary))

    def queued(self) -> int:
        """How many calls are in the queue."""
        return sum(self.client.queue("default").look().ready)


def _version(binary: str) -> str:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout


class _started:
    def __init__(self) -> None:
        self.server = Reachable("--appendfsync", "always")

    def __enter__(self) -> Reachable:
        return self.server.start()

    def __exit__(self, *_: object) -> None:
        self.server.remove()


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


@pytest.fixture
def pair(both: Pair) -> Iterator[Pair]:
    both.master.ask("FLUSHALL")
    yield both
    both.wake()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onebeat.queue.client.WITHIN_S", 0.3)


def aenqueue(pair: Pair, **rules: Any) -> Any:
    async def call() -> Any:
        client = AsyncClient.from_url(pair.master.url, "safe")
        try:
            return await client.enqueue("t:t", [1], **rules)
        finally:
            await client.close()

    return asyncio.run(call())


def enqueue(pair: Pair, **rules: Any) -> Any:
    return pair.client.enqueue("t:t", [1], **rules)


@pytest.mark.parametrize("call", [enqueue, aenqueue])
@pytest.mark.parametrize("durability", ["fsync", "replicated", "default"])
def test_a_call_that_is_confirmed_is_queued_once(
    call: Callable[..., Any], durability: str, pair: Pair
) -> None:
    if durability == "fsync" and not pair.syncs:  # refused before anything is queued
        with pytest.raises(ConfigError, match=r"needs Redis 7\.2 or Valkey 7\.2"):
            call(pair, durability=durability)
        assert pair.queued() == 0
        return
    assert call(pair, durability=durability).id
    assert pair.queued() == 1


@pytest.mark.parametrize("call", [enqueue, aenqueue])
@pytest.mark.usefixtures("impatient")
def test_what_no_replica_has_is_told_and_may_be_repeated_by_its_key(
    call: Callable[..., Any], pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.pause()
    for _ in range(2):
        with pytest.raises(NotConfirmed, match=r"0 of 1 replicas.*the same key= is safe") as raised:
            call(pair, durability="replicated", key="k")
        assert raised.value.remedy is Remedy.RETRY
    pair.wake()
    monkeypatch.setattr("onebeat.queue.client.WITHIN_S", 60.0)
    assert call(pair, durability="replicated", key="k").existing
    assert pair.queued() == 1


@pytest.mark.usefixtures("impatient")
def test_more_replicas_than_there_are(pair: Pair) -> None:
    with pytest.raises(NotConfirmed, match="of 2 replicas have it"):
        pair.client.enqueue("t:t", [1], durability="replicated:2")


def test_a_batch_waits_once(pair: Pair) -> None:
    pair.client.enqueue("t:t", [0], durability="replicated")
    pair.master.ask("CONFIG", "RESETSTAT")
    pair.client.enqueue_many([("t:t", [n], None) for n in range(300)], durability="replicated")
    told = str(pair.master.ask("INFO", "commandstats"))
    assert "'cmdstat_wait': {'calls': 2" in told, "one for each batch of 256"
    assert pair.queued() == 301


def test_a_repeated_call_that_writes_nothing_still_waits_for_the_first(pair: Pair) -> None:
    """The reply is lost, and the call sent again on another connection, which has written nothing yet."""
    level = read_durability("replicated")
    assert level is not None
    with Store.open(pair.master.url, "safe") as store:
        pair.pause()
        call = Call(ONCE, (LANE,), ())
        for _ in range(2):
            with pytest.raises(NotConfirmed):
                store.run(surely(call, LANE, 60_000, level, within_s=0.2))
            store.close()
        pair.wake()
        assert store.run(surely(call, LANE, 60_000, level, within_s=60.0)) == 1
        assert store.perform(Command(("GET", LANE))) == b"1"


def test_a_write_stands_between_a_call_and_its_wait() -> None:
    """What a server waits for is what the connection wrote last; some count reads, none promises it."""
    level = Durability("replicated:2", 2)
    steps = surely(Call(ONCE, (LANE,), ()), LANE, 7, level, within_s=9.0)
    effect = next(steps)
    assert isinstance(effect, Chain)
    assert [one.words[0] for one in effect.behind] == ["PEXPIRE", "WAIT"]
    assert effect.behind[0].words == ("PEXPIRE", LANE, 7)
    again = steps.send([b"answer", 1, 1])  # one of two
    assert isinstance(again, Chain)
    assert again.call == effect.call, "the same call, so that it is executed once"
    pause = steps.throw(StoreError("reply lost", remedy=Remedy.RETRY))
    assert isinstance(pause, Pause)
    steps.send(None)
    with pytest.raises(StopIteration) as stopped:
        steps.send([b"answer", 1, 2])
    assert stopped.value.value == b"answer"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (None, None),
        ("default", None),
        ("fsync", Durability("fsync")),
        ("replicated", Durability("replicated", 1)),
        ("replicated:2", Durability("replicated:2", 2)),
    ],
)
def test_what_a_level_is_called(text: str | None, level: Durability | None) -> None:
    assert read_durability(text) == level


@pytest.mark.parametrize("text", ["", "always", "replicated:0", "replicated:10", "FSYNC"])
def test_a_wrong_word_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write default, fsync, replicated"):
        read_durability(text)


def test_the_environment_says_it_for_every_client(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEBEAT_DURABILITY", "replicatde")
    with pytest.raises(ConfigError, match="replicatde"):
        Client.from_url(pair.master.url)
    monkeypatch.setenv("ONEBEAT_DURABILITY", "replicated")
    monkeypatch.setattr("onebeat.queue.client.WITHIN_S", 0.3)
    client = Client.from_url(pair.master.url, "safe")
    pair.pause()
    with pytest.raises(NotConfirmed):
        client.enqueue("t:t", [1])
    assert client.enqueue("t:t", [2], durability="default").id
    client.close()


@pytest.mark.parametrize("call", [enqueue, aenqueue])
def test_without_an_aof_it_is_refused_before_anything_is_queued(call: Callable[..., Any], pair: Pair) -> None:
    pair.master.ask("CONFIG", "SET", "appendonly", "no")
    pair.client.sender.confirms.clear()
    try:
        with pytest.raises(ConfigError, match="with 'appendonly yes'"):
            call(pair, durability="fsync")
        assert pair.queued() == 0
    finally:
        pair.master.ask("CONFIG", "SET", "appendonly", "yes")


def test_a_client_that_was_given_has_no_connection_of_its_own_to_wait_on(pair: Pair) -> None:
    with pair.master.redis() as given, pytest.raises(ConfigError, match=r"Store\.open\(url\)"):
        Client(Store(given, "safe")).enqueue("t:t", [1], durability="replicated")
    assert pair.queued() == 0
