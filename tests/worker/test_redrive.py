"""A task failed for good, its code is mended: does a redriven message have its effect, once?"""

from __future__ import annotations

from onebeat.ledger import Historian, Run, RunState, create_tables, open_engine
from onebeat.ledger import run as find_run
from onebeat.queue import By, Which
from tests.worker.running import Workshop, until

BY = By("alice@web", "mended")


def history(shop: Workshop, id_: str) -> Run:
    engine = open_engine(f"sqlite:///{shop.database}")
    create_tables(engine)
    Historian(shop.client.store, engine, shop.namespace).catch_up(["default"])
    found = find_run(engine, id_, namespace=shop.namespace)
    engine.dispose()
    assert found is not None
    return found


def test_fails_dies_is_mended_is_redriven(shop: Workshop) -> None:
    """The ledger kept nothing of the attempts that failed, so it stands in no redriven message's way."""
    id_ = shop.enqueue("write_when_mended", "mended")
    keyed = shop.enqueue("write_when_mended", "keyed", key="order 7")
    queue = shop.client.queue()
    shop.worker()
    until(lambda: set(shop.dead()) == {id_, keyed}, "both are dead")
    assert shop.words() == []
    queue.redrive(Which((id_,)), BY)
    until(lambda: shop.notes().count("ran mended") == 4 and id_ in shop.dead(), "it died again, with retries")
    assert history(shop, id_).state == RunState.DEAD
    for word in ("mended", "keyed"):
        shop.tell(word)
    assert queue.redrive(Which(), BY).done == 2
    until(lambda: sorted(shop.words()) == ["keyed", "mended"], "the effects")
    assert queue.redrive(Which(), BY).done == 0
    again = shop.enqueue("write_when_mended", "keyed", key="order 7")
    assert again == keyed, "its key is still that call's"
    done = until(lambda: (run := history(shop, id_)).state == RunState.DONE and run, "the history")
    assert (done.attempt, done.error, done.reason) == (1, None, "redriven by alice@web: mended")
    assert shop.dead() == {}
    assert sorted(shop.words()) == ["keyed", "mended"]
