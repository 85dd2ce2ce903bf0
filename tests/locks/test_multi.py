"""Does a holder of several locks have all of them or none, whatever happens in between?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from onebeat.errors import ConfigError, LeaseLost, LockTimeout
from onebeat.locks import AsyncLock, AsyncMultiLock, Lock, MultiLock, Released, RWLock, Semaphore
from onebeat.locks.multi import GiveBack, Take, take_all
from onebeat.wire import AsyncStore, Store
from tests.clocks import ToldClock
from tests.locks.waiting import cut_short, until

Opens = Callable[[], AsyncStore]


def free(store: Store, *names: str) -> bool:
    return all(Lock(store, name).peek() is None for name in names)


def waiters(store: Store, name: str) -> int:
    held = Lock(store, name).peek()
    return held.waiters if held else 0


def test_all_or_nothing(store: Store) -> None:
    both = MultiLock([Lock(store, "b"), Lock(store, "a")])
    with both.hold() as lease:
        assert set(lease.fences) == {"a", "b"}
        assert lease.valid
        assert 0 < lease.remaining_s <= 9
        lease.assert_held()
        assert MultiLock([Lock(store, "c"), Lock(store, "b")]).acquire() is None
        assert Lock(store, "c").peek() is None
    assert not lease.valid
    assert free(store, "a", "b")
    with Lock(store, "b").hold(), pytest.raises(LockTimeout, match="'b' was not free"), both.hold():
        pytest.fail("held although one of them is not free")
    assert free(store, "a")


def test_kinds_mix(store: Store) -> None:
    rw, semaphore = RWLock(store, "x"), Semaphore(store, "y", 1)
    several = MultiLock([rw.write, semaphore, Lock(store, "x")])
    lease = several.acquire()
    assert lease is not None
    assert rw.read.acquire() is None
    assert several.release(lease) == [Released.DONE] * 3
    assert rw.roster().count == 0


def test_whoever_names_them_in_another_order_waits_in_no_circle(store: Store) -> None:
    names, turns = ["a", "b", "c"], [0]

    def work(seed: int) -> None:
        luck = random.Random(seed)
        for _ in range(20):
            mine = luck.sample(names, luck.choice((2, 3)))
            with MultiLock([Lock(store, name) for name in mine]).hold(wait=60):
                turns[0] += 1

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, seed) for seed in range(4)]:
            done.result(timeout=100)
    assert turns == [80]
    assert free(store, *names)


@pytest.mark.usefixtures("eager")
def test_what_is_held_is_renewed_while_another_is_waited_for(store: Store) -> None:
    def left_ms() -> int:
        held = Lock(store, "a").peek()
        return held.remaining_ms if held else 0

    with ThreadPoolExecutor(1) as threads:
        blocking = Lock(store, "b").acquire()
        waiting = threads.submit(MultiLock([Lock(store, "a", 20), Lock(store, "b")]).acquire, 60)
        until(lambda: waiters(store, "b"))
        seen_ms = left_ms()
        until(lambda: left_ms() > seen_ms)  # only a renewal makes it more
        Lock(store, "b").release(blocking)
        lease = waiting.result(timeout=60)
    assert lease is not None
    assert lease.valid


def test_a_lost_one_is_reported(store: Store) -> None:
    lost: list[str] = []

    def work() -> None:
        with MultiLock([Lock(store, "a", 0.6), Lock(store, "b", 60)]).hold() as lease:
            lease.on_lost(lost.append)
            Lock.force_release(store, "a", reason="test")
            until(lambda: lost)
            assert not lease.valid

    with pytest.raises(LeaseLost, match="'a'"):
        work()
    assert free(store, "a", "b")


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_what_would_wait_for_itself_is_refused(store: Store, names: list[str]) -> None:
    with pytest.raises(ConfigError, match="each once"):
        MultiLock([Lock(store, name) for name in names])


# -- the plan, step by step -------------------------------------------------------------------------


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


class Held:
    def __init__(self, valid: bool = True) -> None:
        self.valid = valid


def told(locks: list[Any], answers: list[Any], wait_s: float | None = 5.0) -> tuple[Any, list[str]]:
    """What the plan returns or raises, and its steps, when it is answered like this."""
    plan, steps = take_all(locks, wait_s, ToldClock()), []
    try:
        step = next(plan)
        for answer in answers:
            steps.append(f"{'take' if isinstance(step, Take) else 'give'} {step.lock.name}")
            gives = isinstance(step, GiveBack)
            raises = isinstance(answer, BaseException) and not gives
            step = plan.throw(answer) if raises else plan.send(None if gives else answer)
    except StopIteration as stop:
        return stop.value, steps
    except BaseException as problem:
        return problem, steps
    raise AssertionError(f"the plan goes on with {step}")


A, B, C = Named("a"), Named("b"), Named("c")


def test_one_that_is_not_free_gives_back_what_was_taken_in_reverse() -> None:
    result, steps = told([A, B, C], [Held(), Held(), None, None, None])
    assert result == "c"
    assert steps == ["take a", "take b", "take c", "give b", "give a"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), RuntimeError("x")])
def test_an_interrupt_gives_back_what_was_taken(problem: BaseException) -> None:
    result, steps = told([A, B], [Held(), problem, None])
    assert result is problem
    assert steps == ["take a", "take b", "give a"]


def test_a_plan_that_nobody_performs_to_its_end_just_ends() -> None:
    plan = take_all([A, B], 5.0, ToldClock())
    next(plan)
    plan.send(Held())
    plan.close()


def test_one_that_was_lost_meanwhile_begins_again() -> None:
    first, second = Held(), Held()
    result, steps = told([A, B], [Held(valid=False), Held(), None, None, first, second])
    assert result == [first, second]
    assert steps == ["take a", "take b", "give b", "give a", "take a", "take b"]


def test_a_second_interrupt_while_giving_back_leaves_nothing_held() -> None:
    """As a task that is cancelled twice: the second one must not end the clean-up."""
    given: list[str] = []
    plan, problem, again = take_all([A, B, C], 5.0, ToldClock()), RuntimeError("x"), RuntimeError("again")
    next(plan)
    plan.send(Held())
    plan.send(Held())
    step = plan.throw(problem)
    given.append(step.lock.name)
    step = plan.throw(again)
    given.append(step.lock.name)
    with pytest.raises(RuntimeError, match="again"):
        plan.send(None)
    assert given == ["b", "a"]


# -- asyncio ----------------------------------------------------------------------------------------


def test_cancelling_at_any_moment_leaks_nothing(astore_factory: Opens, store: Store) -> None:
    luck = random.Random(7)

    async def once(astore: AsyncStore, locks: list[AsyncLock]) -> None:
        several = AsyncMultiLock(locks)
        after_s = luck.choice([0, 0.0005, 0.001, 0.002, 0.004])
        await cut_short(several.acquire(wait=5), several.release, after_s)

    async def scenario() -> None:
        async with astore_factory() as astore:
            for _ in range(25):
                await asyncio.gather(
                    *(once(astore, [AsyncLock(astore, name) for name in "ab"]) for _ in range(3))
                )
                assert free(store, "a", "b")

    asyncio.run(scenario())


def test_a_lost_one_cancels_the_block(astore_factory: Opens, store: Store) -> None:
    async def work(astore: AsyncStore) -> None:
        async with AsyncMultiLock([AsyncLock(astore, "a", 60), AsyncLock(astore, "b", 0.6)]).hold():
            Lock.force_release(store, "b", reason="test")
            await asyncio.Event().wait()

    async def scenario() -> None:
        async with astore_factory() as astore:
            with pytest.raises(LeaseLost):
                await work(astore)
            assert free(store, "a", "b")

    asyncio.run(scenario())
