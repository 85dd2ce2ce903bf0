"""Does what follows run once, in the same queue and in another one, whoever is killed?"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from typing import Any

import pytest

from onebeat import chain, group
from onebeat.errors import BadArguments, BadPayload, ConfigError, RunFailed
from onebeat.keys import queue_keys
from onebeat.queue import By, Which
from tests.worker import acts, flowing
from tests.worker.running import PATIENCE_S, Workshop, children_of, until
from tests.worker.running import _signal as signal_

QUEUES = ("default", "left", "right")
IMPORTS = ("tests.worker.flowing", "tests.worker.acts")
NOBODY = By("nobody", "")


@pytest.fixture
def calling(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """The shop is where `delay` sends to."""
    monkeypatch.setenv("ONEBEAT_REDIS_URL", shop.url)
    monkeypatch.setenv("ONEBEAT_NAMESPACE", shop.namespace)
    return shop


def work(shop: Workshop, **settings: object) -> subprocess.Popen[bytes]:
    return shop.worker(queues=QUEUES, imports=IMPORTS, **settings)


def nothing_left(shop: Workshop) -> bool:
    """Neither a group nor a note."""
    keys = [queue_keys(shop.namespace, queue) for queue in QUEUES]
    redis = shop.client.store.client
    return not any(redis.exists(key.outbox, key.groups) for key in keys)


def test_a_chain_goes_through_three_queues_and_hands_on_what_was_returned(calling: Workshop) -> None:
    handle = chain(flowing.one.s(1), flowing.right.s(), flowing.right.s(), pass_result=True).delay()
    work(calling)
    assert handle.result(PATIENCE_S) == 3
    assert calling.words() == ["one 1", "right 1 1", "right 2 2"]
    plain = chain(flowing.one.s(7), flowing.one.s(8), flowing.left.s(9), flowing.one.s(10)).delay()
    assert plain.result(PATIENCE_S) == 10
    assert calling.words()[3:] == ["one 7", "one 8", "left 9", "one 10"]
    until(lambda: nothing_left(calling), "nothing is left")


def test_a_group_in_one_queue_and_in_three(calling: Workshop) -> None:
    here = group([flowing.one.s(n) for n in range(300)], then=flowing.together.s("here")).delay()
    there = group(
        [step for n in range(20) for step in (flowing.one.s(n), flowing.left.s(n), flowing.right.s(n))],
        then=flowing.together.s("there"),
    ).delay()
    work(calling)
    for told, word in ((here, "here"), (there, "there")):
        assert told.then is not None
        assert told.then.result(PATIENCE_S) == word
    counted = Counter(word.split()[0] for word in calling.words())
    assert counted == {"one": 320, "left": 20, "right": 20, "together": 2}
    assert calling.words().index("together here") >= 300
    until(lambda: nothing_left(calling), "nothing is left")


def test_a_member_that_fails_keeps_the_group_open_until_it_is_run_again(calling: Workshop) -> None:
    told = group([flowing.one.s(1), flowing.when_mended.s("m")], then=flowing.together.s("late")).delay()
    work(calling)
    left = queue_keys(calling.namespace, "left")
    until(lambda: calling.client.store.client.zcard(left.dead), "its death")
    until(lambda: "one 1" in calling.words(), "the other one")
    assert told.then is not None
    assert calling.client.store.client.zcard(queue_keys(calling.namespace, "default").groups) == 1
    calling.tell("m")
    calling.client.queue("left").redrive(Which(), NOBODY)
    assert told.then.result(PATIENCE_S) == "late"


def test_a_failure_ends_a_chain_until_it_is_run_again(calling: Workshop) -> None:
    handle = chain(flowing.one.s(1), flowing.when_mended.s("c"), flowing.one.s(2)).delay()
    work(calling)
    with pytest.raises(RunFailed, match="not mended yet"):
        handle.result(PATIENCE_S)
    calling.tell("c")
    calling.client.queue("left").redrive(Which(), NOBODY)
    assert handle.result(PATIENCE_S) == 2


def test_a_chain_that_needs_what_cannot_be_stored_ends(calling: Workshop) -> None:
    handle = chain(flowing.odd.s(), flowing.one.s(), pass_result=True).delay()
    work(calling)
    with pytest.raises(RunFailed, match=r"BadResult: task \S+:odd: the result is a object"):
        handle.result(PATIENCE_S)


def test_what_is_sent_again_is_queued_once(calling: Workshop) -> None:
    plan, line = group([flowing.one.s(1)], then=flowing.together.s("g")), chain(flowing.one.s(2))
    for _ in range(2):
        plan.delay()
        line.delay()
    keys = queue_keys(calling.namespace, "default")
    assert calling.client.store.client.llen(keys.ready[0]) == 2


def test_mistakes_are_told_before_anything_is_queued(calling: Workshop) -> None:
    not_a_call: Any = flowing.one
    with pytest.raises(ConfigError, match="a group has 1 to 10,000 calls, not 0"):
        group([])
    with pytest.raises(ConfigError, match=r"a chain is made of calls not queued yet, task\.s"):
        chain(not_a_call)
    with pytest.raises(ConfigError, match="cannot be part of a group or chain"):
        group([acts.once.s("a")]).delay()
    with pytest.raises(BadArguments, match="argument 'number'"):
        group([flowing.one.s(1), flowing.one.s("x")]).delay()
    with pytest.raises(BadArguments, match="with a result as first argument: too many"):
        chain(flowing.one.s(1), flowing.right.s(1), pass_result=True).delay()
    with pytest.raises(BadPayload, match=r"the later calls of this chain take .* over the limit of 60,000"):
        chain(flowing.one.s(1), flowing.together.s("x" * 60_000)).delay()
    assert not calling.client.store.client.keys(f"*{calling.namespace}*ready*")


@pytest.mark.parametrize("point", ["cycle.answered", "relay.told"])
def test_a_worker_dies_between_the_end_and_what_follows_elsewhere(
    calling: Workshop, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the note in the outbox, told or not yet; and it is killed there again and again."""
    handle = chain(flowing.left.s(1), flowing.one.s(2), flowing.right.s(3)).delay()
    told = group([flowing.left.s(n) for n in range(3)], then=flowing.together.s("once")).delay()
    monkeypatch.setenv("ONEBEAT_FAILPOINT", f"{point}:kill:2")
    work(calling, lease_ms=1000)
    assert told.then is not None
    monkeypatch.delenv("ONEBEAT_FAILPOINT")
    until(lambda: "left 1" in calling.words(), "the first one")
    work(calling, lease_ms=1000)
    assert (handle.result(PATIENCE_S), told.then.result(PATIENCE_S)) == (4, "once")
    until(lambda: nothing_left(calling), "nothing is left")
    assert max(Counter(calling.words()).values()) <= 2  # left 1 is of the chain and of the group
    assert [note for note in calling.notes() if note.startswith("together")] == [
        f"together once {told.id}.then"
    ]


def test_each_runs_once_while_workers_are_killed(calling: Workshop) -> None:
    """Each effect is in the database, once: a call that was queued twice would have had two."""
    luck, route = random.Random(20), (flowing.right, flowing.left, flowing.right)
    groups = [
        group(
            [(flowing.one, flowing.left)[n % 2].s(100 * g + n) for n in range(8)],
            then=flowing.together.s(f"g{g}"),
        ).delay()
        for g in range(12)
    ]
    chains = [
        chain(flowing.one.s(9000 + c), *(one.s() for one in route), pass_result=True) for c in range(12)
    ]
    ends = [one.delay() for one in chains]
    workers = [work(calling, lease_ms=1000, processes=2) for _ in range(2)]
    for _ in range(6):
        time.sleep(luck.uniform(0.1, 0.9))
        victim = luck.randrange(2)
        pids = children_of(workers[victim].pid)
        if pids and luck.random() < 0.6:
            signal_(luck.choice(pids), 9)
        else:
            for pid in (workers[victim].pid, *pids):
                signal_(pid, 9)
            workers[victim] = work(calling, lease_ms=1000, processes=2)
    for g, told in enumerate(groups):
        assert told.then is not None
        assert told.then.result(PATIENCE_S) == f"g{g}"
    assert [one.result(PATIENCE_S) for one in ends] == [9000 + c + 2 for c in range(12)]
    until(lambda: nothing_left(calling), "nothing is left")
    counted = Counter(calling.words())
    assert set(counted.values()) == {1}
    assert len(counted) == 12 * 8 + 12 + 12 * 4
