"""Beats die, sleep or are cut off in the middle of what they do: is each time queued once?"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from onebeat.keys import queue_keys
from onebeat.scheduler import EveryTrigger
from onebeat.scheduler.beat import Beat
from onebeat.scheduler.schedule import CatchUp, CatchUpPolicy, Overlap, Schedule
from onebeat.testing import FaultProxy
from onebeat.wire import Command, Store
from tests.faults.conftest import CONFIG, MakeSite
from tests.servers import Server
from tests.worker.running import until

STEP_MS = 250
FAST = CONFIG + (
    "defaults: {overlap: allow, catch_up: {policy: all}}\n"
    f"schedules:\n  fast: {{task: 'tests.chaos.tasks:scheduled', every: {STEP_MS}ms}}\n"
)


def emitted(store: Store, namespace: str) -> list[int]:
    """The nominal times of `fast` in the order in which they were queued."""
    entries = store.perform(Command(("XRANGE", queue_keys(namespace, "default").log, "-", "+")))
    lines: list[Any] = []
    for _, fields in entries:
        packed = fields[1] if isinstance(fields, list) else fields[b"e"]
        lines += map(json.loads, packed.splitlines())
    return [int(line["id"].rpartition("@")[2]) for line in lines if line["event"] == "emitted"]


def assert_whole(nominals: list[int]) -> None:
    """Each time between the first and the last, once."""
    assert len(nominals) > 3
    assert Counter(nominals) == Counter(range(nominals[0], nominals[-1] + STEP_MS, STEP_MS))


@pytest.mark.parametrize("points", [("emit.planned", "emit.sent"), ("beat.led", "beat.enrolled")])
def test_killed_at_a_point(points: tuple[str, ...], make_site: MakeSite, notes: Path) -> None:
    """Three beats, two of which die; the third one goes on where they were."""
    site = make_site(
        *(f"{point}:kill:3" if point == "beat.led" else f"{point}:kill" for point in points), config=FAST
    )
    beats = [site.start("beat") for _ in range(3)]
    until(lambda: all((notes / f"{point}.fired").exists() for point in points), "both have died")
    until(lambda: sum(beat.poll() is not None for beat in beats) == 2, "two of three are dead")
    store = site.client.store
    before = len(emitted(store, site.namespace))
    until(lambda: len(emitted(store, site.namespace)) > before + 6, "the third one emits")
    assert_whole(emitted(store, site.namespace))


def test_told_to_stop_in_the_middle_of_a_batch(make_site: MakeSite, notes: Path) -> None:
    site = make_site("emit.planned:sleep=0.7:5", config=FAST)
    beat = site.start("beat")
    until(lambda: (notes / "emit.planned.fired").exists(), "it is in the middle")
    beat.terminate()
    assert beat.wait(90) == 0
    assert site.client.store.perform(Command(("EXISTS", site.client.store.space.leader))) == 0, "it resigned"
    site.start("beat")
    store = site.client.store
    before = len(emitted(store, site.namespace))
    until(lambda: len(emitted(store, site.namespace)) > before + 4, "another goes on")
    assert_whole(emitted(store, site.namespace))


def test_stopped_for_longer_than_its_lease(make_site: MakeSite) -> None:
    site = make_site(config=FAST)
    store = site.client.store
    beats = {beat.pid: beat for beat in (site.start("beat"), site.start("beat"))}
    until(lambda: len(emitted(store, site.namespace)) > 4, "one leads")
    until(lambda: store.perform(Command(("HLEN", store.space.beats))) == 2, "the other stands by")
    token = until(lambda: store.perform(Command(("GET", store.space.leader))), "one that leads now")
    leader = int(token.split(b":")[1])
    os.kill(leader, signal.SIGSTOP)
    before = len(emitted(store, site.namespace))
    until(lambda: len(emitted(store, site.namespace)) > before + 12, "the other one leads for 3 s")
    os.kill(leader, signal.SIGCONT)
    before = len(emitted(store, site.namespace))
    until(lambda: len(emitted(store, site.namespace)) > before + 4, "both are awake")
    assert [beat.poll() for beat in beats.values()] == [None, None]
    assert_whole(emitted(store, site.namespace))


class Beats:
    """Beats in threads of this process, each behind a proxy of its own."""

    def __init__(self, stack: ExitStack, url: str, namespace: str, count: int, *, proxies: bool) -> None:
        rules = {"overlap": Overlap.ALLOW, "catch_up": CatchUp(CatchUpPolicy.ALL)}
        fast = Schedule(id="fast", task="m:f", trigger=EveryTrigger(STEP_MS / 1000), **rules)
        self.proxies: list[FaultProxy] = []
        self.threads: list[threading.Thread] = []
        for _ in range(count):
            if proxies:
                self.proxies.append(stack.enter_context(FaultProxy(url)))
            store = stack.enter_context(
                Store.open(self.proxies[-1].url if proxies else url, namespace, deadline_s=0.5)
            )
            beat = Beat(store, [fast], config="one")
            self.threads.append(threading.Thread(target=beat.run))
            stack.callback(self.threads[-1].join, 90)
            stack.callback(beat.stop)
        for thread in self.threads:
            thread.start()


def test_cut_off_while_the_other_is_not(server: Server, namespace: str, store: Store) -> None:
    """Each in turn talks into a black hole, whoever leads."""
    with ExitStack() as stack:
        beats = Beats(stack, server.url, namespace, 2, proxies=True)
        until(lambda: len(emitted(store, namespace)) > 2, "they emit")
        for proxy in beats.proxies:
            proxy.black_hole()
            before = len(emitted(store, namespace))
            until(lambda before=before: len(emitted(store, namespace)) > before + 8, "the other one emits")
            proxy.heal()
            proxy.end()
        assert all(thread.is_alive() for thread in beats.threads)
    assert_whole(emitted(store, namespace))


def test_fifty_standbys(server: Server, namespace: str, store: Store) -> None:
    with ExitStack() as stack:
        Beats(stack, server.url, namespace, 51, proxies=False)
        until(lambda: store.perform(Command(("HLEN", store.space.beats))) == 51, "all are there")
        before = len(emitted(store, namespace))
        until(lambda: len(emitted(store, namespace)) > before + 4, "they emit")
    assert_whole(emitted(store, namespace))
