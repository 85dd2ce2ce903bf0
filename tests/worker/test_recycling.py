"""Is a process replaced once it has done its share, without cutting what it runs?"""

from __future__ import annotations

import pytest

from onebeat.worker.memory import Share, memory_mib
from tests.worker.running import PATIENCE_S, Workshop, alive, children_of, until


def test_after_so_many_tasks_another_takes_its_place_and_what_runs_ends_in_the_old_one(
    shop: Workshop,
) -> None:
    shop.enqueue("wait", "long")
    worker = shop.worker(concurrency=2, max_tasks=2)
    until(lambda: "begin long" in shop.notes(), "it runs")
    (old,) = children_of(worker.pid)
    for number in range(2):
        shop.enqueue("write", str(number))
    until(lambda: set(children_of(worker.pid)) - {old}, "another one is there")
    shop.enqueue("write", "new")
    until(lambda: "new" in shop.words(), "and works")
    assert alive([old]), "the old one still runs what it has"
    assert shop.notes() == ["begin long"]
    shop.tell("long")
    until(lambda: not alive([old]), "it ends with its runs")
    until(lambda: shop.stats().get("finish") == 4, "each ended once")
    assert shop.notes() == ["begin long", "end long False"], "nobody asked it to hurry"
    assert sorted(shop.words()) == ["0", "1", "new"]
    assert "recovered" not in shop.stats()
    assert "ERROR" not in shop.log()


def test_stopping_waits_for_those_that_were_replaced(shop: Workshop) -> None:
    shop.enqueue("wait", "long")
    worker = shop.worker(concurrency=2, max_tasks=1)
    until(lambda: "begin long" in shop.notes(), "it runs")
    (old,) = children_of(worker.pid)
    shop.enqueue("write", "0")
    until(lambda: len(children_of(worker.pid)) == 2, "another one is there")
    worker.terminate()
    until(lambda: "stopping: 2" in shop.log(), "both are told")
    assert alive([old])
    shop.tell("long")
    assert worker.wait(PATIENCE_S) == 0
    assert shop.notes() == ["begin long", "end long True"]
    assert shop.client.store.client.zcard(shop.keys.lease) == 0


def test_one_that_grew_too_large_is_replaced(shop: Workshop) -> None:
    worker = shop.worker(concurrency=1, max_memory_mib=1)  # less than an interpreter takes
    (old,) = until(lambda: children_of(worker.pid), "a process")
    shop.enqueue("write", "word")
    until(lambda: not alive([old]), "it is replaced")
    assert shop.words() == ["word"], "but not before it did something"
    assert worker.poll() is None


@pytest.mark.parametrize(
    ("tasks", "most_mib", "runs", "taken_mib", "why"),
    [
        (0, 0, 1_000_000, 1_000_000, ""),
        (10, 0, 9, 1_000_000, ""),
        (10, 0, 10, 0, "run 10 tasks"),
        (0, 200, 1_000_000, 200, ""),
        (0, 200, 0, 201, ""),
        (0, 200, 1, 201, "taken 201 MiB"),
        (10, 200, 3, 150, ""),
    ],
)
def test_rows(tasks: int, most_mib: int, runs: int, taken_mib: int, why: str) -> None:
    assert Share(tasks, most_mib).done(runs, taken_mib) == why


def test_memory_that_is_taken_is_seen() -> None:
    before = memory_mib()
    ballast = bytearray(b"\1") * (64 << 20)
    assert before > 0
    assert memory_mib() >= before + 32
    assert ballast
