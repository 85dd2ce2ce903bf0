"""Does a run whose end somebody wants end once, whether it waits, runs on the loop, or on a thread?"""

from __future__ import annotations

import pytest

from onebeat.queue.control import cancel
from tests.worker.running import Workshop, until

WITHIN_S = 10.0


def cancelled(shop: Workshop, *ids: str) -> list[bool]:
    over: list[bool] = shop.client.store.run(cancel(shop.keys, ids, within_s=WITHIN_S))
    return over


@pytest.mark.parametrize("name", ["await_", "wait"], ids=["async", "thread"])
def test_a_run_is_cancelled(name: str, shop: Workshop) -> None:
    shop.worker()
    id_ = shop.enqueue(name, "a")
    until(lambda: "begin a" in shop.notes(), "it to begin")
    assert cancelled(shop, id_) == [False]
    until(lambda: shop.stats().get("cancel"), "it to end")
    redis = shop.client.store.client
    assert shop.notes() == ["begin a"]
    assert not redis.exists(shop.keys.cancel), "the wish is fulfilled"
    assert (shop.stats().get("finish"), shop.stats().get("bury"), shop.stats()["cancel"]) == (None, None, 1)
    after = shop.enqueue("write", "next")
    until(lambda: shop.words() == ["next"], "the worker to go on")
    assert after


def test_what_was_written_before_is_taken_back(shop: Workshop) -> None:
    shop.worker()
    id_ = shop.enqueue("write_in_steps", "a")
    until(lambda: "begin a" in shop.notes(), "it to begin")
    cancelled(shop, id_)
    until(lambda: shop.stats().get("cancel"), "it to end")
    assert shop.words() == []


def test_what_waits_behind_it_begins_never(shop: Workshop) -> None:
    shop.worker(concurrency=1)
    first = shop.enqueue("wait", "a")
    until(lambda: "begin a" in shop.notes(), "it to begin")
    second, third = shop.enqueue("wait", "b"), shop.enqueue("write", "c")
    cancelled(shop, second, first)
    until(lambda: shop.words() == ["c"], "the third to run")
    until(lambda: shop.stats().get("cancel") == 2, "both to end")
    assert shop.notes() == ["begin a"]
    assert third
