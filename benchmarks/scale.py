"""How does a beat bear very many schedules? `python -m benchmarks.scale [--schedules N] [--due N]`.

Each measurement is a process of its own, on a private store:

- *load*: from schedules as Python objects to a beat that knows where each of them stands; time, memory
- *herd*: so many fires due in the same second, until the last is queued, and how late they were; in the
  same queue and beat, very many schedules are loaded beside them
- *idle*: one look of a beat that has nothing to do, with few and with very many schedules
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.place import private_place
from onebeat.clock import SYSTEM
from onebeat.keys import queue_keys
from onebeat.scheduler import CronTrigger, EveryTrigger, Overlap, Schedule
from onebeat.scheduler.pulse import RedisTime
from onebeat.scheduler.section import Section
from onebeat.wire import Command, Store

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul")
LOADED_A_SECOND = 25_000  # even on a slow machine
QUIET = timedelta(minutes=15)  # longer than a herd is waited for
TARGETS = {"load": "≤ 15 s, ≤ 600 MB", "herd": "≤ 2 s", "idle": "≤ 2 × that of 10"}


def declared(count: int, quiet: timedelta = timedelta(0)) -> Iterator[Schedule]:
    """Daily schedules at every minute of the day in four zones; none is due before `quiet` is over."""
    every_minute = (
        CronTrigger(f"{minute} {hour} * * *", zone)
        for zone in ZONES
        for hour in range(24)
        for minute in range(60)
    )
    now = datetime.now(UTC)
    triggers = [one for one in every_minute if (found := one.next(now)) and found - now >= quiet]
    for number in range(count):
        yield Schedule(f"s{number}", "m:f", triggers[number % len(triggers)])


def load(store: Store, count: int) -> dict[str, float]:
    """Seconds and megabytes for a beat of `count` schedules."""
    before_mb = _resident_mb()
    schedules = list(declared(count))
    started_s, used_s = time.perf_counter(), time.process_time()
    section = Section(store, queue_keys(store.namespace, "load"), schedules, "cfg", RedisTime(SYSTEM))
    section.tend({})
    took_s = time.perf_counter() - started_s
    assert section.active
    cpu_s = time.process_time() - used_s
    return {"seconds": took_s, "cpu_s": cpu_s, "megabytes": _resident_mb() - before_mb}


def herd(store: Store, count: int, beside: int) -> dict[str, float]:
    """Seconds from the nominal time until all are queued, with `beside` others loaded; lateness in ms."""
    trigger = EveryTrigger(86_400, offset=_in_a_moment_s(count + beside))
    keys = queue_keys(store.namespace, "herd")
    schedules = list(declared(beside, QUIET))
    schedules += [Schedule(f"h{n}", "m:f", trigger, overlap=Overlap.SKIP) for n in range(count)]
    section = Section(store, keys, schedules, "cfg", RedisTime(SYSTEM))
    section.tend({})
    due_ms = section.wake_at_ms
    assert due_ms is not None
    assert due_ms > _store_ms(store), "loading took longer than LOADED_A_SECOND says"
    while (wait_ms := due_ms - _store_ms(store)) > 0:  # a beat sleeps until then too
        time.sleep(wait_ms / 1000)
    late: list[tuple[int, int]] = []  # when a pass was over, after so many
    queued, used_s, served_s = 0, time.process_time(), _served_s(store)
    while queued < count:
        queued += section.pass_once(0)
        late.append((_store_ms(store) - due_ms, queued))
    cpu_s, server_cpu_s = time.process_time() - used_s, _served_s(store) - served_s
    reached = [next(ms for ms, so_far in late if so_far >= count * share) for share in (0.5, 0.99, 1.0)]
    emitted = int(store.perform(Command(("HGET", keys.stats, "emitted"))))
    assert emitted == count, f"{emitted} of {count} were queued"
    took = {"seconds": reached[2] / 1000, "cpu_s": cpu_s, "server_cpu_s": server_cpu_s}
    return took | {"p50_ms": reached[0], "p99_ms": reached[1]}


def idle(store: Store, count: int) -> dict[str, float]:
    """Microseconds of one look that finds nothing due; the median of many."""
    keys = queue_keys(store.namespace, f"idle{count}")
    trigger = EveryTrigger(86_400, offset=_in_a_moment_s(count) + 43_200)
    section = Section(
        store, keys, (Schedule(f"i{n}", "m:f", trigger) for n in range(count)), "cfg", RedisTime(SYSTEM)
    )
    section.tend({})
    gc.collect()
    looks = []
    for _ in range(2_000):
        started_ns = time.perf_counter_ns()
        assert section.pass_once(0) == 0
        assert section.wake_at_ms is not None
        looks.append(time.perf_counter_ns() - started_ns)
    return {"microseconds": statistics.median(looks) / 1000}


def _in_a_moment_s(count: int) -> int:
    """A time of the day (UTC) that comes when so many schedules have been enrolled."""
    return int(time.time() + 3 + count / LOADED_A_SECOND) % 86_400


def _store_ms(store: Store) -> int:
    seconds, micros = store.perform(Command(("TIME",)))
    return int(seconds) * 1000 + int(micros) // 1000


def _served_s(store: Store) -> float:
    """The processor time that the server has used."""
    used = store.client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def _resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


MEASURES: dict[str, Callable[..., dict[str, float]]] = {"load": load, "herd": herd, "idle": idle}


def apart(url: str, what: str, *counts: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.scale", "--measure", url, what, *map(str, counts)]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(told)
    return found


def main(words: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=100_000)
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.measure:
        url, what, *counts = asked.measure
        with Store.open(url, f"scale-{what}-{counts[0]}", deadline_s=60.0) as store:
            print(json.dumps(MEASURES[what](store, *map(int, counts))))
        return 0
    with private_place() as place:
        _tell("load", asked.schedules, apart(place.url, "load", asked.schedules))
        _tell("herd", asked.due, apart(place.url, "herd", asked.due, asked.schedules))
        _tell("idle", 10, apart(place.url, "idle", 10))
        _tell("idle", asked.schedules, apart(place.url, "idle", asked.schedules))
    return 0


def _tell(what: str, count: int, found: dict[str, float]) -> None:
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in found.items())
    print(f"{what}  {count:>9,}  {figures}  (target: {TARGETS[what]})", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
