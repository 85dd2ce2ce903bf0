"""Does a short task wait behind a long one on a worker that claimed both? It goes back to the front."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from onebeat import Context, task
from onebeat.queue import Client
from onebeat.queue.liveness import beat
from onebeat.queue.record import unpack
from onebeat.wire import AsyncStore
from onebeat.worker.bench import Bench
from onebeat.worker.line import Line, Slots
from onebeat.worker.pump import Pump
from onebeat.worker.reserve import put_off_in_ms
from onebeat.worker.threads import Threads
from tests.queue.room import Room

LEASE_MS = 3_600_000
gates: dict[str, threading.Event] = {}
runs: list[str] = []


@task(name="fair:long")
async def long(gate: str) -> None:
    runs.append("long")
    while not gates[gate].is_set():
        await asyncio.sleep(0.005)


@task(name="fair:blocking")
def blocking(gate: str) -> None:
    runs.append("long")
    gates[gate].wait()


@task(name="fair:short")
async def short(*, ctx: Context) -> None:
    runs.append(ctx.message_id)


@task(name="fair:blocking-short")
def blocking_short(*, ctx: Context) -> None:
    runs.append(ctx.message_id)


@pytest.fixture
def room(store: object) -> Room:
    return Room(store, "q")


async def until(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not probe():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("first", "others"), [("fair:long", "fair:short"), ("fair:blocking", "fair:blocking-short")]
)
def test_what_cannot_begin_goes_back_to_the_front(
    room: Room, astore_factory: Callable[[], AsyncStore], first: str, others: str
) -> None:
    gates[room.store.namespace] = threading.Event()
    runs.clear()
    client = Client(room.store)
    client.enqueue(first, [room.store.namespace], queue="q")
    ids = [client.enqueue(others, queue="q").id for _ in range(3)]

    async def work(store: AsyncStore) -> None:
        await store.run(beat(room.keys, ["w"], lease_ms=LEASE_MS, join=True, within_s=60))
        bench = Bench(store, store.namespace, Threads(1), "sqlite://", 60.0)
        pump = Pump(room.keys, "w", LEASE_MS, Line(Slots(1)), bench)
        pump._hold._run_ms = 1.0  # as after many short runs: it claims all four at once
        flow = asyncio.create_task(pump.flow())
        await until(lambda: len(room.redis.lrange(room.keys.ready[0], 0, -1)) == 3)
        waiting = [unpack(record) for record in room.redis.lrange(room.keys.ready[0], 0, -1)]
        told = sorted((one.id, one.deliveries, one.attempt) for one in waiting)
        assert told == [(id_, 0, 0) for id_ in sorted(ids)]
        assert runs == ["long"]
        gates[room.store.namespace].set()
        await until(lambda: room.look()["stats"].get("finish") == 4)
        await pump.stop()
        await flow
        await pump.leave()

    async def main() -> None:
        async with astore_factory() as store:
            await work(store)

    asyncio.run(main())
    assert runs[0] == "long"
    assert sorted(runs[1:]) == sorted(ids), "each ran once"
    assert room.look()["stats"]["released"] == 3


@pytest.mark.parametrize(
    ("unstarted", "still_ms", "wait_ms"), [(0, 9e9, None), (3, 0.0, 50.0), (3, 20.0, 30.0), (1, 50.0, 0.0)]
)
def test_when_it_goes_back(unstarted: int, still_ms: float, wait_ms: float | None) -> None:
    assert put_off_in_ms(unstarted, still_ms) == wait_ms
