"""Do the drivers, a beat and a worker go on when a Sentinel fails over and a Cluster moves a slot?

The short form of `make test-servers`, for every run of the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.locks import Lock, holders
from onebeat.queue import Client, peek
from onebeat.wire import AsyncStore, Command, Store
from tests.conformance.storm import Load, weather
from tests.deployments import Cluster, Sentinels, running, until

KEY = "ob:{short:default}:stats"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(Cluster(masters=3)) as started:
        yield started


@pytest.fixture(scope="module")
def sentinels() -> Iterator[Sentinels]:
    with running(Sentinels(replicas=1, sentinels=1)) as started:
        yield started


def both(url: str, *commands: tuple[Any, ...]) -> list[list[Any]]:
    """The answers to the commands of a blocking store and of one for asyncio."""

    async def ask() -> list[Any]:
        async with AsyncStore.open(url, "short") as store:
            return [await store.perform(Command(words)) for words in commands]

    with Store.open(url, "short") as store:
        return [[store.perform(Command(words)) for words in commands], asyncio.run(ask())]


def test_keys_of_every_slot_are_found(cluster: Cluster) -> None:
    keys = [f"ob:{{short:q{n}}}:x" for n in range(20)]
    writes = [("SET", key, key, "PX", 60_000) for key in keys]
    assert both(cluster.url, *writes, *[("GET", key) for key in keys])[1][20:] == [
        key.encode() for key in keys
    ]


def test_a_slot_that_moves_costs_no_call(cluster: Cluster) -> None:
    to = next(one for one in cluster.masters if one is not cluster.owner(KEY))
    with Store.open(cluster.url, "short") as store:
        store.perform(Command(("HSET", KEY, "a", 1)))
        cluster.begin_move(KEY, to)
        gone = KEY.replace("stats", "log")
        assert both(cluster.url, ("HGET", KEY, "a"), ("EXISTS", gone)) == [[b"1", 0]] * 2
        both(cluster.url, ("SET", gone, "x"))  # ASK: the new node has it, and nobody else
        with pytest.raises(StoreError) as raised:
            store.perform(Command(("EXISTS", KEY, gone)))
        assert raised.value.remedy is Remedy.RETRY, "TRYAGAIN: the keys are apart until the slot has moved"
        cluster.end_move(KEY, to)
        assert store.perform(Command(("EXISTS", KEY, gone))) == 2
        assert both(cluster.url, ("HGET", KEY, "a"), ("GET", gone)) == [[b"1", b"x"]] * 2
        assert cluster.owner(KEY) is to


def test_locks_of_several_slots_are_renewed_and_listed(cluster: Cluster) -> None:
    with Store.open(cluster.url, "short") as store:
        names = [f"lock-{n}" for n in range(6)]
        assert len({cluster.owner(f"ob:{{short:lock:{name}}}:owner").tcp for name in names}) > 1
        leases = [Lock(store, name, lease=5.0).acquire() for name in names]
        ends = [lease.until_s for lease in leases if lease]
        until(
            lambda: all(lease and lease.until_s > end for lease, end in zip(leases, ends, strict=True)),
            "every lease is renewed",
        )
        assert {one.name for one in holders(store)} == {*names}


def test_one_call_with_keys_of_several_slots_is_refused(cluster: Cluster) -> None:
    with Store.open(cluster.url, "short") as store, pytest.raises(StoreError, match="CROSSSLOT") as raised:
        store.perform(Command(("DEL", "a", "b")))
    assert raised.value.remedy is Remedy.FATAL


def test_queues_are_spread_over_the_nodes(cluster: Cluster) -> None:
    queues = [f"queue-{n}" for n in range(6)]
    assert len({cluster.owner(f"ob:{{short:{queue}}}:stats").tcp for queue in queues}) > 1
    client = Client.from_url(cluster.url, "short")
    for queue in queues:
        client.enqueue_many([("nobody:runs_it", [n], None) for n in range(3)], queue=queue)
    with Store.open(cluster.url, "short") as store:
        told = {one.name: one.left for one in store.run(peek.queues("short"))}
    client.close()
    assert told == dict.fromkeys(queues, 3)


def test_a_beat_and_workers_go_on_with_the_promoted_replica(sentinels: Sentinels, tmp_path: Path) -> None:
    old = sentinels.master()

    def fail_over(_load: Load) -> None:
        old.kill()
        until(lambda: sentinels.failed_over(old), "the replica is master")

    weather(tmp_path, sentinels.url, fail_over, may_lose=True)
