"""Does a program get what a real worker returned, and a clear error when there is nothing to get?"""

from __future__ import annotations

import asyncio

import pytest

from onebeat.errors import NoResult, RunCancelled, RunFailed, WaitTimeout
from onebeat.queue import AsyncClient, Handle
from onebeat.queue.control import cancel
from tests.worker import returning
from tests.worker.running import PATIENCE_S, Workshop, children_of, until
from tests.worker.running import _signal as signal_


@pytest.fixture
def calling(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """The shop is where `delay` sends to."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", shop.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", shop.namespace)
    return shop


def test_it_comes_back(calling: Workshop) -> None:
    """From a thread, from the event loop, from a process of its own; and to whoever knows the id."""
    handles = [returning.add.delay(3, 4), returning.aadd.delay(3, 4), returning.add_far.delay(3, 4)]
    calling.worker()
    assert [one.result(PATIENCE_S) for one in handles] == [7, {"day": "2026-03-01", "total": 7.0}, 7]
    assert calling.client.result(handles[0].id, timeout=0) == 7


def test_asyncio_waits_too(calling: Workshop) -> None:
    async def both() -> list[object]:
        client = AsyncClient.from_url(calling.url, calling.namespace)
        handle = await client.enqueue(returning.add.name, [3, 4], result_ttl="1m")
        mine = await returning.add.adelay(5, 6)
        found = [
            await handle.result(PATIENCE_S),
            await client.result(handle.id),
            await mine.result(PATIENCE_S),
        ]
        await client.close()
        return found

    calling.worker()
    assert asyncio.run(both()) == [7, 7, 11]


def test_a_call_may_ask_what_its_task_does_not(shop: Workshop) -> None:
    name = returning.forgotten.name
    shop.worker()
    assert shop.client.enqueue(name, result_ttl="1m").result(PATIENCE_S) == 7
    handle = shop.client.enqueue(name)
    with pytest.raises(
        NoResult, match=r"message \S+ keeps no result: declare its task with @task\(result_ttl="
    ):
        handle.result(PATIENCE_S)


def test_a_failure_is_told_with_its_type(calling: Workshop) -> None:
    handle = returning.fail_at_last.delay("nobody")
    calling.worker()
    with pytest.raises(RunFailed, match="KeyError: 'nobody'") as caught:
        handle.result(PATIENCE_S)
    assert (caught.value.kind, caught.value.text, caught.value.state) == ("KeyError", "'nobody'", "dead")


@pytest.mark.parametrize("name", ["return_odd", "areturn_odd", "return_much"])
def test_a_result_that_cannot_be_stored_fails_the_run_and_undoes_it(calling: Workshop, name: str) -> None:
    handle: Handle = getattr(returning, name).delay()
    calling.worker()
    with pytest.raises(
        RunFailed, match=f"BadResult: task {returning.__name__}:{name}: the result "
    ) as caught:
        handle.result(PATIENCE_S)
    assert (caught.value.kind, caught.value.reason) == ("BadResult", "fatal")  # not tried again
    assert calling.words() == []


def test_a_cancelled_run_is_told(calling: Workshop) -> None:
    handle = returning.wait_and_return.delay("a")
    calling.worker()
    until(lambda: "begin a" in calling.notes(), "it begins")
    with pytest.raises(WaitTimeout, match=r"is not over after 0\.1 s"):
        handle.result(0.1)
    calling.client.store.run(cancel(calling.keys, [handle.id], within_s=PATIENCE_S))
    with pytest.raises(RunCancelled):
        handle.result(PATIENCE_S)


def test_a_worker_dies_between_the_commit_and_the_end(
    calling: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one finds the effect in the ledger, and what was returned."""
    handle = returning.write_and_return.delay("once")
    monkeypatch.setenv("ONEBEAT_FAILPOINT", "ledger.committed:kill")
    first = calling.worker()
    until(lambda: calling.words() == ["once"], "the commit")
    for pid in (*children_of(first.pid), first.pid):
        signal_(pid, 9)
    monkeypatch.delenv("ONEBEAT_FAILPOINT")
    calling.worker()
    assert handle.result(PATIENCE_S)["word"] == "once"
    assert calling.words() == ["once"]


def test_a_killed_worker_s_result_comes_from_the_next(calling: Workshop) -> None:
    handle = returning.wait_and_return.delay("b")
    first = calling.worker(lease_ms=1000)
    until(lambda: calling.notes() == ["begin b"], "it begins")
    for pid in (first.pid, *children_of(first.pid)):
        signal_(pid, 9)
    calling.tell("b")
    calling.worker(lease_ms=1000)
    assert handle.result(PATIENCE_S) == "b"


@pytest.mark.parametrize("name", ["tell_and_wait", "tell_and_wait_far", "atell_and_wait"])
def test_how_far_a_run_is(calling: Workshop, name: str) -> None:
    handle: Handle = getattr(returning, name).delay("end")
    assert handle.progress() is None
    calling.worker(concurrency=1)
    far = until(handle.progress, "its word")
    while far.done != 3:
        far = until(handle.progress, "its last word")
    assert (far.total, far.note) == (10, "waiting for end")
    assert calling.client.progress(handle.id) == far
    calling.tell("end")
    until(lambda: handle.progress() is None, "its end")
