"""Does all of onebeat work on this deployment? One life: a real beat, a real worker, real programs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import onebeat
from onebeat.keys import queue_keys
from onebeat.locks import AsyncLock, Lock, Semaphore, holders
from onebeat.queue import AsyncClient, peek
from onebeat.wire import AsyncStore, Command
from onebeat.worker.step import Step
from tests.conformance import acts
from tests.end_to_end.site import Site
from tests.worker.running import until

WITHIN_S = 60.0
QUEUES = ("default", "second", "third")  # in a Cluster of three they are on different nodes
CONFIG = """
imports: [tests.conformance.acts, examples.one_row]
defaults: {overlap: allow, catch_up: {policy: all}}
schedules:
  tick: {task: 'examples.one_row:write_row', every: 1s}
  tock: {task: 'examples.one_row:write_row', every: 1s, queue: third}
"""
PERIODS_S = {"tick": 1, "tock": 1}
ACTS = "tests.conformance.acts"


class Life:
    """A site on one deployment; `url` is what its processes are given, unless `urls` has one for a part."""

    def __init__(
        self, folder: Path, url: str, namespace: str = "life", urls: Mapping[str, str] | None = None
    ) -> None:
        self.url, self.namespace, self._urls = url, namespace, urls or {}
        self.site = Site(folder, url, namespace, CONFIG)
        self.client = self.site.client

    def start(self, workers: int = 1, health: tuple[int, ...] = ()) -> None:
        """A beat and `workers`; `health`: the ports where the beat and the first worker answer probes."""
        parts = [("beat",), *[("worker", "-q", ",".join(QUEUES))] * workers]
        for place, port in enumerate(health):
            parts[place] = (*parts[place], "--health", str(port))
        self.processes = [self.site.start(*words, url=self._urls.get(words[0], "")) for words in parts]

    def has_run(self, *words: str) -> None:
        """Return when each of them has left its row."""
        try:
            until(lambda: {*words} <= {*self.site.rows()}, "they have run", WITHIN_S)
        except AssertionError:
            missing = sorted({*words} - {*self.site.rows()})
            raise AssertionError(f"{missing[:5]} of {len(words)} have not run: {self.logs()}") from None

    def calling(self) -> AbstractContextManager[object]:
        """`delay()` in this process sends to this deployment."""
        return patch.dict(os.environ, ONEBEAT_REDIS_URL=self.url, ONEBEAT_NAMESPACE=self.namespace)

    def logs(self) -> str:
        return (self.site.log("worker") + self.site.log("beat"))[-1500:]

    def stop_beat(self) -> None:
        """End it in order."""
        beat = self.processes.pop(0)
        assert beat.poll() is None, self.logs()
        beat.terminate()
        assert beat.wait(WITHIN_S) == 0, self.logs()

    def end(self) -> None:
        """Everything ends well, and nothing has run twice."""
        assert [one.poll() for one in self.processes] == [None] * len(self.processes), self.logs()
        assert {*self.site.stop()} == {0}, self.logs()
        rows = self.site.rows()
        assert len(rows) == len({*rows}), "something has run twice"


# -- what a deployment must be able to do, in the order in which it is tried --------------------------


def work(life: Life) -> None:
    """Queued, worked off and settled, on every queue; by both clients."""
    words = []
    for queue in QUEUES:
        for number in range(20):
            words.append(f"work-{queue}-{number}")
            life.client.enqueue(f"{ACTS}:put", [words[-1]], queue=queue)
    handles = life.client.enqueue_many([(f"{ACTS}:put", [f"bulk-{n}"], None) for n in range(300)])
    assert len(handles) == 300
    again = [life.client.enqueue(f"{ACTS}:put", ["keyed"], key="same") for _ in range(2)]
    assert [one.existing for one in again] == [False, True]

    async def aenqueue() -> None:
        client = AsyncClient.from_url(life.url, life.namespace)
        await client.enqueue(f"{ACTS}:put", ["awaited"])
        await client.close()

    asyncio.run(aenqueue())
    life.has_run(*words, *(f"bulk-{n}" for n in range(300)), "keyed", "awaited")
    for queue in ("default", "second"):
        until(lambda queue=queue: _settled(life, queue), f"{queue} is settled")


def _settled(life: Life, queue: str) -> bool:
    return life.client.queue(queue).look().left == 0


def results(life: Life) -> None:
    """What a task returned, and who waits for it is told."""
    assert life.client.enqueue(f"{ACTS}:echo", ["me"], queue="second", result_ttl="1m").result(30) == "me"


def group(life: Life) -> None:
    """Members in three slots, counted in one of them; nothing is left of it."""
    with life.calling():
        made = onebeat.group(
            [*(acts.put.s(f"member {n}") for n in range(3)), *_elsewhere("member", 3)]
        ).delay()
    assert len(made.members) == 9
    life.has_run(*(f"member {n}" for n in range(3)), *_rows_of("member", 3))
    until(lambda: _nothing_left(life), "the group is over")


def callback(life: Life) -> None:
    """What follows a group is queued once, in whichever slot, and its result is told."""
    with life.calling():
        for then in (acts.echo.s("here"), acts.join.s("next", "to it"), acts.close.s("there")):
            words = f"before {then.queue}"
            members = [acts.put.s(words), *_elsewhere(words, 2)]
            made = onebeat.group(members, then=then).delay()
            assert made.then
            assert made.then.result(WITHIN_S)
            assert {words, *_rows_of(words, 2)} <= {*life.site.rows()}, "it ran before its members"
    until(lambda: _nothing_left(life), "the groups are over")


def chain(life: Life) -> None:
    """Each call in another slot than the one before it, with what that one returned; for both clients."""
    steps = (acts.echo.s("a"), acts.join.s("chain"), acts.close.s(), acts.echo.s())
    with life.calling():
        last = onebeat.chain(*steps, pass_result=True).delay()
        assert last.result(WITHIN_S) == "a chain."

        async def achain() -> str:
            handle = await onebeat.chain(acts.put.s("b"), acts.close.s("c")).adelay()
            return str(await handle.result(WITHIN_S))

        assert asyncio.run(achain()) == "c."
    assert {"a chain", "a chain.", "b", "c."} <= {*life.site.rows()}
    until(lambda: _nothing_left(life), "the chains are over")


def _elsewhere(word: str, count: int) -> list[Step]:
    return [
        step
        for n in range(count)
        for step in (acts.join.s(word, f"joins {n}"), acts.close.s(f"{word} ends {n}"))
    ]


def _rows_of(word: str, count: int) -> list[str]:
    return [row for n in range(count) for row in (f"{word} joins {n}", f"{word} ends {n}.")]


def _nothing_left(life: Life) -> bool:
    """Neither an open group nor a note for another queue."""
    perform, queues = life.client.store.perform, [queue_keys(life.namespace, queue) for queue in QUEUES]
    return not any(perform(Command(("EXISTS", key))) for keys in queues for key in (keys.outbox, keys.groups))


def delayed(life: Life) -> None:
    """Not before its time."""
    life.client.enqueue(f"{ACTS}:put", ["later"], delay=1.5, queue="second")
    began_s = time.monotonic()
    life.has_run("later")
    assert time.monotonic() - began_s > 1.3


def retry(life: Life) -> None:
    """Tried again after its failure."""
    life.client.enqueue(f"{ACTS}:second_time", ["retried"])
    life.has_run("retried")


def dead(life: Life) -> None:
    """Buried with its reason, and redriven by nobody."""
    handle = life.client.enqueue(f"{ACTS}:hopeless", ["me"], queue="third")
    keys = queue_keys(life.namespace, "third")
    store = life.client.store
    letters = until(lambda: store.run(peek.dead(keys, 10)), "a dead letter")
    assert [(one.id, one.error) for one in letters] == [(handle.id, "ValueError: no hope for me")]


def singleton(life: Life) -> None:
    """A task under a lock."""
    life.client.enqueue(f"{ACTS}:alone", ["single"])
    life.has_run("single")


def locks(life: Life) -> None:
    """Fences grow, losing is an answer, several leases are renewed, holders are listed."""
    store = life.client.store
    fences = []
    for _ in range(2):
        with Lock(store, "fenced").hold() as lease:
            fences.append(lease.fence)
    assert fences[0] < fences[1]
    held = [Lock(store, f"lock-{n}", lease=4.0) for n in range(4)]  # of different slots
    leases = [one.acquire() for one in held]
    assert all(leases)
    assert Lock(store, "lock-0").acquire() is None
    time.sleep(5.0)  # longer than the lease
    assert [bool(lease and lease.valid) for lease in leases] == [True] * 4, "a lease was not renewed"
    assert {one.name for one in holders(store)} >= {f"lock-{n}" for n in range(4)}
    for one in held:
        one.release()
    with Lock(store, "lock-0").hold(wait=5.0):
        pass  # a released lock is free

    async def aheld() -> None:
        async with (
            AsyncStore.open(life.url, life.namespace) as astore,
            AsyncLock(astore, "async").hold() as one,
        ):
            assert one.fence

    asyncio.run(aheld())


def semaphore(life: Life) -> None:
    """So many and no more."""
    store = life.client.store
    permits = [Semaphore(store, "few", 2) for _ in range(3)]
    leases = [one.acquire() for one in permits]
    assert [bool(lease) for lease in leases] == [True, True, False]
    permits[0].release()
    assert permits[2].acquire(wait=10.0)
    for one in permits[1:]:
        one.release()


def emission(life: Life) -> None:
    """A beat queues both schedules, each on its queue."""
    for schedule in ("tick", "tock"):
        until(
            lambda schedule=schedule: sum(run.startswith(f"{schedule}@") for run in life.site.rows()) >= 2,
            f"{schedule} has run",
        )


def history(life: Life) -> None:
    """What happened is in the database."""
    from onebeat.ledger import Historian, runs

    Historian(life.client.store, life.site.engine, life.namespace).catch_up(QUEUES)
    told = {run.id: run.state for run in runs(life.site.engine, limit=100_000)}
    assert "dead" in told.values()
    assert {run.partition("@")[0] for run, state in told.items() if state == "done" and "@" in run} >= {
        "tick",
        "tock",
    }


ACTIONS: tuple[Callable[[Life], None], ...] = (
    work,
    results,
    group,
    callback,
    chain,
    delayed,
    retry,
    dead,
    singleton,
    locks,
    semaphore,
    emission,
    history,
)


def live(folder: Path, url: str, namespace: str = "life", urls: Mapping[str, str] | None = None) -> list[str]:
    """All of it, on the deployment at `url` (`urls`: of beat and worker, if they differ); what was done."""
    life = Life(folder, url, namespace, urls)
    try:
        life.start()
        for act in ACTIONS:
            act(life)
        life.end()
    finally:
        life.site.close()
    return [act.__name__ for act in ACTIONS]
