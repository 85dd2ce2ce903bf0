"""Every row of the table of signals: idle and busy, async, thread and process."""

from __future__ import annotations

import signal

import pytest

from tests.worker.running import PATIENCE_S, Workshop, children_of, until

BOTH = pytest.mark.parametrize(
    "name", ["wait", "await_", "tests.worker.computing:wait"], ids=["thread", "async", "process"]
)
STOPS = pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])


GATES = pytest.mark.parametrize(
    "name", ["gate", "agate", "tests.worker.computing:gate"], ids=["thread", "async", "process"]
)


def left(shop: Workshop) -> int:
    redis = shop.client.store.client
    return sum(redis.llen(key) for key in shop.keys.ready)


@STOPS
def test_idle(shop: Workshop, signum: signal.Signals) -> None:
    worker = shop.worker(processes=2)
    shop.enqueue("write", "one")
    until(lambda: shop.words() == ["one"], "it works")
    children = until(lambda: len(c := children_of(worker.pid)) == 2 and c, "two processes")
    worker.send_signal(signum)
    assert worker.wait(PATIENCE_S) == 0
    assert not children_of(worker.pid)
    assert children
    redis = shop.client.store.client
    assert redis.zcard(shop.keys.lease) == 0, "the leases end at once"


@BOTH
def test_busy_finishes_what_runs_and_gives_back_the_rest(shop: Workshop, name: str) -> None:
    shop.enqueue(name, "running")
    worker = shop.worker(concurrency=1)
    until(lambda: "begin running" in shop.notes(), "it runs")
    for number in range(3):
        shop.enqueue(name, f"waiting {number}")
    worker.terminate()
    until(lambda: "stopping:" in shop.log(), "it has heard the signal")
    shop.tell("running")
    assert worker.wait(PATIENCE_S) == 0
    assert shop.notes() == ["begin running", "end running True"]
    assert left(shop) == 3
    assert shop.stats()["finish"] == 1


@BOTH
def test_a_second_signal_pushes_back_without_counting_a_delivery(shop: Workshop, name: str) -> None:
    shop.enqueue(name, "long")
    worker = shop.worker(concurrency=1)
    until(lambda: "begin long" in shop.notes(), "it runs")
    worker.terminate()
    until(lambda: "stopping:" in shop.log(), "it has heard the first signal")
    assert left(shop) == 0
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    assert shop.notes() == ["begin long"]
    (record,) = shop.client.store.client.lrange(shop.keys.ready[0], 0, -1)
    assert record[2] == 0, "deliveries"
    assert "recovered" not in shop.stats()


def test_when_grace_is_over_it_is_as_with_a_second_signal(shop: Workshop) -> None:
    shop.enqueue("await_", "long")
    worker = shop.worker(concurrency=1, grace_s=0.3)
    until(lambda: "begin long" in shop.notes(), "it runs")
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    assert left(shop) == 1


@GATES
def test_quiet_claims_nothing_more_and_what_runs_goes_on(shop: Workshop, name: str) -> None:
    shop.enqueue(name, "running", str(shop.folder / "open"))
    worker = shop.worker(concurrency=1)
    until(lambda: "begin running" in shop.notes(), "it runs")
    worker.send_signal(signal.SIGTSTP)
    until(lambda: "quiet:" in shop.log(), "the supervisor has heard it")
    for number in range(3):
        shop.enqueue(name, f"waiting {number}", str(shop.folder / "open"))
    (shop.folder / "open").touch()
    until(lambda: shop.stats().get("finish") == 1, "what ran is settled")
    until(lambda: shop.client.store.client.zscore(shop.keys.bell, "*") == 0, "a cycle has seen what waits")
    assert shop.notes() == ["begin running", "end running False"]
    assert left(shop) == 3
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(30) == 0
    assert left(shop) == 3


@GATES
def test_a_reload_finishes_what_runs_and_starts_anew(shop: Workshop, name: str) -> None:
    shop.enqueue(name, "running", str(shop.folder / "open"))
    worker = shop.worker(concurrency=1)
    until(lambda: "begin running" in shop.notes(), "it runs")
    old = children_of(worker.pid)
    worker.send_signal(signal.SIGHUP)
    until(lambda: "reloading:" in shop.log(), "the supervisor has heard it")
    (shop.folder / "open").touch()
    shop.enqueue("write", "after")
    until(lambda: shop.words() == ["after"], "another process works")
    assert set(children_of(worker.pid)).isdisjoint(old)
    assert shop.notes() == ["begin running", "end running True"]
    assert "recovered" not in shop.stats()
    assert "ERROR" not in shop.log()


@GATES
def test_what_runs_is_told_when_asked(shop: Workshop, name: str) -> None:
    id_ = shop.enqueue(name, "running", str(shop.folder / "open"))
    worker = shop.worker(concurrency=1)
    until(lambda: "begin running" in shop.notes(), "it runs")
    worker.send_signal(signal.SIGUSR1)
    until(lambda: f"running: {id_}" in shop.log(), "its id")
    assert "most recent call first" in shop.log(), "the stacks"
    assert worker.poll() is None
    (shop.folder / "open").touch()
    until(lambda: "end running False" in shop.notes(), "nothing was disturbed")
