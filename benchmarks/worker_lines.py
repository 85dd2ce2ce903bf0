"""How long does a call wait for its start, behind long ones too, and what does an idle worker cost?"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.harness import Figures, Line, cpu_of, percentile
from benchmarks.place import Place, parent_of, until
from onebeat.keys import queue_keys
from onebeat.queue import Client

WORKERS = 3
MIXED_HZ = 200
LONG_EACH = 100  # one call of so many takes 2 s, the others 5 ms
CALM_S = 8.0  # a worker that has just started is not idle yet: the history looks often for some seconds


def worker_lines(place: Place) -> list[Line]:
    """Start latency at two rates, short calls without and with long ones among them, an idle worker."""
    alone = "short calls, three workers"
    return [
        Line("start latency at 50/s", 150, lambda size: latency(place, size, 50)),
        Line("start latency at 1 000/s", 3_000, lambda size: latency(place, size, 1_000)),
        Line(alone, 2_000, lambda size: mixed(place, size, long_each=0)),
        Line(
            "short calls, 1 % of 2 s among them",
            2_000,
            lambda size: mixed(place, size, long_each=LONG_EACH),
            floor=alone,
        ),
        Line("idle worker", 10, lambda size: idle(place, size)),
    ]


def latency(place: Place, size: int, rate_hz: int) -> Figures:
    """From the enqueue call to the first line of the task, on an otherwise idle worker."""
    path = place.folder / f"late-{secrets.token_hex(4)}"
    with place.client() as client, place.worker(client):
        client.enqueue("benchmarks.tasks:stamp", (time.monotonic_ns(), str(path)))
        until(path.exists, "the worker's start")
        path.write_text("")
        for _ in _ticks(size, rate_hz):
            client.enqueue("benchmarks.tasks:stamp", (time.monotonic_ns(), str(path)))
        until(lambda: len(path.read_text().splitlines()) >= size, "the last start")
    late = [float(line) for line in path.read_text().splitlines()]
    return {"p50_ms": percentile(late, 0.5), "p99_ms": percentile(late, 0.99)}


def mixed(place: Place, size: int, *, long_each: int) -> Figures:
    """What a call of 5 ms waits for its start, where each `long_each`-th (0: none) takes 2 s."""
    path = place.folder / f"mixed-{secrets.token_hex(4)}"
    with place.client() as client, ExitStack() as workers:
        for _ in range(WORKERS):
            workers.enter_context(place.worker(client))
        until(lambda: _leases(client) >= WORKERS, "the start of all")
        path.touch()
        shorts = 0
        for number in _ticks(size, MIXED_HZ):
            if long_each and number % long_each == long_each // 2:
                client.enqueue("benchmarks.tasks:long")
            else:
                shorts += 1
                client.enqueue("benchmarks.tasks:short", (time.monotonic_ns(), str(path)))
        until(lambda: len(path.read_text().splitlines()) >= shorts, "the last start")
    late = [float(line) for line in path.read_text().splitlines()]
    return {"p50_ms": percentile(late, 0.5), "p95_ms": percentile(late, 0.95), "max_ms": max(late)}


def idle(place: Place, seconds: int) -> Figures:
    """What a worker asks of the store, and uses of one processor, while there is nothing to do."""
    with place.client() as client, place.worker(client) as pid:
        until(lambda: _leases(client), "the worker's start")
        time.sleep(CALM_S)
        both = (pid, parent_of(pid))
        cpu_s, began_s, commands = sum(map(cpu_of, both)), time.monotonic(), 0
        with client.store.client.monitor() as monitor:
            while time.monotonic() < began_s + seconds:
                heard = monitor.next_command()  # a worker says something every two seconds at least
                commands += heard["client_type"] != "lua"
        took_s = time.monotonic() - began_s
        return {
            "commands_per_s": commands / took_s,
            "cpu_percent": (sum(map(cpu_of, both)) - cpu_s) / took_s * 100,
        }


def _leases(client: Client) -> int:
    return int(client.store.client.zcard(queue_keys(client.store.namespace, "default").lease))


def _ticks(count: int, rate_hz: int) -> Iterator[int]:
    """0 to `count`, each at its time; one that came late does not delay the next."""
    began_s = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began_s + number / rate_hz - time.monotonic()))
        yield number
