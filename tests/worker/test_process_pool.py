"""What happens to a run in a process of its own, and to the others, however it ends?"""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from onebeat import failpoints
from onebeat.errors import ConfigError, LeaseLost
from onebeat.queue.control import cancel
from onebeat.worker import far
from onebeat.worker.runner import FarLease, Listener
from onebeat.worker.task import task
from tests.worker.running import PATIENCE_S, Workshop, alive, children_of, until


def send(shop: Workshop, name: str, *args: object, **rules: object) -> str:
    return shop.enqueue(f"tests.worker.computing:{name}", *args, **rules)


def why(shop: Workshop, id_: str) -> str:
    told = json.loads(until(lambda: shop.dead().get(id_, ""), "it is buried"))
    return str(told["error"])


def test_an_effect_is_written_once_by_a_process_of_the_worker_process(shop: Workshop) -> None:
    first, second = send(shop, "write", "a"), send(shop, "write", "b")
    worker = shop.worker(concurrency=1)
    until(lambda: shop.stats().get("finish") == 2, "they end")
    assert shop.words() == ["a", "b"]
    (child,) = children_of(worker.pid)
    (runner,) = children_of(child)
    assert shop.notes() == [f"{child} {runner} {first} 1", f"{child} {runner} {second} 1"]


def test_one_that_dies_fails_its_own_message_and_no_other(shop: Workshop) -> None:
    """Beside it in the same worker process: a thread, and another process."""
    shop.enqueue("wait", "thread")
    send(shop, "wait", "far")
    worker = shop.worker(concurrency=3)
    until(lambda: {"begin thread", "begin far"} <= set(shop.notes()), "the siblings run")
    (child,) = children_of(worker.pid)
    guilty = send(shop, "die", "guilty")
    assert why(shop, guilty) == "RunnerDied: the process of this run ended with SIGSEGV"
    shop.tell("thread")
    shop.tell("far")
    until(lambda: shop.stats().get("finish") == 2, "the siblings end")
    assert [shop.notes().count(f"begin {one}") for one in ("thread", "far", "guilty")] == [1, 1, 1]
    assert children_of(worker.pid) == [child]


def test_one_that_died_is_tried_again_by_its_policy(shop: Workshop) -> None:
    send(shop, "die_once", "word")
    shop.worker(concurrency=1)
    until(lambda: shop.stats().get("finish") == 1, "it ends")
    assert shop.words() == ["word"]
    assert shop.stats()["retry"] == 1


@pytest.mark.parametrize("point", ["runner.started", "runner.ended"])
def test_killed_before_it_begins_or_before_it_can_tell_its_effect_is_there_once(
    shop: Workshop, point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.ARMED, f"{point}:kill")
    monkeypatch.setenv(failpoints.NOTES, str(tmp_path))
    send(shop, "write_again", "word")
    shop.worker(concurrency=1)
    until(lambda: shop.stats().get("finish") == 1, "it ends")
    assert (tmp_path / f"{point}.fired").exists()
    assert shop.words() == ["word"]


def test_limits_errors_and_retries(shop: Workshop) -> None:
    shop.enqueue("wait", "thread")
    late, hog = send(shop, "overtime", "late"), send(shop, "hog_limited", "hog")
    send(shop, "flaky", "flaky")
    worker = shop.worker(concurrency=4)
    assert why(shop, late).startswith("TimeLimit")
    assert why(shop, hog) == "HardTimeLimit: over its hard time limit of 0.8 s"
    shop.tell("thread")
    until(lambda: shop.stats().get("finish") == 2, "the others end")
    notes = shop.notes()
    assert notes.count("begin thread") == 1
    assert "late was told" in notes
    assert [one for one in notes if one.startswith("flaky")] == ["flaky attempt 1", "flaky attempt 2"]
    assert "is killed" not in shop.log(), "only that process, not the worker process"
    assert worker.poll() is None


@pytest.mark.parametrize("name", ["listens", "hog"])
def test_cancelling_tells_and_then_kills(shop: Workshop, name: str) -> None:
    id_ = send(shop, name, "word")
    worker = shop.worker(concurrency=1)
    until(lambda: "begin word" in shop.notes(), "it runs")
    (child,) = children_of(worker.pid)
    (runner,) = children_of(child)
    shop.client.store.run(cancel(shop.keys, [id_], within_s=PATIENCE_S))
    until(lambda: shop.stats().get("cancel") == 1, "it is cancelled")
    assert shop.words() == []
    assert ("word was told" in shop.notes()) is (name == "listens")
    until(lambda: bool(alive([runner])) is (name == "listens"), "one that obeys is kept")
    assert children_of(worker.pid) == [child]


def test_a_singleton_is_held_by_the_worker_process_for_it(shop: Workshop) -> None:
    send(shop, "alone", "room")
    shop.worker(concurrency=2)
    until(lambda: any(one.startswith("begin room") for one in shop.notes()), "it runs")
    send(shop, "alone", "room")
    until(lambda: shop.stats().get("skip") == 1, "another one is skipped")
    shop.tell("room")
    until(lambda: shop.stats().get("finish") == 1, "it ends")
    assert shop.words() == ["room"]
    assert int(shop.notes()[0].split()[-1]) > 0, "the fence of the lock"


@pytest.mark.parametrize("lost", ["", "lost to another"])
def test_before_an_effect_is_committed_the_worker_process_is_asked(lost: str) -> None:
    ours, its = socket.socketpair()
    with ours, ours.makefile("rb") as file:
        listener = Listener(its.detach())
        answers: list[BaseException | None] = []

        def ask() -> None:
            try:
                answers.append(FarLease("room", listener).assert_held())
            except LeaseLost as problem:
                answers.append(problem)

        asking = threading.Thread(target=ask)
        asking.start()
        (length,) = far.HEAD.unpack(file.read(far.HEAD.size))
        assert far.read(file.read(length)) == far.Confirm()
        assert not answers
        listener.hear(far.Held(lost))
        asking.join(PATIENCE_S)
        assert [str(one or "") for one in answers] == [lost]
        listener.close()


def test_a_killed_supervisor_takes_them_along(shop: Workshop) -> None:
    send(shop, "hog", "word")
    worker = shop.worker(concurrency=1)
    until(lambda: "begin word" in shop.notes(), "it runs")
    (child,) = children_of(worker.pid)
    both = [child, *children_of(child)]
    assert len(both) == 2
    worker.kill()
    until(lambda: not alive(both), "they end with it")


def test_a_second_signal_kills_them_and_pushes_back(shop: Workshop) -> None:
    send(shop, "hog", "word")
    worker = shop.worker(concurrency=1)
    until(lambda: "begin word" in shop.notes(), "it runs")
    runners = children_of(*children_of(worker.pid))
    worker.terminate()
    until(lambda: "stopping:" in shop.log(), "it has heard the first signal")
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    until(lambda: not alive(runners), "they are gone")
    (record,) = shop.client.store.client.lrange(shop.keys.ready[0], 0, -1)
    assert record[2] == 0, "deliveries"


def test_an_idle_one_ends_with_its_worker(shop: Workshop) -> None:
    send(shop, "write", "word")
    worker = shop.worker(concurrency=1)
    until(lambda: shop.stats().get("finish") == 1, "it is idle")
    (runner,) = children_of(*children_of(worker.pid))
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    until(lambda: not alive([runner]), "it is gone")
    assert shop.client.store.client.zcard(shop.keys.lease) == 0


def test_one_that_did_its_share_is_replaced(shop: Workshop) -> None:
    for number in range(3):
        send(shop, "tell_pid", str(number))
        shop.tell(str(number))
    shop.worker(concurrency=1, max_tasks=2)
    until(lambda: shop.stats().get("finish") == 3, "they end")
    pids = [one.split()[1] for one in shop.notes()]
    assert pids[0] == pids[1] != pids[2]


async def compute() -> None:
    """What the rule below is about."""


def test_a_coroutine_is_refused() -> None:
    with pytest.raises(ConfigError, match="a coroutine runs on the event loop"):
        task(name="far.wrong", pool="process")(compute)


def test_its_hard_limit_follows_the_soft_one() -> None:
    made = task(name="far.limited", pool="process", timeout="10s")(test_a_coroutine_is_refused)
    assert made.limits.killed_after_ms(10_000) == 15_000
