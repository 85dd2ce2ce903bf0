"""What is measured of a lock? Pairs, contention, hand-off, and what waiting costs the store."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from benchmarks.harness import Figures, Line, Stopwatch, percentile
from benchmarks.locks.kinds import KINDS, Kind
from benchmarks.place import REPOSITORY, Place, until

FLOOR = "locks: bare SET NX PX + compare-and-delete"
PROCESSES = 4
MANY = 100  # waiters
CONTEND_S = {
    8: 2.0,
    64: 8.0,
}  # long enough for some fifty turns of each: of few turns one more is a third more
READY_S = 0.5  # after so long every process has heard when it begins
WATCH_S = 3.0
PATIENCE_S = 25.0
_FREE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def lock_lines(place: Place) -> list[Line]:
    """The lines of every library that is there; pottery makes fewer pairs, because each takes more."""
    return [Line(FLOOR, 1_000, lambda size: bare(place, size)), *_lines_of_kinds(place)]


def absent() -> list[str]:
    """The peers that are not installed: `pip install 'onebeat[bench]'`."""
    return [kind.name for kind in KINDS.values() if not kind.is_there]


def _lines_of_kinds(place: Place) -> Iterator[Line]:
    kinds = [kind for kind in KINDS.values() if kind.is_there]
    for kind in kinds:
        size = 100 if kind.name == "pottery" else 2_000
        yield Line(
            f"locks: uncontended, {kind.name}", size, lambda size, k=kind: pairs(place, k, size), FLOOR
        )
    for contenders in (8, 64):
        for kind in kinds:
            yield Line(
                f"locks: {contenders} contenders, {kind.name}",
                contenders,
                lambda size, k=kind: contention(place, k, size),
            )
    for kind in kinds:
        yield Line(f"locks: hand-off, {kind.name}", 30, lambda size, k=kind: hand_off(place, k, size))
    for kind in kinds:
        yield Line(f"locks: {MANY} waiters, {kind.name}", MANY, lambda size, k=kind: waiting(place, k, size))


def bare(place: Place, size: int) -> Figures:
    """The floor of a lock without fence and queue: SET NX PX and a script that compares and deletes."""
    with place.client() as client:
        redis = client.store.client
        redis.connection_pool.connection_kwargs["socket_timeout"] = PATIENCE_S
        sha = redis.script_load(_FREE)
        with Stopwatch() as watch:
            for number in range(size):
                redis.set("bare", str(number), nx=True, px=10_000)
                redis.evalsha(sha, 1, "bare", str(number))
    return {"per_s": size / watch.wall_s, "cpu_ms_per_1000": watch.cpu_s / size * 1e6}


def pairs(place: Place, kind: Kind, size: int) -> Figures:
    """Acquire and release, again and again, with nobody else there."""
    with place.client():
        lock = kind.make(place.url, "bench")
        assert kind.acquire(lock, 0)
        kind.release(lock)
        with Stopwatch() as watch:
            for _ in range(size):
                assert kind.acquire(lock, 0)
                kind.release(lock)
    return {"per_s": size / watch.wall_s, "cpu_ms_per_1000": watch.cpu_s / size * 1e6}


def contention(place: Place, kind: Kind, size: int) -> Figures:
    """`size` contenders in four processes: acquisitions, the luckiest to the unluckiest, and the waits."""
    processes = min(PROCESSES, size)
    usual_s = CONTEND_S.get(size, CONTEND_S[8])
    shares = [size // processes + (number < size % processes) for number in range(processes)]
    with place.client():
        seconds = _length_s(usual_s, size)
        running = [_contender(place, kind, threads) for threads in shares]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        from_s = time.monotonic() + READY_S
        for process in running:
            assert process.stdin is not None
            process.stdin.write(f"{from_s} {from_s + seconds}\n")
            process.stdin.flush()
        waits = [
            each for process in running for each in json.loads(process.communicate()[0].splitlines()[-1])
        ]
    counts, flat = [len(each) for each in waits], [one for each in waits for one in each]
    ideal_ms = max(1, size - 1) * seconds * 1000 / len(flat)  # all others had it once
    return {
        "per_s": len(flat) / seconds,
        "turns_of_each": len(flat) / size,
        "most_to_least": max(counts) / max(1, min(counts)),
        "without_any": counts.count(0),
        "wait_p50_ms": percentile(flat, 0.5),
        "wait_p99_ms": percentile(flat, 0.99),
        "wait_p99_to_ideal": percentile(flat, 0.99) / ideal_ms,
    }


def _length_s(usual_s: float, size: int) -> float:
    """A single contender or waiter is a smoke test, which proves nothing but that the line works."""
    return usual_s if size > 1 else 0.1


def _contender(place: Place, kind: Kind, threads: int) -> subprocess.Popen[str]:
    words = [kind.name, place.url, "bench", str(threads)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.locks.contender", *words],
        cwd=REPOSITORY,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def hand_off(place: Place, kind: Kind, size: int) -> Figures:
    """From the call of release to the end of the waiter's acquire, when exactly one waits."""
    took: list[float] = []
    with place.client() as client:
        name = f"bench{secrets.token_hex(2)}"
        holder, waiter = kind.make(place.url, name), kind.make(place.url, name)
        for _ in range(size):
            assert kind.acquire(holder, PATIENCE_S)
            got: list[float] = []
            thread = threading.Thread(target=_take, args=(kind, waiter, got))
            calls = _calls(client.store.client)
            thread.start()
            until(lambda before=calls: _calls(client.store.client) > before + 2, "the waiter's first call")
            time.sleep(0.02)  # it waits now, and polls are at no fixed place
            started_s = time.perf_counter()
            kind.release(holder)
            thread.join()
            took.append((got[0] - started_s) * 1000)
    return {"p50_ms": percentile(took, 0.5), "p99_ms": percentile(took, 0.99)}


def _take(kind: Kind, lock: object, got: list[float]) -> None:
    assert kind.acquire(lock, PATIENCE_S)
    got.append(time.perf_counter())
    kind.release(lock)


def waiting(place: Place, kind: Kind, size: int) -> Figures:
    """Requests that the store gets while `size` threads wait for a lock that nobody gives back."""
    with place.client() as client:
        holder = kind.make(place.url, "bench")
        assert kind.acquire(holder, 0)
        threads = [threading.Thread(target=_wait_for, args=(place, kind)) for _ in range(size)]
        for thread in threads:
            thread.start()
        seconds = _length_s(WATCH_S, size)
        time.sleep(seconds / 3)
        before, store_s = _calls(client.store.client), place.store_cpu_s()
        time.sleep(seconds)
        calls, store_s = _calls(client.store.client) - before, place.store_cpu_s() - store_s
        kind.release(holder)
        for thread in threads:
            thread.join()
    return {"requests_per_s": calls / seconds, "store_cpu_percent": store_s / seconds * 100}


def _wait_for(place: Place, kind: Kind) -> None:
    lock = kind.make(place.url, "bench")
    if kind.acquire(lock, 8.0):
        kind.release(lock)


def _calls(redis: object) -> int:
    """Requests; what a script does in the store is not counted, as `total_commands_processed` does."""
    return int(redis.info("stats")["total_reads_processed"])
