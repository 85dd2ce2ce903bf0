"""What is measured? One function per line of the report."""

from __future__ import annotations

import secrets
import time

from benchmarks.durability_lines import durability_lines
from benchmarks.harness import Figures, Line, Stopwatch, cpu_of
from benchmarks.locks.lines import lock_lines
from benchmarks.place import Place, until
from benchmarks.trigger_lines import trigger_lines
from benchmarks.worker_lines import worker_lines
from onebeat.clock import SYSTEM
from onebeat.keys import queue_keys
from onebeat.queue import Client
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Overlap, Schedule
from onebeat.scheduler.section import Section

WARM = 200
FILL_MAX = 50_000  # calls that are made before they are sent
_FLOOR = "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('RPUSH', KEYS[2], ARGV[2])"


def all_lines(place: Place) -> list[Line]:
    """The lines, floors first."""
    return [
        Line("bare EVALSHA", 3_000, lambda size: bare_evalsha(place, size)),
        Line("enqueue", 3_000, lambda size: enqueue(place, size), floor="bare EVALSHA"),
        Line("enqueue_many", 50_000, lambda size: enqueue_many(place, size)),
        Line("drain async no-op", 40_000, lambda size: drain(place, "noop", size)),
        Line(
            "drain async no-op, 1 000 000 queued",
            20_000,
            lambda size: drain(place, "noop", size, queued=50 * size),
            floor="drain async no-op",
        ),
        Line("drain sync no-op", 20_000, lambda size: drain(place, "sync_noop", size)),
        *worker_lines(place),
        Line("emission, all due at once", 10_000, lambda size: emission(place, size)),
        *durability_lines(),
        *lock_lines(place),
        *trigger_lines(),
    ]


def bare_evalsha(place: Place, size: int) -> Figures:
    """What redis-py can do at best: one script call with two writes, in a loop."""
    with place.client() as client:
        redis = client.store.client
        sha = redis.script_load(_FLOOR)
        with Stopwatch() as watch:
            for number in range(size):
                redis.evalsha(sha, 2, "{b}:a", "{b}:l", number, b"x" * 64)
    return {"per_s": size / watch.wall_s}


def enqueue(place: Place, size: int) -> Figures:
    """One call, one round trip."""
    with place.client() as client:
        client.enqueue("benchmarks.tasks:noop", (0,))
        with Stopwatch() as watch:
            for number in range(size):
                client.enqueue("benchmarks.tasks:noop", (number,))
    return {"per_s": size / watch.wall_s, "cpu_ms_per_1000": watch.cpu_s / size * 1e6}


def enqueue_many(place: Place, size: int) -> Figures:
    """In bulk, and what a waiting message takes in the store."""
    with place.client() as client:
        redis = client.store.client
        before = redis.info("memory")["used_memory"]
        with Stopwatch() as watch:
            _fill(client, "noop", size)
        after = redis.info("memory")["used_memory"]
    return {"per_s": size / watch.wall_s, "bytes_each": (after - before) / size}


def _fill(client: Client, name: str, size: int) -> None:
    for start in range(0, size, FILL_MAX):
        numbers = range(start, min(size, start + FILL_MAX))
        client.enqueue_many([(f"benchmarks.tasks:{name}", (number,), None) for number in numbers])


def drain(place: Place, name: str, size: int, *, queued: int = 0) -> Figures:
    """One worker process runs `size` messages of those queued, all of them when no more are said.

    The first messages warm it up and do not count.
    """
    with place.client() as client:
        _fill(client, name, max(size + WARM, queued))
        with place.worker(client) as pid:
            until(lambda: place.finished(client) >= WARM, "the worker's start")
            first, started = place.finished(client), time.perf_counter()
            cpu_s, store_s = cpu_of(pid), place.store_cpu_s()
            until(lambda: place.finished(client) >= size + WARM, "the end of the queue")
            wall_s = time.perf_counter() - started
            cpu_s, store_s = cpu_of(pid) - cpu_s, place.store_cpu_s() - store_s
    drained = max(1, size + WARM - first)  # a smoke test's few are over before the first look
    return {
        "per_s": drained / wall_s,
        "worker_cpu_ms_per_1000": cpu_s / drained * 1e6,
        "store_cpu_ms_per_1000": store_s / drained * 1e6,
    }


def emission(place: Place, size: int) -> Figures:
    """One beat, `size` schedules that are all due in the same millisecond."""
    with place.client() as client:
        store, config = client.store, secrets.token_hex(4)
        trigger = EveryTrigger(60)
        rules = {"overlap": Overlap.ALLOW, "catch_up": CatchUp(CatchUpPolicy.ALL)}
        schedules = [
            Schedule(f"s{number}", "benchmarks.tasks:noop", trigger, args=(0,), **rules)
            for number in range(size)
        ]
        section = Section(store, queue_keys(store.namespace, "default"), schedules, config, RedisTime(SYSTEM))
        with Stopwatch() as loading:
            section.tend({one.id: SYSTEM.wall_ms() - 60_000 for one in schedules})
        with Stopwatch() as watch:
            while section.pass_once(0):
                pass
        emitted = int(store.client.hget(queue_keys(store.namespace, "default").stats, "emitted") or 0)
    assert emitted >= size, f"{emitted} of {size} were queued"
    return {
        "per_s": emitted / watch.wall_s,
        "all_queued_ms": watch.wall_s * 1000,
        "enrol_ms": loading.wall_s * 1000,
    }
