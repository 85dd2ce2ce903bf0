"""What stands at the store while a worker is idle, and what if that worker is stopped, or goes?"""

from __future__ import annotations

import os
import signal

from tests.worker.running import Workshop, children_of, until

SLOTS = 2
LATE = [f"late{number}" for number in range(5)]


def listening(shop: Workshop, workers: int) -> bool:
    """Whether so many wait at the store, and have for a second: by then the call behind the read is there.

    It cannot be seen: some servers read it ahead, out of the buffer that they tell of.
    """
    told = shop.client.store.client.client_list()
    return sum(row["cmd"] == "bzpopmin" and int(row["idle"]) > 0 for row in told) == workers


def held(shop: Workshop) -> int:
    """How many messages are held by workers."""
    redis = shop.client.store.client
    owners = redis.scan_iter(match=shop.keys.own("*"))
    return sum(int(redis.hlen(own)) - 1 for own in owners)


def begun(shop: Workshop) -> list[str]:
    return sorted(note.removeprefix("begin ") for note in shop.notes() if note.startswith("begin "))


def test_a_stopped_worker_is_given_what_it_can_start_and_starts_nothing_of_it_when_it_is_another_s(
    shop: Workshop,
) -> None:
    first = shop.worker(concurrency=SLOTS)
    for number in range(9):
        shop.tell(f"brisk{number}")
        shop.enqueue("await_", f"brisk{number}")
    until(lambda: len(begun(shop)) == 9 and not held(shop), "the first calls")
    until(lambda: listening(shop, 1), "an idle worker")
    for pid in (*children_of(first.pid), first.pid):
        os.kill(pid, signal.SIGSTOP)
    for word in LATE:
        shop.tell(word)
    shop.client.enqueue_many([("tests.worker.acts:await_", (word,), None) for word in LATE])
    assert held(shop) == SLOTS
    shop.worker(concurrency=SLOTS)
    until(lambda: begun(shop)[9:] == LATE, "another worker")
    for pid in (first.pid, *children_of(first.pid)):
        os.kill(pid, signal.SIGCONT)
    until(lambda: "declared dead" in shop.log(0), "the first one learns it")
    assert begun(shop)[9:] == LATE


def test_an_idle_worker_that_is_told_to_claim_nothing_leaves_nothing_at_the_store(shop: Workshop) -> None:
    worker = shop.worker()
    until(lambda: listening(shop, 1), "an idle worker")
    for pid in children_of(worker.pid):
        os.kill(pid, signal.SIGTSTP)
    until(lambda: listening(shop, 0), "a quiet worker")
    shop.enqueue("await_", "later")
    shop.worker()
    shop.tell("later")
    until(lambda: begun(shop) == ["later"], "another worker")
    assert "begin" not in shop.log(0)


def test_an_idle_worker_whose_connections_break_goes_on(shop: Workshop) -> None:
    shop.worker()
    for number in range(3):
        until(lambda: listening(shop, 1), "an idle worker")
        shop.client.store.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        shop.tell(f"after{number}")
        shop.enqueue("await_", f"after{number}")
        until(lambda: len(begun(shop)) == number + 1 and not held(shop), "the call after it")  # noqa: B023
