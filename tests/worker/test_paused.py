"""A person pauses a queue: does nothing of it begin, does the rest go on, and does it begin at once?"""

from __future__ import annotations

import time

from onebeat.queue import By
from tests.worker.running import Workshop, until

BY = By("ann@web", "a test")
STILL_S = 1.0


def scripts_run(shop: Workshop) -> int:
    """How many calls of scripts this server has answered."""
    told = shop.client.store.client.info("commandstats")
    return sum(told.get(f"cmdstat_{word}", {}).get("calls", 0) for word in ("evalsha", "eval"))


def test_a_paused_queue(shop: Workshop) -> None:
    """What runs goes on, another queue goes on, a worker that starts claims nothing, and nobody spins."""
    paused, other = shop.client.queue("default"), "other"
    shop.worker(queues=("default", other))
    shop.enqueue("wait", "before")
    until(lambda: "begin before" in shop.notes(), "the first runs")
    paused.pause(BY)
    for n in range(20):
        shop.enqueue("write", f"held {n}")
    shop.worker(queues=("default",))
    until(lambda: "ready" in shop.log(1), "a second worker")
    shop.client.enqueue("tests.worker.acts:write", ["beside"], queue=other)
    until(lambda: shop.words() == ["beside"], "another queue")
    shop.tell("before")
    until(lambda: "end before False" in shop.notes(), "what ran when the pause began")
    began = scripts_run(shop)
    for n in range(200):
        shop.enqueue("write", f"more {n}")
    time.sleep(STILL_S)
    assert scripts_run(shop) - began < 200 + 400, "workers answer each bell of a paused queue at once"
    assert shop.words() == ["beside"]
    paused.resume(BY)
    until(lambda: len(shop.words()) == 221, "all that waited")


def test_a_pause_that_ends_by_itself(shop: Workshop) -> None:
    shop.client.queue().pause(BY, for_s=1.5)
    shop.worker()
    shop.enqueue("write", "late")
    until(lambda: shop.words() == ["late"], "the end of the pause")
    assert shop.client.store.client.get(shop.keys.halt) is None
