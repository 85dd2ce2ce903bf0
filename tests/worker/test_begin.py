"""What does a worker do while one has its token and no slot is free here? It waits, and others are told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from onebeat import Context, task
from onebeat.queue import Client
from onebeat.queue.client import draft
from onebeat.queue.enqueue import Draft
from onebeat.queue.liveness import beat
from onebeat.wire import AsyncStore, Store
from onebeat.worker.bench import Bench
from onebeat.worker.line import Line, Slots, Work
from onebeat.worker.pump import Pump
from onebeat.worker.threads import Threads
from tests.queue.room import Room
from tests.worker.test_fairness import until

LEASE_MS = 3_600_000
gates: dict[str, asyncio.Event] = {}
runs: list[str] = []


@task(name="begin:long")
async def long(gate: str) -> None:
    runs.append("long")
    await gates[gate].wait()


@task(name="begin:paced", rate={"limit": "3/h", "burst": 3})
async def paced(*, ctx: Context) -> None:
    runs.append(ctx.message_id)


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store, "q")


def test_it_takes_no_token_and_does_not_hear_its_own_bell(
    room: Room, astore_factory: Callable[[], AsyncStore]
) -> None:
    """A claim that takes nothing rings for others; who rang and heard it would ask again, without end."""
    runs.clear()
    client, gate = Client(room.store), room.store.namespace

    async def work(store: AsyncStore) -> None:
        gates[gate] = asyncio.Event()
        await store.run(beat(room.keys, ["w"], lease_ms=LEASE_MS, join=True, within_s=60))
        bench = Bench(store, store.namespace, Threads(1), "sqlite://", 60.0)
        pump = Pump(room.keys, "w", LEASE_MS, Line(Slots(1)), bench)
        pump._hold._run_ms = 1.0  # as after many short runs: it claims ahead
        client.enqueue("begin:long", [gate], queue="q")
        flow = asyncio.create_task(pump.flow())
        await until(lambda: runs == ["long"])
        ids = [draft(paced.name).message for _ in range(2)]
        client.send_drafts("q", [Draft(paced.bounded(one, {})) for one in ids])
        # the worker may sleep for three seconds: it does not listen while it can begin nothing
        await until(lambda: room.redis.zcard(room.keys.parked) == 2)
        told = pump._seq
        await asyncio.sleep(0.2)
        assert pump._seq <= told + 2, "it asked again and again"
        assert room.redis.exists(room.keys.bell), "who can begin one hears it"
        assert not room.redis.exists(room.keys.rates), "no token is taken"
        gates[gate].set()
        await until(lambda: len(runs) == 3)
        assert runs[1:] == [one.id for one in ids]
        await pump.stop()
        await flow
        await pump.leave()

    async def main() -> None:
        async with astore_factory() as store:
            await work(store)

    asyncio.run(main())


def test_what_waits_of_another_queue_keeps_none_from_beginning(
    room: Room, astore_factory: Callable[[], AsyncStore]
) -> None:
    """Brisk calls of the other queue stand in line for a thread that they share; slots are free."""
    runs.clear()
    client, over = Client(room.store), threading.Event()

    async def work(store: AsyncStore) -> None:
        await store.run(beat(room.keys, ["w"], lease_ms=LEASE_MS, join=True, within_s=60))
        line = Line(Slots(3))
        line._call_ms, line._looking = 0.1, True  # its calls are brisk, and nobody wakes another thread
        for _ in range(9):
            line.add(Work(object(), None, over.wait, lambda _answer, _problem: None))
        pump = Pump(
            room.keys, "w", LEASE_MS, line, Bench(store, store.namespace, Threads(1), "sqlite://", 60.0)
        )
        flow = asyncio.create_task(pump.flow())
        made = draft(paced.name).message
        client.send_drafts("q", [Draft(paced.bounded(made, {}))])
        await until(lambda: runs == [made.id])
        over.set()
        await pump.stop()
        await flow
        await pump.leave()

    async def main() -> None:
        async with astore_factory() as store:
            await work(store)

    try:
        asyncio.run(main())
    finally:
        over.set()
