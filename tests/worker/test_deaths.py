"""What is left of a message when its worker dies, sleeps, or is declared dead? Nothing lost, one effect."""

from __future__ import annotations

import json
import os
import signal
import time

from tests.worker.running import Workshop, alive, children_of, until


def test_a_killed_process_is_replaced_and_its_messages_go_on_at_once(shop: Workshop) -> None:
    shop.enqueue("wait", "long")
    worker = shop.worker(lease_ms=60_000)  # far longer than the test: only the supervisor can have seen it
    until(lambda: "begin long" in shop.notes(), "it runs")
    (child,) = children_of(worker.pid)
    os.kill(child, signal.SIGKILL)
    until(lambda: shop.notes().count("begin long") == 2, "it runs again")
    assert shop.stats()["recovered"] == 1
    assert children_of(worker.pid) != [child]


def test_a_killed_supervisor_takes_its_processes_along_and_another_worker_goes_on(shop: Workshop) -> None:
    shop.enqueue("wait", "word")
    first = shop.worker(lease_ms=8_000)
    until(lambda: "begin word" in shop.notes(), "it runs")
    second = shop.worker()
    until(lambda: children_of(second.pid), "a second worker")
    children = children_of(first.pid)
    first.kill()
    until(lambda: not alive(children), "its processes end with it")
    until(lambda: shop.notes().count("begin word") == 2, "it runs elsewhere")
    assert shop.stats()["recovered"] == 1
    cards = shop.client.store.client.hgetall(shop.client.store.space.workers)
    assert [json.loads(card)["pid"] for card in cards.values()] == [second.pid], "the dead one's card is gone"


def test_a_stopped_worker_is_fenced_and_its_outcome_counts_nothing(shop: Workshop) -> None:
    """SIGSTOP of a whole worker beyond its lease; it wakes when another one has done the work."""
    shop.enqueue("wait", "word")
    first = shop.worker(lease_ms=1000)
    until(lambda: "begin word" in shop.notes(), "it runs")
    frozen = [*children_of(first.pid), first.pid]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    shop.worker(lease_ms=1000)
    until(lambda: shop.notes().count("begin word") == 2, "it runs elsewhere")
    assert shop.stats()["recovered"] == 1
    shop.tell("word")
    until(lambda: shop.stats().get("finish") == 1, "it is settled")
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    until(lambda: "was declared dead" in shop.log(0), "the first one learns it")
    shop.enqueue("write", "next")
    until(lambda: shop.words() == ["next"], "work goes on")
    until(lambda: shop.stats()["finish"] == 2, "each message was settled once")


def test_a_process_that_alone_is_stopped_is_replaced(shop: Workshop) -> None:
    """Its supervisor renews its lease, so no other worker would ever take what it holds."""
    shop.enqueue("wait", "word")
    worker = shop.worker(lease_ms=2000)
    until(lambda: "begin word" in shop.notes(), "it runs")
    (child,) = children_of(worker.pid)
    for _ in range(3):  # stopped for a moment: nothing happens
        os.kill(child, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(child, signal.SIGCONT)
    os.kill(child, signal.SIGSTOP)
    until(lambda: shop.notes().count("begin word") == 2, "it runs again")
    shop.tell("word")
    until(lambda: shop.stats().get("finish") == 1, "it is settled")
    assert shop.stats()["recovered"] == 1
    assert child not in children_of(worker.pid)
    assert "it was stopped (SIGSTOP)" in shop.log()


def test_a_task_that_holds_the_interpreter_beyond_the_lease_runs_once(shop: Workshop) -> None:
    shop.enqueue("hog", "hog", 13.0)
    for _ in range(2):
        shop.worker(lease_ms=8_000, concurrency=1)
    until(lambda: "end hog" in shop.notes(), "it ends")
    until(lambda: shop.stats().get("finish") == 1, "it is settled")
    assert shop.notes() == ["begin hog", "end hog"]
    assert "recovered" not in shop.stats()


def test_a_task_that_kills_its_worker_is_buried_after_five_deliveries(shop: Workshop) -> None:
    """Meanwhile others go on; the lease is so long that only the supervisor can have seen each death."""
    poison = shop.enqueue("die", "poison")
    worker = shop.worker(concurrency=1, lease_ms=60_000)
    until(lambda: "begin poison" in shop.notes(), "it runs")
    for number in range(5):
        shop.enqueue("write", str(number))
    until(lambda: poison in shop.dead(), "it is buried")
    until(lambda: sorted(shop.words()) == list("01234"), "what was queued beside it ran, once")
    assert json.loads(shop.dead()[poison])["error"] == "its worker died 5 times"
    assert shop.notes().count("begin poison") == 5
    shop.enqueue("write", "others")
    until(lambda: "others" in shop.words(), "others go on")
    assert worker.poll() is None


def test_a_store_that_lost_its_data_gets_new_incarnations(shop: Workshop) -> None:
    shop.worker()
    shop.enqueue("write", "before")
    until(lambda: shop.words() == ["before"], "it works")
    redis = shop.client.store.client
    for key in redis.scan_iter(match=f"ob:{{{shop.namespace}*"):  # this namespace's FLUSHALL
        redis.delete(key)
    shop.enqueue("write", "after")
    until(lambda: shop.words() == ["before", "after"], "it works again")
    assert "declared dead" in shop.log()
