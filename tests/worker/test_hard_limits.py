"""What ends a run that nothing in its process can end, and who pays for it? Its supervisor; only that run."""

from __future__ import annotations

import json
import signal

import pytest

from onebeat.errors import ConfigError
from onebeat.queue.client import draft
from onebeat.queue.record import Header
from onebeat.worker.task import task
from tests.worker.running import PATIENCE_S, Workshop, children_of, until

FAR_MS = 60_000  # a lease so long that only the supervisor can have moved the messages
LIMITED = ["hog_limited", "sleep_limited", "await_limited", "stop_limited"]
OVER = "HardTimeLimit: over its hard time limit of 0.8 s"


@pytest.mark.parametrize("name", LIMITED)
def test_it_ends_as_a_dead_letter_and_its_siblings_run_again_at_no_cost(shop: Workshop, name: str) -> None:
    """Busy: a sibling in the same process starts again, tried for the first time, no delivery counted."""
    shop.enqueue("write_in_steps", "sibling")
    worker = shop.worker(concurrency=2, lease_ms=FAR_MS)
    until(lambda: "begin sibling" in shop.notes(), "the sibling runs")
    (child,) = children_of(worker.pid)
    guilty = shop.enqueue(name, "guilty")
    until(lambda: guilty in shop.dead(), "it is buried")
    assert json.loads(shop.dead()[guilty])["error"] == OVER
    until(lambda: shop.notes().count("begin sibling") == 2, "the sibling runs again")
    assert children_of(worker.pid) != [child]
    assert "recovered" not in shop.stats(), "nobody is blamed for the death"
    assert shop.stats()["released"] >= 1
    shop.tell("sibling")
    until(lambda: shop.stats().get("finish") == 1, "the sibling ends")
    assert shop.words() == ["sibling"], "its effect once"
    assert shop.notes().count("begin guilty") == 1


def test_other_processes_do_not_notice(shop: Workshop) -> None:
    """Idle and busy: two processes; the other one of them goes on with what it runs."""
    worker = shop.worker(concurrency=1, processes=2, lease_ms=FAR_MS)
    until(lambda: "ready: 2 process" in shop.log(), "two processes")
    before = set(children_of(worker.pid))
    shop.enqueue("wait", "sibling")
    until(lambda: "begin sibling" in shop.notes(), "the sibling runs")
    guilty = shop.enqueue("hog_limited", "guilty")
    until(lambda: guilty in shop.dead(), "it is buried")
    until(lambda: len(now := set(children_of(worker.pid))) == 2 and now != before, "another process")
    shop.tell("sibling")
    until(lambda: shop.stats().get("finish") == 1, "the sibling ends")
    assert shop.notes().count("begin sibling") == 1
    assert len(before & set(children_of(worker.pid))) == 1
    assert "released" not in shop.stats()


def test_it_is_tried_again_by_its_policy_with_one_effect(shop: Workshop) -> None:
    id_ = shop.enqueue("slow_at_first", "word")
    shop.worker(concurrency=1, lease_ms=FAR_MS)
    until(lambda: shop.stats().get("finish") == 1, "it ends")
    assert shop.words() == ["word"]
    assert id_ not in shop.dead()
    assert shop.stats()["retry"] >= 1


def test_a_task_may_give_up_on_it(shop: Workshop) -> None:
    id_ = shop.enqueue("hog_once", "word")
    shop.worker(concurrency=1, lease_ms=FAR_MS)
    why = json.loads(until(lambda: shop.dead().get(id_, ""), "it is buried"))
    assert (why["error"], why["reason"]) == (OVER, "fatal")
    assert shop.notes() == ["begin word"]


def test_the_limit_holds_while_the_worker_stops(shop: Workshop) -> None:
    """Grace is far longer; what waits for nothing is not waited for."""
    guilty = shop.enqueue("hog_limited", "guilty")
    worker = shop.worker(concurrency=1, lease_ms=FAR_MS, grace_s=10 * PATIENCE_S)
    until(lambda: "begin guilty" in shop.notes(), "it runs")
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    assert json.loads(shop.dead()[guilty])["error"] == OVER
    assert shop.client.store.client.zcard(shop.keys.lease) == 0


def test_what_is_killed_at_the_end_of_a_stop_has_not_failed(shop: Workshop) -> None:
    """It holds the interpreter, so its process cannot give it back: the supervisor does, at no cost."""
    shop.enqueue("hog", "hog", 600.0)
    worker = shop.worker(concurrency=1, lease_ms=FAR_MS)
    until(lambda: "begin hog" in shop.notes(), "it runs")
    worker.send_signal(signal.SIGQUIT)
    assert worker.wait(PATIENCE_S) == 0
    (record,) = shop.client.store.client.lrange(shop.keys.ready[0], 0, -1)
    assert record[2] == 0, "deliveries"
    assert "recovered" not in shop.stats()


def test_a_schedule_says_it_for_a_task_that_does_not(shop: Workshop) -> None:
    header = Header("tests.worker.acts:wait", hard_timeout_ms=800)
    (guilty,) = shop.client.send_drafts("default", [draft(header.task, ["guilty"], header=header)])
    shop.worker(concurrency=1, lease_ms=FAR_MS)
    until(lambda: guilty.id in shop.dead(), "it is buried")
    assert json.loads(shop.dead()[guilty.id])["error"] == OVER


@pytest.mark.parametrize(("timeout", "hard"), [("10s", "10s"), ("10s", "9s")])
def test_a_hard_limit_is_longer_than_the_soft_one(timeout: str, hard: str) -> None:
    with pytest.raises(ConfigError, match="must be longer than timeout"):
        task(name="limits.wrong", timeout=timeout, hard_timeout=hard)(lambda: None)


def nothing() -> None:
    """What the rules below are about."""


@pytest.mark.parametrize(
    ("timeout", "hard", "of_the_schedule", "limit"),
    [
        ("10s", None, 60_000, None),
        (None, "20s", None, 20_000),
        (None, "20s", 60_000, 80_000),
        ("10s", "20s", 60_000, 70_000),
        ("10s", "20s", 5_000, 20_000),
    ],
)
def test_a_longer_timeout_of_the_schedule_moves_it(
    timeout: str | None, hard: str | None, of_the_schedule: int | None, limit: int | None
) -> None:
    made = task(name="limits.moved", timeout=timeout, hard_timeout=hard)(nothing)
    assert made.limits.killed_after_ms(of_the_schedule) == limit
