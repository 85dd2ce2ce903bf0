"""Does everybody go on by himself when a deployment loses a server, or moves a slot, under load?

Replication is asynchronous: what was acknowledged in the last moment before a master died may be gone with
it (`docs/guarantees.md`). Everything else runs, once, and so does every time of every schedule.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from examples.tally import due_in
from onebeat.errors import StoreError
from onebeat.queue import Client
from tests.conformance.life import ACTS, PERIODS_S, QUEUES, Life
from tests.worker.running import until

WINDOW_S = 1.0  # what was acknowledged so long before the death of a master may die with it


class Load(threading.Thread):
    """Queues calls without a pause, on every queue in turn; `acknowledged` says when it was told so."""

    def __init__(self, client: Client) -> None:
        super().__init__(name="load", daemon=True)
        self._client = client
        self.over = threading.Event()
        self.acknowledged: dict[str, float] = {}
        self.unknown: set[str] = set()

    def run(self) -> None:
        number = 0
        while not self.over.wait(0.005):
            number += 1
            word = f"word-{number}"
            try:
                self._client.enqueue(f"{ACTS}:put", [word], queue=QUEUES[number % len(QUEUES)])
            except StoreError:
                self.unknown.add(word)
            else:
                self.acknowledged[word] = time.monotonic()

    def until_flowing(self, more: int = 100) -> None:
        """Return when so many more calls were acknowledged."""
        enough = len(self.acknowledged) + more
        until(lambda: len(self.acknowledged) >= enough, "the load flows")


@dataclass(frozen=True, slots=True)
class Weathered:
    """What a storm did: calls that were acknowledged, and of those the ones that went with a master."""

    acknowledged: int
    unknown: int
    lost: int
    away_s: float

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.lost} lost with the master, {self.unknown} unknown, "
            f"flowing again after {self.away_s:.1f} s"
        )


def weather(
    folder: Path,
    url: str,
    blow: Callable[[Load], None],
    *,
    may_lose: bool,
    durability: str = "default",
    workers: int = 1,
    health: tuple[int, ...] = (),
) -> Weathered:
    """Life under load on the deployment at `url` while `blow` happens to it.

    `may_lose`: calls of the last second before it may be gone. `durability` of the load; `health`: see
    `Life.start`. Nothing ever runs twice.
    """
    life = Life(folder, url, "storm")
    client = Client.from_url(url, "storm", durability)
    load = Load(client)
    try:
        life.start(workers, health)
        until(lambda: len(life.site.rows()) >= 2, "the schedules run")
        load.start()
        load.until_flowing()
        from_ms, blown_s = time.time_ns() // 1_000_000, time.monotonic()
        blow(load)
        load.until_flowing(20)
        away_s = time.monotonic() - blown_s
        load.until_flowing()
        to_ms = time.time_ns() // 1_000_000 - 1000
        load.over.set()
        load.join(60)
        lost = _settled(life, load, {*due_in(PERIODS_S, from_ms, to_ms)})
        late = {word for word in lost if not blown_s - WINDOW_S < load.acknowledged[word] < blown_s + away_s}
        assert not late, f"lost, and not with the master: {sorted(late)[:5]}; {life.logs()}"
        assert may_lose or not lost, f"lost: {sorted(lost)[:5]} of {len(lost)}; {life.logs()}"
        life.end()
    finally:
        load.over.set()
        client.close()
        life.site.close()
    doubled = [word for word, count in Counter(life.site.rows()).items() if count > 1]
    assert not doubled, f"run twice: {doubled[:5]}"
    return Weathered(len(load.acknowledged), len(load.unknown), len(lost), away_s)


def _settled(life: Life, load: Load, owed: set[str]) -> set[str]:
    """What is missing when everything that is left has run; every time of a schedule must be there."""
    life.has_run(*owed)
    life.stop_beat()  # it would feed the queues for ever
    for queue in QUEUES:
        until(lambda queue=queue: life.client.queue(queue).look().left == 0, f"queue {queue} is empty")
    return {*load.acknowledged} - {*life.site.rows()}
